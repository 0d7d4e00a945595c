import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.food_collector import FoodCollector
from mlagents_tf.envs.embedded.grid_sensor import turned
from mlagents_tf.steps import Actions
from tests.envs.playing import play

FOOD, AGENT, WALL, BAD, FROZEN = range(5)
FAR = 1000.0
FORWARD, STAY = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)


def placed(*agents):
    """One area without food; agents at (x, z, degrees), the others 5 m apart along the far wall."""
    env = FoodCollector(1, seed=1)
    env.reset()
    env.foods[:] = FAR
    env.place[:] = [np.arange(5) * 5.0 - 45.0, np.full(5, -48.0)]
    env.angle[:] = 0.0
    for index, (x, z, degrees) in enumerate(agents):
        env.place[:, index], env.angle[index] = (x, z), np.radians(degrees)
    return env


def act(env, *moves, shooting=()):
    """Moves of the first agents, the others stay."""
    rows = np.zeros((env.num_agents, 3), np.float32)
    rows[: len(moves)] = np.reshape(moves, (-1, 3))
    lasers = np.zeros((env.num_agents, 1), np.int32)
    lasers[list(shooting)] = 1
    return env.step({"FoodCollector": Actions(rows, lasers)})["FoodCollector"]


def cells(step, agent, tag):
    return {tuple(place) for place in np.argwhere(step.obs[0][agent, tag]).tolist()}


def knowing(env):
    """A rule that knows where food lies: straight to the nearest good one, faster if it is far."""

    def rule(_):
        food = np.repeat(env.foods[:, :, :25], 5, axis=1) - env.place[:, :, None]
        nearest = (food**2).sum(axis=0).argmin(axis=1)
        way = food[:, np.arange(env.num_agents), nearest]
        distance = np.hypot(*way)
        wanted = way / distance * np.minimum(2.5 * distance + 3.0, 25.0)
        right, ahead = turned(wanted - env.speed, env.angle) / 5.0
        moves = np.clip(np.stack([ahead, right, 0 * right], axis=1), -1.0, 1.0)
        return Actions(moves.astype(np.float32), np.zeros((len(moves), 1), np.int32))

    return rule


def test_five_agents_of_each_area_stand_area_by_area():
    step = FoodCollector(3, seed=1).reset()["FoodCollector"]
    assert step.agent_ids.tolist() == list(range(15))
    assert (step.obs[0].shape, step.obs[0].dtype) == ((15, 5, 40, 40), np.uint8)


def test_speed_grows_from_rest():
    # each physics step adds 2, friction takes 0.11772, drag a hundredth; above 5 m/s a twentieth
    env, speed = placed((0, 0, 0)), 0.0
    for _ in range(5):
        speed = ((0.95 * speed if speed > 5 else speed) + 2 - 0.11772) * 0.99
    act(env, FORWARD)
    np.testing.assert_allclose(env.speed[:, 0], [0.0, speed], atol=1e-9)
    assert speed == pytest.approx(8.5117, abs=1e-3)


def test_moves_are_ahead_and_to_the_right_of_the_heading():
    env = placed((0, 0, 90), (10, 0, 90))
    act(env, FORWARD, (0.0, 1.0, 0.0))
    assert env.place[0, 0] > 0.4
    assert env.place[1, 1] < -0.4


def test_a_full_turn_is_thirty_degrees_to_the_left():
    env = placed((0, 0, 0))
    act(env, (0.0, 0.0, 1.0))
    assert np.degrees(env.angle[0]) == pytest.approx(-30.0)


def test_actions_beyond_one_count_as_one():
    env, twin = placed((0, 0, 0)), placed((0, 0, 0))
    act(env, (5.0, 0.0, -7.0))
    act(twin, (1.0, 0.0, -1.0))
    np.testing.assert_array_equal(env.place, twin.place)


@pytest.mark.parametrize(("food", "reward"), [(0, 1.0), (25, -1.0)])
def test_good_food_brings_one_and_bad_food_costs_one_and_both_appear_elsewhere(food, reward):
    env = placed((0, 0, 0))
    env.foods[:, 0, food] = 0.0, 1.2
    step = act(env)
    assert step.rewards.tolist() == [reward, 0, 0, 0, 0]
    assert np.abs(env.foods[:, 0, food]).max() <= 45.0
    assert (env.foods[:, 0, food] != [0.0, 1.2]).all()


