"""A toy maze for curiosity: nothing is paid before its end, and chance does not lead there."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

MAP = """
###########
#S..#.....#
#...#.###.#
#.......#.#
#########.#
#.........#
#.#####...#
#.#...#...#
#.#.G.#####
#.....#####
###########
"""
MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])  # by option: up, down, left, right

SIGNS = np.array([list(line) for line in MAP.split()])
CELLS = np.argwhere(SIGNS != "#")  # [cells, 2] row and column
NUMBERS = np.full(SIGNS.shape, -1)
NUMBERS[tuple(CELLS.T)] = np.arange(len(CELLS))
START, GOAL = int(NUMBERS[SIGNS == "S"][0]), int(NUMBERS[SIGNS == "G"][0])
_targets = NUMBERS[tuple(np.moveaxis(CELLS[:, None] + MOVES, 2, 0))]
NEXT = np.where(_targets < 0, np.arange(len(CELLS))[:, None], _targets)  # [cells, options]
ONE_HOT = np.eye(len(CELLS), dtype=np.float32)


class Maze(World):
    """Corridors and three rooms; 1 for reaching the goal, and nothing for anything else.

    The shortest way takes 32 decisions, the limit is 100. Random moves arrive in one of 190 000
    episodes (`tests/envs/embedded/test_maze.py` computes it), so what earns nothing teaches
    nothing. The cell is seen as one-hot: each is told from all others, so cells not yet seen stay
    new to a network that has learned the rest.

    Attributes:
        cells: [A] number of the agent's cell, row by row.
    """

    behavior = "toy-maze"
    summary = "a maze that pays 1 at its far end and nothing before; for curiosity"
    spec = Spec((ObservationSpec((len(CELLS),), "cell"),), ActionSpec(0, (len(MOVES),)))
    default_areas = 16
    max_decisions = 100
    stored: ClassVar[tuple[str, ...]] = ("cells",)

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.cells = np.full(self.num_areas, START)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        self.cells[areas] = START

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        self.cells = NEXT[self.cells, actions.discrete[:, 0]]
        arrived: BoolArray = self.cells == GOAL
        return arrived.astype(np.float32), arrived

    def _observe(self) -> Observations:
        return (ONE_HOT[self.cells],)
