import numpy as np
import pytest

from mlagents_tf.envs.embedded.hallway import SYMBOL_O, SYMBOL_X, Hallway
from tests.envs.playing import discrete, play

STAY, FORWARD, BACK, RIGHT, LEFT = range(5)
O_GOAL, X_GOAL, O_BLOCK, X_BLOCK, WALL, NOTHING, FRACTION = range(7)
LENGTH = 12.0


def placed(agent, degrees=0.0, block=(0.0, 6.0), symbol=SYMBOL_O, side=1.0):
    """One area with the agent at rest; 0 degrees looks towards the goals."""
    env = Hallway(1, seed=1)
    env.reset()
    env.place[:, 0], env.block[:, 0] = agent, block
    env.angle[:], env.symbol[:], env.side[:] = np.radians(degrees), symbol, side
    return env


def act(env, *options):
    for option in options:
        step = env.step({"Hallway": discrete([option] * env.num_areas)})["Hallway"]
    return step


def rays(env):
    """[5, 7] a new frame of the first area: ahead, right, left, far right, far left."""
    return env._look()[0].reshape(5, 7)


def knowing(env):
    """A rule that knows where everything is: around the symbol, then to the right goal."""

    def rule(_):
        (x, z), block_z = env.place, env.block[1]
        goal = 7.0 * env.side * np.where(env.symbol == SYMBOL_O, 1, -1)
        passed = z > block_z + 1.5
        to_x = np.where(passed, goal, np.sign(goal) * 7.5) - x
        to_z = np.where(passed, 22.0, block_z + 3.0) - z
        off = (np.arctan2(to_x, to_z) - env.angle + np.pi) % (2 * np.pi) - np.pi
        turn = np.where(off > 0, RIGHT, LEFT)
        return discrete(np.where(np.abs(off) < np.radians(10), FORWARD, turn))

    return rule


def test_speed_grows_to_30_metres_a_second():
    env = placed((0.0, 0.0), block=(0.0, -20.0))
    for _ in range(60):
        env.place[:] = 0.0
        act(env, FORWARD)
    # the push less friction (0.6 x 2 x 9.81 x 0.02) over the part that drag takes: 24 x 1.26456
    np.testing.assert_allclose(env.speed[:, 0], [0.0, 24 * (1.5 - 0.23544)], rtol=1e-4)


@pytest.mark.parametrize(("option", "degrees"), [(RIGHT, 18.0), (LEFT, -18.0), (STAY, 0.0)])
def test_a_turn_is_eighteen_degrees_a_decision(option, degrees):
    env = placed((0.0, -15.0))
    act(env, option)
    assert np.degrees(env.angle[0]) == pytest.approx(degrees)


@pytest.mark.parametrize(("option", "sign"), [(FORWARD, 1), (BACK, -1)])
def test_forward_leads_to_the_goals_at_heading_zero(option, sign):
    env = placed((0.0, -15.0))
    act(env, option)
    assert env.place[0, 0] == pytest.approx(0.0)
    assert sign * (env.place[1, 0] + 15.0) > 0.4


def test_a_decision_costs_two_thousandths():
    np.testing.assert_allclose(act(placed((0, -15)), STAY).rewards, [-0.002])


@pytest.mark.parametrize(
    ("symbol", "side", "prize"),
    [(SYMBOL_O, 1, 1.0), (SYMBOL_O, -1, -0.1), (SYMBOL_X, -1, 1.0), (SYMBOL_X, 1, -0.1)],
)
def test_touching_a_goal_pays_by_the_symbol_shown(symbol, side, prize):
    # on the right goal; 0.29 m before the contact: it comes in the fifth physics step of six
    step = act(placed((7.0, 19.5), symbol=symbol, side=side), FORWARD)
    assert step.terminated.tolist() == [True, False]
    np.testing.assert_allclose(step.rewards, [prize - 1 / 3000, 0.0], atol=1e-6)


