import numpy as np
import pytest

from mlagents_tf.envs.embedded.match3_board import (
    COLUMNS,
    NUM_MOVES,
    NUM_SPECIALS,
    ROWS,
    SPECIAL_OF,
    SWAPPED,
    TYPE_OF,
    deal,
    draw_cells,
    matches,
    matching_moves,
    points_of_moves,
    settle,
)

ROW, COLUMN = np.mgrid[:ROWS, :COLUMNS]


def quiet_board():
    """[9, 8] plain cells of types 2 to 5 in squares of four: no match, and no swap makes one."""
    return ((2 + ROW % 2 * 2 + COLUMN % 2) * NUM_SPECIALS).astype(np.int8)


def with_cells(cells):
    """The quiet board with other cells at some places: {(row, column): cell}."""
    board = quiet_board()
    for place, cell in cells.items():
        board[place] = cell
    return board


def marked(cells):
    """Places that match on the quiet board with these types: {(row, column): type}."""
    board = with_cells({place: kind * NUM_SPECIALS for place, kind in cells.items()})
    return {tuple(place) for place in np.argwhere(matches(TYPE_OF[board][None])[0]).tolist()}


def test_the_quiet_board_has_neither_match_nor_move():
    assert marked({}) == set()
    assert not matching_moves(quiet_board()[None]).any()


def test_rows_and_columns_of_three_or_more_match():
    row = {(4, 2): 0, (4, 3): 0, (4, 4): 0}
    assert marked(row) == set(row)
    column = {(place, 2): 0 for place in (3, 4, 5, 6)}
    assert marked(column) == set(column)
    assert marked({(4, 2): 0, (4, 3): 0}) == set()


def test_a_corner_matches_both_ways():
    corner = {(4, 2): 0, (4, 3): 0, (4, 4): 0, (5, 2): 0, (6, 2): 0}
    assert marked(corner) == set(corner)


def test_moves_to_the_right_come_first_then_those_upwards():
    assert NUM_MOVES == 9 * 7 + 8 * 8
    pairs = SWAPPED.T.reshape(-1, 2)
    places = [[tuple(map(int, divmod(cell, COLUMNS))) for cell in pair] for pair in pairs]
    assert places[0] == [(0, 0), (0, 1)]
    assert places[7] == [(1, 0), (1, 1)]
    assert places[63] == [(0, 0), (1, 0)]
    assert places[126] == [(7, 7), (8, 7)]


def test_a_move_that_closes_a_gap_matches():
    # type 0 stands at (4, 2), (4, 4) and above the gap between them
    board = with_cells({(4, 2): 0, (4, 4): 0, (5, 3): 0})
    upwards = 63 + 4 * 8 + 3
    assert np.flatnonzero(matching_moves(board[None])[0]).tolist() == [upwards]


@pytest.mark.parametrize(("cells", "points"), [((0, 0, 0), 3), ((0, 1, 2), 6), ((2, 2, 2), 9)])
def test_special_cells_bring_two_and_three_points(cells, points):
    board = with_cells(dict(zip([(4, 2), (4, 4), (5, 3)], cells, strict=True)))
    assert points_of_moves(board[None]).max() == points


def test_moves_that_match_are_those_that_bring_points():
    boards, moves = deal(200, np.random.default_rng(1))
    np.testing.assert_array_equal(moves, points_of_moves(boards) > 0)
    assert moves.any(axis=1).all()


def test_dealt_boards_have_no_match():
    boards, _ = deal(200, np.random.default_rng(1))
    assert not matches(TYPE_OF[boards]).any()


def test_cells_above_a_cleared_column_fall_by_three():
    board = with_cells({(row, 2): 0 for row in (1, 2, 3)})
    boards = board[None].copy()
    settle(boards, np.random.default_rng(3))
    np.testing.assert_array_equal(boards[0, 1:6, 2], board[4:9, 2])
    assert boards[0, 0, 2] == board[0, 2]
    others = COLUMN != 2
    np.testing.assert_array_equal(boards[0][others], board[others])


def test_settling_counts_every_round():
    # three cells at (1..3, 2) are cleared, the one above falls to row 1, beside two of its type
    one = NUM_SPECIALS  # a plain cell of type 1
    column = dict.fromkeys([(1, 2), (2, 2), (3, 2)], 0)
    board = with_cells({**column, (4, 2): one, (1, 3): one, (1, 4): one})
    assert matches(TYPE_OF[board][None]).sum() == 3
    assert settle(board[None].copy(), np.random.default_rng(3))[0] >= 6


def test_boards_settle_alone():
    generator = np.random.default_rng(1)
    boards = np.stack([quiet_board(), with_cells({(4, 2): 0, (4, 3): 0, (4, 4): 0})])
    points = settle(boards, generator)
    assert points[0] == 0
    assert points[1] >= 3
    np.testing.assert_array_equal(boards[0], quiet_board())


def test_types_are_even_and_three_in_ten_cells_are_special():
    cells = draw_cells(60_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(TYPE_OF[cells]) / 60_000, 1 / 6, atol=0.01)
    np.testing.assert_allclose(np.bincount(SPECIAL_OF[cells]) / 60_000, [0.7, 0.2, 0.1], atol=0.01)
