"""Basic: a line of 21 places with a small prize near and a large one far. Exactly Unity's."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

NUM_PLACES = 21
NUM_SEEN = 20  # place 20 has no slot in the observation; it cannot be reached
START, SMALL_GOAL, LARGE_GOAL = 10, 7, 17
MOVES = np.array([0, -1, 1])  # by option
REWARDS = np.full(NUM_PLACES, -0.01, np.float32)
REWARDS[SMALL_GOAL] += np.float32(0.1)
REWARDS[LARGE_GOAL] += np.float32(1.0)
IS_GOAL = np.isin(np.arange(NUM_PLACES), [SMALL_GOAL, LARGE_GOAL])
ONE_HOT = np.eye(NUM_PLACES, NUM_SEEN, dtype=np.float32)


class Basic(World):
    """Option 0 stays, 1 goes left, 2 goes right; 0.93 is the most an episode can bring."""

    behavior = "Basic"
    summary = "walk along a line, past the small prize's side, to the large one"
    spec = Spec((ObservationSpec((NUM_SEEN,), "place"),), ActionSpec(0, (3,)))
    stored: ClassVar[tuple[str, ...]] = ("places",)

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.places = np.full(self.num_areas, START)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        self.places[areas] = START

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        moved = self.places + MOVES[actions.discrete[:, 0]]
        self.places = np.minimum(np.maximum(moved, 0), NUM_PLACES - 1)
        return REWARDS[self.places], IS_GOAL[self.places]

    def _observe(self) -> Observations:
        return (ONE_HOT[self.places],)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area's line: agent blue, prizes green."""
        canvas = Canvas(width=420, height=80, x_range=(-0.5, 20.5), y_range=(-2.0, 2.0))
        for place in range(NUM_PLACES):
            canvas.box((place, 0.0), (0.45, 0.45), (205, 208, 214))
        canvas.box((SMALL_GOAL, 0.0), (0.25, 0.25), (96, 190, 110))
        canvas.box((LARGE_GOAL, 0.0), (0.45, 0.45), (40, 160, 70))
        canvas.disc((float(self.places[0]), 0.0), 0.4, (60, 110, 220))
        return canvas.pixels
