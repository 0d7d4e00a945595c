import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.match3 import Match3, greedy_moves
from mlagents_tf.envs.embedded.match3_board import SPECIAL_OF, TYPE_OF, matches, matching_moves
from tests.envs.embedded.test_match3_board import quiet_board, with_cells
from tests.envs.playing import discrete

GAP = {(4, 2): 0, (4, 4): 0, (5, 3): 2}  # of type 0; the one above the gap brings 3 points
UPWARDS = 63 + 4 * 8 + 3  # swaps the gap with the cell above it


def dealt(board):
    """One area with this board."""
    env = Match3(1, seed=1)
    env.reset()
    env.boards[0] = board
    env.moves = matching_moves(env.boards)
    return env


def act(env, move):
    return env.step({"Match3": discrete([move] * env.num_areas)})["Match3"]


def totals(areas, rule):
    """[A] returns of one episode."""
    env = Match3(areas, seed=1)
    step = env.reset()["Match3"]
    earned = np.zeros(areas)
    for _ in range(500):
        step = env.step({"Match3": rule(env, step)})["Match3"]
        earned += step.rewards[:areas]
    assert step.interrupted[:areas].all()
    return earned


def test_a_board_is_seen_as_one_lit_plane_for_each_cell():
    env = Match3(3, seed=1)
    cells, special = env.reset()["Match3"].obs
    assert (cells.shape, cells.dtype) == ((3, 6, 9, 8), np.uint8)
    assert (special.shape, special.dtype) == ((3, 3, 9, 8), np.uint8)
    np.testing.assert_array_equal(cells.argmax(axis=1), TYPE_OF[env.boards])
    np.testing.assert_array_equal(special.argmax(axis=1), SPECIAL_OF[env.boards])
    assert (cells.sum(axis=1, dtype=int) == 255).all()
    assert (special.sum(axis=1, dtype=int) == 255).all()


def test_only_moves_that_match_are_allowed():
    env = dealt(with_cells(GAP))
    assert np.flatnonzero(env._allowed_actions()[0]).tolist() == [UPWARDS]


def test_a_hundredth_is_paid_for_each_point():
    step = act(dealt(with_cells(GAP)), UPWARDS)
    points = 100 * float(step.rewards[0])
    assert points == pytest.approx(round(points), abs=1e-4)
    assert points >= 5 - 1e-4  # 1, 1 and 3, and what falls into place


def test_after_a_move_nothing_matches_and_some_move_is_open():
    env = Match3(50, seed=1)
    step = env.reset()["Match3"]
    generator = np.random.default_rng(1)
    for _ in range(20):
        step = env.step({"Match3": random_actions(generator, env.spec.actions, step)})["Match3"]
        assert not matches(TYPE_OF[env.boards]).any()
        assert step.allowed_actions.any(axis=1).all()


def test_a_masked_move_changes_nothing():
    env = dealt(with_cells(GAP))
    step = act(env, 0)
    assert step.rewards.tolist() == [0.0]
    np.testing.assert_array_equal(env.boards[0], with_cells(GAP))


def test_a_board_without_a_move_is_dealt_anew():
    env = dealt(quiet_board())
    step = act(env, 0)
    assert step.rewards.tolist() == [0.0]
    assert step.allowed_actions.any()
    assert (env.boards[0] != quiet_board()).any()


def test_the_heuristic_takes_the_move_that_brings_most():
    # beside the gap that brings 5, three plain cells could meet at the top for 3
    board = with_cells({**GAP, (8, 5): 3, (8, 7): 3, (7, 6): 3})
    env = dealt(board)
    step = act(dealt(board), 0)
    assert step.allowed_actions.sum() == 2
    assert greedy_moves(step, np.random.default_rng(1)).discrete.tolist() == [[UPWARDS]]
    assert act(env, UPWARDS).rewards[0] > 0.04


def test_the_heuristic_chooses_among_equals_by_lot():
    board = with_cells({(4, 2): 0, (4, 4): 0, (5, 3): 0, (8, 5): 3, (8, 7): 3, (7, 6): 3})
    step = act(dealt(board), 0)
    chosen = {
        int(greedy_moves(step, np.random.default_rng(seed)).discrete[0, 0]) for seed in range(20)
    }
    assert chosen == set(np.flatnonzero(step.allowed_actions[0]).tolist())
    assert len(chosen) == 2


def test_random_moves_earn_what_unitys_simple_heuristic_does():
    generator = np.random.default_rng(1)
    returns = totals(100, lambda env, step: random_actions(generator, env.spec.actions, step))
    assert returns.mean() == pytest.approx(34.2, abs=0.5)  # three standard errors are 0.36


def test_greedy_moves_earn_what_unitys_smart_heuristic_does():
    generator = np.random.default_rng(1)
    returns = totals(12, lambda env, step: greedy_moves(step, generator))
    assert returns.mean() == pytest.approx(37.0, abs=1.2)  # three standard errors are 1.15
