"""Which agents are waiting for something to happen to them, in case their process dies."""

from __future__ import annotations

import numpy as np

from mlagents_tf.steps import BoolArray, IntArray, Step

FOLD_STEPS = 256
"""Steps that are kept before what they say is put together; each then costs next to nothing."""

FORGET_FOLDS = 40
"""Times of putting together after which an agent that was not seen again is forgotten."""


class LiveAgents:
    """Agents of one behavior that have asked for a decision and whose episode has not ended."""

    def __init__(self) -> None:
        self._old = self._young = np.zeros(0, np.int64)
        self._seen: list[tuple[IntArray, BoolArray]] = []
        self._folds = 0

    @property
    def ids(self) -> IntArray:
        """[N], sorted."""
        self._fold()
        return np.union1d(self._old, self._young)

    def see(self, step: Step) -> None:
        """Follows a step, whose arrays may change later."""
        self._seen.append((step.agent_ids.copy(), step.ended))
        if len(self._seen) >= FOLD_STEPS:
            self._fold()
            self._folds += 1
            if self._folds % FORGET_FOLDS == 0:
                self._old, self._young = self._young, np.zeros(0, np.int64)

    def forget(self, ids: IntArray) -> None:
        """Agents [N] that are gone without a last row."""
        self._seen.append((ids, np.ones(len(ids), np.bool_)))

    def _fold(self) -> None:
        """Since an id that has ended does not return, the order of steps does not matter."""
        if not self._seen:
            return
        ids = np.concatenate([ids for ids, _ in self._seen])
        ended = np.concatenate([ended for _, ended in self._seen])
        self._seen = []
        self._young = np.setdiff1d(np.union1d(self._young, ids), ids[ended])
        self._old = np.setdiff1d(self._old, ids[ended])
