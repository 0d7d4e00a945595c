"""Toy worlds for tests: walk along lines to the side that is shown. Learned in seconds."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

STRIDE = 0.2
TIME_PENALTY = np.float32(-0.01)
MOVES = np.array([-STRIDE, STRIDE, 0.0])  # by option; the third exists only where masks are
END = 1.0 - 1e-9


class LineWorld(World):
    """L lines from -1 to 1, one for each action dimension; on each a side is the goal.

    The agent starts in the middle of each line and stops at its ends. When it stands at an end of
    every line the episode terminates with the mean over lines of +1 (goal side) or -1; until then
    a decision costs 0.01. Going straight takes 5 decisions and brings 0.96.

    Attributes:
        places: [A, L] in [-1, 1].
        sides: [A, L] -1 or 1, where the goals are.
    """

    behavior = "toy-continuous"
    summary = "one continuous action moves along a line to the side shown"
    spec = Spec((ObservationSpec((1,), "goal side"),), ActionSpec(1))
    max_decisions = 50
    stored: ClassVar[tuple[str, ...]] = ("places", "sides")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        actions = self.spec.actions
        self.num_lines = actions.continuous_size + actions.num_branches
        self.places = np.zeros((self.num_areas, self.num_lines))
        self.sides = np.ones((self.num_areas, self.num_lines))

    def _begin(self, areas: NDArray[np.int64]) -> None:
        self.places[areas] = 0.0
        self.sides[areas] = self.generator.integers(0, 2, (len(areas), self.num_lines)) * 2.0 - 1.0

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        walked = np.clip(actions.continuous, -1.0, 1.0) * STRIDE
        chosen = MOVES[actions.discrete]
        moves = np.concatenate([walked, chosen], axis=1)
        arrived = np.abs(self.places) >= END
        self.places = np.clip(self.places + np.where(arrived, 0.0, moves), -1.0, 1.0)
        terminated: BoolArray = np.logical_and.reduce(np.abs(self.places) >= END, axis=1)
        prizes = (self.places * self.sides).mean(axis=1)
        return np.where(terminated, prizes, TIME_PENALTY).astype(np.float32), terminated

    def _observe(self) -> Observations:
        return (self.sides.astype(np.float32),)


class DiscreteLine(LineWorld):
    """Option 0 goes left, 1 goes right."""

    behavior = "toy-discrete"
    summary = "two options move along a line to the side shown"
    spec = Spec((ObservationSpec((1,), "goal side"),), ActionSpec(0, (2,)))


class MaskedLine(LineWorld):
    """Options left, right and stay; staying is forbidden away from the middle."""

    behavior = "toy-masked"
    summary = "toy-discrete with a third option that is masked most of the time"
    spec = Spec((ObservationSpec((2,), "goal side and place"),), ActionSpec(0, (3,)))

    def _observe(self) -> Observations:
        return (np.concatenate([self.sides, self.places], axis=1).astype(np.float32),)

    def _allowed_actions(self) -> BoolArray:
        allowed = np.ones((self.num_areas, 3), np.bool_)
        allowed[:, 2] = np.abs(self.places[:, 0]) < STRIDE / 2
        return allowed


class HybridLine(LineWorld):
    """Two lines: the first is walked by a continuous action, the second by two options."""

    behavior = "toy-hybrid"
    summary = "two lines at once, one continuous and one discrete"
    spec = Spec((ObservationSpec((2,), "goal sides"),), ActionSpec(1, (2,)))


class ImageLine(DiscreteLine):
    """The side is shown as the lit half of an image of bytes."""

    behavior = "toy-image"
    summary = "toy-discrete whose side is shown as the lit half of an image"
    spec = Spec((ObservationSpec((1, 20, 20), "goal side", dtype="uint8"),), ActionSpec(0, (2,)))

    def _observe(self) -> Observations:
        lit = np.zeros((self.num_areas, 1, 20, 20), np.uint8)
        lit[self.sides[:, 0] < 0, :, :, :10] = 255
        lit[self.sides[:, 0] > 0, :, :, 10:] = 255
        return (lit,)


class MemoryLine(DiscreteLine):
    """The side is shown on the first observation only; away from the middle it reads 0."""

    behavior = "toy-memory"
    summary = "toy-discrete whose side is shown at the start only"
    spec = Spec((ObservationSpec((1,), "goal side"),), ActionSpec(0, (2,)))

    def _observe(self) -> Observations:
        at_start = self._began[:, None] == self._clock
        return (np.where(at_start, self.sides, 0.0).astype(np.float32),)