def test_food_out_of_touch_stays():
    env = placed((0, 0, 0))
    env.foods[:, 0, 0] = 0.0, 1.4  # the discs' radii are 0.564 and 0.75
    assert not act(env).rewards.any()


def test_food_that_two_agents_touch_is_eaten_once():
    env = placed((-0.5, 0, 0), (0.5, 0, 0))
    env.foods[:, 0, 0] = 0.0
    assert act(env).rewards.sum() == 1.0


def test_agents_eat_in_their_own_area():
    env = FoodCollector(2, seed=1)
    env.reset()
    env.foods[:] = FAR
    env.place[:] = [[0, 10, 20, 30, 40] * 2, [0.0] * 10]
    env.foods[:, 1, 3] = 20.0, 0.0
    assert act(env).rewards.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]


def test_food_and_agents_are_seen_where_they_are():
    env = placed((0, 0, 0), (-3.5, 10.5, 0))
    env.foods[:, 0, 0], env.foods[:, 0, 25] = (0.5, 5.5), (7.5, -8.5)
    step = act(env)
    # rows count from 20 m to the right, columns from 20 m behind
    assert (19, 25) in cells(step, 0, FOOD)
    assert (12, 11) in cells(step, 0, BAD)
    assert (23, 30) in cells(step, 0, AGENT)
    assert cells(step, 0, WALL) == cells(step, 0, FROZEN) == set()
    assert (19, 20) not in cells(step, 0, AGENT)  # itself


def test_the_picture_turns_with_the_agent():
    env = placed((0, 0, 90))
    env.foods[:, 0, 0] = 5.5, -0.5
    assert (19, 25) in cells(act(env), 0, FOOD)


def test_a_laser_freezes_the_agent_ahead_for_forty_decisions():
    env = placed((0, 0, 0), (0, 20, 0))
    step = act(env, shooting=[0])
    assert not cells(step, 0, AGENT)
    assert cells(step, 0, FROZEN)
    for _ in range(40):
        act(env, STAY, FORWARD)
        assert env.place[1, 1] == 20.0
    act(env, STAY, FORWARD)
    assert env.place[1, 1] > 20.4


@pytest.mark.parametrize(
    ("other", "food"), [((0, 28, 0), None), ((4, 20, 0), None), ((0, -9, 0), None), ((0, 20, 0), 9)]
)
def test_a_laser_misses_what_is_far_beside_behind_or_covered(other, food):
    env = placed((0, 0, 0), other)
    if food is not None:
        env.foods[:, 0, 0] = 0.0, food
    act(env, shooting=[0])
    assert not env._frozen().any()


def test_the_frozen_neither_shoot_nor_stay_frozen_longer_by_another_hit():
    env = placed((0, 0, 0), (0, 20, 180))
    act(env, shooting=[0])
    thaw = int(env.thaw[1])
    act(env, shooting=[0, 1])
    assert env._frozen().tolist() == [False, True, False, False, False]
    assert env.thaw[1] == thaw


def test_shooting_halves_the_thrust_and_brakes():
    env = placed((0, 0, 0))
    act(env, FORWARD, shooting=[0])
    assert 0 < env.speed[1, 0] < 3.0  # without the laser 8.5


def test_walls_stop_agents():
    env = placed((0, 45, 0))
    for _ in range(20):
        act(env, FORWARD)
    assert env.place[1, 0] == pytest.approx(50 - 1 / np.sqrt(np.pi))


def test_a_thousand_decisions_are_interrupted_and_food_stays():
    env = placed((0, 0, 0))
    for _ in range(999):
        act(env)
    foods = env.foods.copy()
    step = act(env)
    assert step.interrupted.tolist() == [True] * 5 + [False] * 5
    assert step.agent_ids.tolist() == list(range(10))
    np.testing.assert_array_equal(env.foods, foods)


def test_random_actions_bring_nothing_and_going_to_the_food_much():
    generator = np.random.default_rng(1)
    env = FoodCollector(4, seed=1)
    returns, _ = play(env, lambda step: random_actions(generator, env.spec.actions, step), 1000)
    assert np.mean(returns) == pytest.approx(0.0, abs=1.5)
    env = FoodCollector(4, seed=1)
    returns, lengths = play(env, knowing(env), 1000)
    assert lengths == [1000] * 20
    assert np.mean(returns) > 30  # Unity's benchmark is 10, its recorded expert earned 20.75
