import numpy as np
import pytest

from mlagents_tf.envs.embedded.maze import GOAL, NEXT, START, Maze
from tests.envs.playing import discrete, play

UP, DOWN, LEFT, RIGHT = range(4)
WAY = (
    *([DOWN] * 2 + [RIGHT] * 4 + [UP] * 2 + [RIGHT] * 4 + [DOWN] * 4),
    *([LEFT] * 8 + [DOWN] * 4 + [RIGHT] * 3 + [UP]),
)


def steps_from_the_start():
    """[cells] the fewest moves to each cell."""
    steps = np.full(len(NEXT), 1000)
    steps[START] = 0
    for _ in range(len(NEXT)):
        for option in range(4):
            np.minimum.at(steps, NEXT[:, option], steps + 1)
    return steps


def test_the_shortest_way_takes_32_moves_and_brings_1():
    env = Maze(2, seed=1)
    env.reset()
    for option in WAY[:-1]:
        step = env.step({"toy-maze": discrete([option] * 2)})["toy-maze"]
        assert step.rewards.tolist() == [0.0, 0.0]
        assert not step.ended.any()
    step = env.step({"toy-maze": discrete([WAY[-1]] * 2)})["toy-maze"]
    assert step.terminated.tolist() == [True, True, False, False]
    assert step.rewards.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert len(WAY) == steps_from_the_start()[GOAL] == 32


def test_every_cell_can_be_reached_and_left_again():
    assert steps_from_the_start().max() < 1000
    there_and_back = NEXT[NEXT[:, [UP, DOWN, LEFT, RIGHT]], [DOWN, UP, RIGHT, LEFT]]
    cells = np.arange(len(NEXT))[:, None]
    moved = cells != NEXT
    np.testing.assert_array_equal(there_and_back[moved], np.broadcast_to(cells, NEXT.shape)[moved])


def test_walls_hold_the_agent():
    env = Maze(1)
    first = env.reset()["toy-maze"].obs[0]
    for option in (UP, LEFT):
        seen = env.step({"toy-maze": discrete([option])})["toy-maze"].obs[0]
        np.testing.assert_array_equal(seen, first)


def test_each_cell_looks_different():
    env = Maze(len(NEXT))
    env.reset()
    env.cells[:] = np.arange(len(NEXT))
    (seen,) = env._observe()
    np.testing.assert_array_equal(seen, np.eye(len(NEXT)))


def test_random_moves_arrive_in_one_of_190_000_episodes():
    moves = np.zeros((len(NEXT), len(NEXT)))
    for option in range(4):
        np.add.at(moves, (np.arange(len(NEXT)), NEXT[:, option]), 0.25)
    moves[GOAL] = np.eye(len(NEXT))[GOAL]  # who has arrived stays
    chance = np.linalg.matrix_power(moves, Maze.max_decisions)[START, GOAL]
    assert chance < 1e-3
    assert 1 / chance == pytest.approx(188_000, rel=0.01)


def test_2000_random_episodes_bring_nothing_and_are_interrupted_after_100_decisions():
    generator = np.random.default_rng(1)
    returns, lengths = play(
        Maze(500, seed=1),
        lambda step: discrete(generator.integers(0, 4, len(step.agent_ids))),
        400,
    )
    assert len(returns) == 2000
    assert set(returns) == {0.0}
    assert set(lengths) == {100}
