"""Match3: swap two cells of a board so that three or more of a kind meet. Exactly Unity's rules."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.drawing import Canvas, Colour
from mlagents_tf.envs.embedded.match3_board import (
    COLUMNS,
    NUM_MOVES,
    NUM_SPECIALS,
    NUM_TYPES,
    ROWS,
    SPECIAL_OF,
    SWAPPED,
    TYPE_OF,
    deal,
    matching_moves,
    points_of_moves,
    settle,
)
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray, Step

REWARD = 0.01  # a point
LIT = np.uint8(255)
IMAGE = (
    DimensionProperty.NONE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
)
PAINT: tuple[Colour, ...] = (
    (206, 66, 60),
    (232, 150, 70),
    (240, 200, 40),
    (96, 190, 110),
    (52, 104, 214),
    (150, 90, 190),
)


class Match3(World):
    """One board in each area, with cells of six types, three in ten of them special.

    A move swaps two neighbours. Rows and columns of three or more of a type are cleared, cells
    above fall and new ones fill the board, again until nothing matches; all that is cleared pays.
    Moves that match nothing are masked, and without effect if taken. A board without a move is
    dealt anew.

    Attributes:
        boards: [A, 9, 8] cells as `match3_board` has them, row 0 at the bottom.
        moves: [A, 127] which moves match.
    """

    behavior = "Match3"
    summary = "swap cells so that three of a kind meet; 0.01 a point, 500 moves"
    spec = Spec(
        (
            ObservationSpec(
                (NUM_TYPES, ROWS, COLUMNS), "Match3 Sensor (cells)", IMAGE, dtype="uint8"
            ),
            ObservationSpec(
                (NUM_SPECIALS, ROWS, COLUMNS), "Match3 Sensor (special)", IMAGE, dtype="uint8"
            ),
        ),
        ActionSpec(0, (NUM_MOVES,)),
    )
    default_areas = 16
    max_decisions = 500
    stored: ClassVar[tuple[str, ...]] = ("boards", "moves")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.boards = np.zeros((self.num_areas, ROWS, COLUMNS), np.int8)
        self.moves = np.zeros((self.num_areas, NUM_MOVES), np.bool_)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        self.moves = self.moves.copy()  # the old ones are in a step
        self.boards[areas], self.moves[areas] = deal(len(areas), self.generator)

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        move = actions.discrete[:, 0]
        rewards = np.zeros(self.num_areas, np.float32)
        areas = np.flatnonzero(self.moves[self._all_areas, move])
        flat = self.boards.reshape(self.num_areas, -1)
        one, other = SWAPPED[:, move[areas]]
        flat[areas, one], flat[areas, other] = flat[areas, other], flat[areas, one]
        moved = self.boards[areas]
        rewards[areas] = REWARD * settle(moved, self.generator)
        self.boards[areas] = moved
        self.moves = matching_moves(self.boards)
        stuck = np.flatnonzero(~self.moves.any(axis=1))
        if len(stuck):
            self.boards[stuck], self.moves[stuck] = deal(len(stuck), self.generator)
        return rewards, np.zeros(self.num_areas, np.bool_)

    def _allowed_actions(self) -> BoolArray:
        return self.moves

    def _observe(self) -> Observations:
        return _planes(TYPE_OF[self.boards], NUM_TYPES), _planes(
            SPECIAL_OF[self.boards], NUM_SPECIALS
        )

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first board: a colour for each type, one or two dots on special cells."""
        canvas = Canvas(256, 288, (-0.5, COLUMNS - 0.5), (-0.5, ROWS - 0.5))
        for (y, x), cell in np.ndenumerate(self.boards[0]):
            canvas.box((x, y), (0.42, 0.42), PAINT[TYPE_OF[cell]])
            for dot in range(int(SPECIAL_OF[cell])):
                canvas.disc((x - 0.18 + 0.36 * dot, y), 0.12, (255, 255, 255))
        return canvas.pixels


def greedy_moves(step: Step, generator: np.random.Generator) -> Actions:
    """The heuristic player: of the moves whose first clearing brings most, any one.

    Args:
        step: deciding rows of Match3, [n].
        generator: chooses among equals.
    """
    types, special = (planes.argmax(axis=1) for planes in step.obs)
    points = points_of_moves((types * NUM_SPECIALS + special).astype(np.int8))
    chosen = (points + generator.random(points.shape)).argmax(axis=1)
    return Actions(np.zeros((len(points), 0), np.float32), chosen[:, None].astype(np.int32))


def _planes(values: NDArray[np.int8], count: int) -> NDArray[np.uint8]:
    """[A, count, 9, 8] one plane for each value, lit where it stands."""
    here = values[:, None] == np.arange(count, dtype=np.int8)[:, None, None]
    planes: NDArray[np.uint8] = here * LIT
    return planes