def test_five_hundred_decisions_are_interrupted_and_cost_one():
    env = placed((0.0, -15.0))
    rewards = [float(act(env, STAY).rewards[0]) for _ in range(499)]
    step = act(env, STAY)
    assert step.interrupted.tolist() == [True, False]
    assert step.obs[1][0, 2] == 1.0
    assert sum(rewards) + step.rewards[0] == pytest.approx(-1.0, abs=1e-4)


def test_the_ray_ahead_meets_the_symbol_five_metres_away():
    for symbol, tag in ((SYMBOL_O, O_BLOCK), (SYMBOL_X, X_BLOCK)):
        ahead = rays(placed((0.0, 0.0), block=(0.0, 6.0), symbol=symbol))[0]
        assert ahead[tag] == 1.0
        assert ahead[FRACTION] == pytest.approx((6.0 - 0.5 - 0.5) / LENGTH)


def test_the_ray_ahead_meets_the_goal_whose_symbol_is_on_that_side():
    for side, tag in ((1, O_GOAL), (-1, X_GOAL)):
        ahead = rays(placed((7.0, 15.0), side=side))[0]
        assert ahead[tag] == 1.0
        assert ahead[FRACTION] == pytest.approx((20.29 - 15.0 - 0.5) / LENGTH)


def test_rays_to_the_right_come_before_those_to_the_left():
    # at x = 4 only the right wall, 5 m beside the sphere, is near: 70 degrees reach it first
    seen = rays(placed((4.0, -15.0), block=(0.0, 20.0)))
    assert seen[[0, 2, 4], NOTHING].tolist() == [1, 1, 1]
    np.testing.assert_allclose(
        seen[[1, 3], FRACTION], 5.0 / np.sin(np.radians([35.0, 70.0])) / LENGTH, rtol=1e-6
    )
    assert seen[[1, 3], WALL].tolist() == [1, 1]


def test_the_symbol_cannot_be_seen_from_the_goals():
    for degrees in range(0, 360, 5):
        env = placed((-7.0, 19.7), degrees, block=(-3.0, 5.0))
        assert rays(env)[:, [O_BLOCK, X_BLOCK]].sum() == 0


def test_the_symbol_stops_the_agent():
    env = placed((0.0, 0.0), block=(0.0, 6.0))
    act(env, *[FORWARD] * 10)
    np.testing.assert_allclose(env.place[:, 0], [0.0, 6.0 - 0.5 - 0.5])
    np.testing.assert_allclose(env.speed[:, 0], [0.0, 0.0])


def test_observations_are_three_frames_and_three_times_the_oldest_first():
    env = Hallway(2, seed=1)
    first = env.reset()["Hallway"]
    frames = first.obs[0].reshape(2, 3, 35)
    assert (frames[:, :2] == 0).all()
    assert (frames[:, 2] != 0).any()
    assert first.obs[1].tolist() == [[0, 0, 0], [0, 0, 0]]
    second = act(env, STAY, STAY)
    np.testing.assert_allclose(second.obs[1], [[0.0, 0.002, 0.004]] * 2)
    np.testing.assert_array_equal(second.obs[0].reshape(2, 3, 35)[:, 0], frames[:, 2])


def test_episodes_begin_where_unitys_do():
    env = Hallway(2000, seed=1)
    env.reset()
    x, z = env.place
    assert (np.abs(x).max() <= 3, np.abs(z + 15).max() <= 5) == (True, True)
    assert np.abs(env.block[1]).max() <= 5
    assert (env.block[0, env.symbol == SYMBOL_X] == 0).all()
    assert np.ptp(env.block[0, env.symbol == SYMBOL_O]) > 5.5
    assert env.symbol.mean() == pytest.approx(0.5, abs=0.05)
    assert env.side.mean() == pytest.approx(0.0, abs=0.1)


def test_who_knows_the_right_goal_earns_more_than_the_benchmark():
    env = Hallway(32, seed=2)
    returns, lengths = play(env, knowing(env), 300)
    assert len(returns) > 150
    assert np.mean(returns) > 0.85  # the benchmark is 0.7, Unity's recorded expert 0.87
    assert np.median(lengths) < 60
