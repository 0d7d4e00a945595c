"""Boards of Match3 as arrays: what matches, what falls, which swaps match. Many boards at once.

A board is [9, 8] cells, row 0 at the bottom; a cell is its type times three plus how special it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.steps import BoolArray, IntArray

ROWS, COLUMNS = 9, 8
NUM_TYPES, NUM_SPECIALS = 6, 3
TYPE_OF = np.repeat(np.arange(NUM_TYPES, dtype=np.int8), NUM_SPECIALS)  # by cell
SPECIAL_OF = np.tile(np.arange(NUM_SPECIALS, dtype=np.int8), NUM_TYPES)
POINTS_OF = SPECIAL_OF + np.int8(1)
SPECIAL_DRAWN = np.array([2, 1, 1, 0, 0, 0, 0, 0, 0, 0], np.int8)  # one in ten, two in ten

# a move swaps two cells; Unity numbers those to the right first, row by row, then those upwards
_numbers = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
SWAPPED = np.stack(
    [
        np.concatenate([_numbers[:, :-1].ravel(), _numbers[:-1].ravel()]),
        np.concatenate([_numbers[:, 1:].ravel(), _numbers[1:].ravel()]),
    ]
)
"""[2, moves] the flat cells that a move swaps."""
NUM_MOVES = SWAPPED.shape[1]

Boards = NDArray[np.int8]
"""[n, 9, 8]."""


def draw_cells(count: int, generator: np.random.Generator) -> NDArray[np.int8]:
    """[count] random cells: any type, three in ten special."""
    types = generator.integers(0, NUM_TYPES, count, np.int8)
    special = SPECIAL_DRAWN[generator.integers(0, len(SPECIAL_DRAWN), count)]
    cells: NDArray[np.int8] = types * np.int8(NUM_SPECIALS) + special
    return cells


def deal(count: int, generator: np.random.Generator) -> tuple[Boards, BoolArray]:
    """Boards without a match and with at least one move, and their moves [count, moves]."""
    boards = np.empty((count, ROWS, COLUMNS), np.int8)
    moves = np.zeros((count, NUM_MOVES), np.bool_)
    open_ = np.arange(count)
    while len(open_):
        dealt = draw_cells(len(open_) * ROWS * COLUMNS, generator).reshape(-1, ROWS, COLUMNS)
        settle(dealt, generator)
        boards[open_] = dealt
        moves[open_] = matching_moves(dealt)
        open_ = open_[~moves[open_].any(axis=1)]
    return boards, moves


def settle(boards: Boards, generator: np.random.Generator) -> IntArray:
    """Clear what matches, let cells fall and fill up, until nothing matches; changes `boards`.

    Returns:
        [n] points: 1 for a plain cell that is cleared, 2 and 3 for special ones.
    """
    points = np.zeros(len(boards), np.int64)
    active = np.arange(len(boards))
    while True:
        current = boards[active]
        matched = matches(TYPE_OF[current])
        hit = matched.any(axis=(1, 2))
        if not hit.any():
            return points
        active, current, matched = active[hit], current[hit], matched[hit]
        points[active] += (POINTS_OF[current] * matched).sum(axis=(1, 2))
        boards[active] = _fallen(current, matched, generator)


def matches(types: Boards) -> BoolArray:
    """[n, 9, 8] which cells lie in a row or column of three or more of one type."""
    matched = np.zeros(types.shape, np.bool_)
    for seen, marked in ((types, matched), (types.swapaxes(1, 2), matched.swapaxes(1, 2))):
        same = seen[:, :, 1:] == seen[:, :, :-1]
        three = same[:, :, 1:] & same[:, :, :-1]
        for shift in range(3):
            marked[:, :, shift : shift + three.shape[2]] |= three
    return matched


def matching_moves(boards: Boards) -> BoolArray:
    """[n, moves] which swaps make three or more of one type, on boards without a match."""
    types = TYPE_OF[boards]
    right = _matching_swaps(types)
    upward = _matching_swaps(types.swapaxes(1, 2)).swapaxes(1, 2)
    return np.concatenate([right.reshape(len(boards), -1), upward.reshape(len(boards), -1)], axis=1)


def points_of_moves(boards: Boards) -> IntArray:
    """[n, moves] what the first clearing after each move brings; 0 where nothing matches."""
    tried = np.repeat(boards.reshape(len(boards), 1, -1), NUM_MOVES, axis=1)
    every = np.arange(NUM_MOVES)
    tried[:, every[:, None], SWAPPED.T] = tried[:, every[:, None], SWAPPED[::-1].T]
    tried = tried.reshape(-1, ROWS, COLUMNS)
    points: IntArray = (POINTS_OF[tried] * matches(TYPE_OF[tried])).sum(axis=(1, 2))
    return points.reshape(len(boards), NUM_MOVES)


def _fallen(boards: Boards, cleared: BoolArray, generator: np.random.Generator) -> Boards:
    """What is left, fallen down in its column, under new cells."""
    order = np.argsort(cleared, axis=1, kind="stable")
    fallen = np.take_along_axis(boards, order, axis=1)
    empty = np.take_along_axis(cleared, order, axis=1)
    fallen[empty] = draw_cells(int(np.count_nonzero(empty)), generator)
    return fallen


def _matching_swaps(types: Boards) -> BoolArray:
    """[n, rows, columns - 1] whether swapping a cell with the one to its right makes three."""
    rows, columns = types.shape[1:]
    padded = np.full((len(types), rows + 4, columns + 4), -1, np.int8)
    padded[:, 2:-2, 2:-2] = types

    def is_at(value: Boards, row: int, column: int) -> BoolArray:
        """Whether the cell at this distance from each left one has `value`."""
        there = padded[:, 2 + row : 2 + row + rows, 2 + column : 1 + column + columns]
        same: BoolArray = value == there
        return same

    def joins(value: Boards, column: int, step: int) -> BoolArray:
        """Whether `value` makes three in `column`, or with two cells beyond, in steps of `step`."""
        below, above = is_at(value, -1, column), is_at(value, 1, column)
        upright = (below & above) | (below & is_at(value, -2, column))
        upright |= above & is_at(value, 2, column)
        beyond = is_at(value, 0, column + step) & is_at(value, 0, column + 2 * step)
        return upright | beyond

    return joins(types[:, :, :-1], 1, 1) | joins(types[:, :, 1:], 0, -1)
