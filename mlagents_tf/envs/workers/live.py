"""Which agents are waiting for something to happen to them, in case their process dies."""

from __future__ import annotations

import numpy as np

from mlagents_tf.steps import IntArray, Step

FORGET_STEPS = 10_000
"""Changes of the population after which an agent that was not seen again is forgotten."""


class LiveAgents:
    """Agents of one behavior that have asked for a decision and whose episode has not ended."""

    def __init__(self) -> None:
        nobody = np.zeros(0, np.int64)
        self._old, self._young, self._unchanged = nobody, nobody, nobody
        self._changes = 0

    @property
    def ids(self) -> IntArray:
        """[N], sorted."""
        return np.union1d(self._old, self._young)

    def see(self, step: Step, deciding: int) -> None:
        """Follows a step, of whose rows `deciding` ask for a decision."""
        ids = step.agent_ids
        calm = deciding == len(ids)
        if calm and np.array_equal(ids, self._unchanged):
            return
        self._unchanged = ids.copy() if calm else np.zeros(0, np.int64)
        ended = step.ended
        self._young = np.union1d(np.setdiff1d(self._young, ids[ended]), ids[~ended])
        self._old = np.setdiff1d(self._old, ids[ended])
        self._changes += 1
        if self._changes % FORGET_STEPS == 0:
            self._old, self._young = self._young, ids[~ended]
