import numpy as np
import pytest

from mlagents_tf.envs.embedded.grid_world import GridWorldVector
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ObservationType
from mlagents_tf.steps import Actions
from tests.envs.playing import discrete, play

STAY, UP, DOWN, LEFT, RIGHT = range(5)
PLUS, EX = 1, 2


def placed(agent, plus=(4, 4), ex=(0, 4), goal=0):
    env = GridWorldVector(1)
    env.reset()
    env.signs[:] = 0
    env.signs[0][plus], env.signs[0][ex] = PLUS, EX
    env.places[0], env.goals[0] = agent, goal
    return env


def act(env, option):
    return env.step({"GridWorldVector": discrete([option])})["GridWorldVector"]


@pytest.mark.parametrize(
    ("option", "place"),
    [(STAY, (2, 2)), (UP, (2, 3)), (DOWN, (2, 1)), (LEFT, (1, 2)), (RIGHT, (3, 2))],
)
def test_options_move_by_one_cell_and_cost_a_hundredth(option, place):
    env = placed((2, 2))
    step = act(env, option)
    assert tuple(env.places[0]) == place
    np.testing.assert_allclose(step.rewards, [-0.01])


@pytest.mark.parametrize(("goal", "reward"), [(0, 1.0), (1, -1.0)])
def test_a_sign_ends_the_episode_with_one_or_minus_one(goal, reward):
    step = act(placed((4, 3), goal=goal), UP)
    np.testing.assert_allclose(step.rewards, [reward, 0.0])
    assert step.terminated.tolist() == [True, False]


def test_moves_into_the_border_are_masked_and_without_effect():
    env = placed((0, 0))
    step = act(env, STAY)
    assert step.allowed_actions.tolist() == [[True, True, False, False, True]]
    act(env, LEFT)
    assert tuple(env.places[0]) == (0, 0)
    assert act(placed((4, 3), plus=(1, 1)), STAY).allowed_actions[0].tolist() == [
        True,
        True,
        True,
        True,
        False,
    ]


def test_planes_show_agent_plus_and_ex_and_the_goal_is_a_goal_signal():
    step = act(placed((1, 2), plus=(4, 4), ex=(0, 3), goal=1), STAY)
    planes = step.obs[0].reshape(3, 5, 5)
    assert [tuple(np.argwhere(plane)[0]) for plane in planes] == [(1, 2), (4, 4), (0, 3)]
    assert planes.sum() == 3
    assert step.obs[1].tolist() == [[0.0, 1.0]]
    observation = GridWorldVector.spec.observations[1]
    assert observation.observation_type == ObservationType.GOAL_SIGNAL


def test_a_hundred_decisions_are_interrupted():
    env = placed((2, 2))
    for _ in range(100):
        step = act(env, STAY)
    assert step.interrupted.tolist() == [True, False]


def test_every_episode_begins_with_distinct_cells_and_fair_goals():
    env = GridWorldVector(1000, seed=1)
    step = env.reset()["GridWorldVector"]
    planes = step.obs[0].reshape(1000, 3, 25)
    assert (planes.sum(axis=2) == 1).all()
    assert (planes.sum(axis=1) <= 1).all()
    assert 0.45 < step.obs[1][:, 0].mean() < 0.55


def test_sizes_and_numbers_of_signs_are_parameters():
    env = GridWorldVector(50, seed=1)
    step = env.reset({"gridSize": 3, "numPlusGoals": 2, "numExGoals": 3})["GridWorldVector"]
    planes = step.obs[0].reshape(50, 3, 5, 5)
    assert planes[:, 1].sum() == 100
    assert planes[:, 2].sum() == 150
    assert planes[:, :, 3:].sum() == planes[:, :, :, 3:].sum() == 0
    with pytest.raises(EnvError, match="leave no cell for the agent on a grid of 2 x 2"):
        env.reset({"gridSize": 2})


def test_walking_straight_to_the_goal_brings_the_benchmark():
    def straight(step):
        planes = step.obs[0].reshape(-1, 3, 25)
        wanted = planes[np.arange(len(planes)), 1 + step.obs[1].argmax(axis=1)].argmax(axis=1)
        at = planes[:, 0].argmax(axis=1)
        dx, dz = (wanted // 5 - at // 5), (wanted % 5 - at % 5)
        options = np.where(dx > 0, RIGHT, np.where(dx < 0, LEFT, np.where(dz > 0, UP, DOWN)))
        return Actions(np.zeros((len(at), 0), np.float32), options[:, None].astype(np.int32))

    returns, lengths = play(GridWorldVector(seed=1), straight, 300)
    assert len(returns) > 500
    assert np.mean(returns) > 0.8  # the straight way sometimes crosses the wrong sign
    assert 2.5 < np.mean(lengths) < 4.5
