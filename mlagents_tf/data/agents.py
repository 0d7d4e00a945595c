"""Places for live agents in per-agent arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Slots = NDArray[np.intp]

AGENT_TIMEOUT = 10_000
"""Steps after which an agent that was never heard of again is forgotten."""

CLEANING = 1_000
"""Steps between looks for such agents."""


class Agents:
    """Per-agent columns that agents enter and leave at any time.

    An agent holds one slot from the step it first decides to the step its episode ends; slots of
    agents that left are given to those that come. Columns are plain arrays `[capacity, ...]`,
    read as `agents["row"][slots]`, and grow with the population.

    Args:
        columns: dtype of each column, which may be one of several numbers; all start at 0.
    """

    def __init__(self, columns: Mapping[str, DTypeLike]) -> None:
        kinds = {name: np.dtype(dtype) for name, dtype in columns.items()}
        self._columns: dict[str, NDArray[Any]] = {
            name: np.zeros((8, *kind.shape), kind.base) for name, kind in kinds.items()
        }
        self._ids = np.full(8, -1, np.int64)
        self._taken = np.zeros(8, np.bool_)
        # what the last lookups found, until agents enter or leave
        self._sorted_ids: NDArray[np.int64] | None = None
        self._sorted_slots: Slots = np.zeros(0, np.intp)
        self._recent_ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._recent_slots: Slots = np.zeros(0, np.intp)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self._columns[column]

    def __len__(self) -> int:
        return int(np.count_nonzero(self._taken))

    @property
    def live(self) -> Slots:
        """[N] slots that are taken, in slot order."""
        return np.flatnonzero(self._taken)

    @property
    def ids(self) -> NDArray[np.int64]:
        """[N] ids of live agents, in slot order."""
        return self._ids[self._taken]

    def find(self, agent_ids: NDArray[np.int64]) -> Slots:
        """[N] ids -> [N] slots, -1 where an agent holds none."""
        if np.array_equal(agent_ids, self._recent_ids):
            return self._recent_slots
        if self._sorted_ids is None:
            live = self.live
            order = np.argsort(self._ids[live], kind="stable")
            self._sorted_slots = live[order]
            self._sorted_ids = self._ids[self._sorted_slots]
        if not len(self._sorted_ids):
            return np.full(len(agent_ids), -1, np.intp)
        places = np.searchsorted(self._sorted_ids, agent_ids)
        places[places == len(self._sorted_ids)] = 0
        found = self._sorted_ids[places] == agent_ids
        slots: Slots = np.where(found, self._sorted_slots[places], -1)
        return slots

    def expect(self, agent_ids: NDArray[np.int64], slots: Slots) -> None:
        """Says what `find` will probably be asked next, [N] ids, and its answer."""
        self._recent_ids, self._recent_slots = agent_ids.copy(), slots

    def add(self, agent_ids: NDArray[np.int64]) -> Slots:
        """Gives each of [N] new ids a slot whose columns are 0."""
        free = np.flatnonzero(~self._taken)
        while len(free) < len(agent_ids):
            self._grow()
            free = np.flatnonzero(~self._taken)
        slots = free[: len(agent_ids)]
        self._ids[slots] = agent_ids
        self._taken[slots] = True
        for column in self._columns.values():
            column[slots] = 0
        self._forget()
        return slots

    def values(self, column: str, agent_ids: NDArray[np.int64]) -> NDArray[Any]:
        """[N, ...] of a column for [N] ids, 0 for those that hold no slot."""
        slots = self.find(agent_ids)
        values = self._columns[column][slots]
        values[slots < 0] = 0
        return values

    def remove(self, slots: Slots) -> None:
        """Frees [N] slots."""
        if not len(slots):
            return
        self._taken[slots] = False
        self._ids[slots] = -1
        self._forget()

    def remove_silent(self, clock: int) -> None:
        """Frees the slots of agents whose column `seen` is AGENT_TIMEOUT steps behind `clock`."""
        live = self.live
        silent = clock - self["seen"][live] > AGENT_TIMEOUT
        if silent.any():
            self.remove(live[silent])

    def state(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """All arrays by name, behind a prefix; `load_state` puts them back."""
        own = {"ids": self._ids.copy(), "taken": self._taken.copy()} | {
            f"columns/{name}": column.copy() for name, column in self._columns.items()
        }
        return {prefix + name: array for name, array in own.items()}

    def load_state(self, state: Mapping[str, NDArray[Any]], prefix: str = "") -> None:
        """Continues where `state(prefix)` was taken; other names may stand beside its own."""
        self._ids, self._taken = state[f"{prefix}ids"].copy(), state[f"{prefix}taken"].copy()
        for name, column in self._columns.items():
            shape = (len(self._ids), *column.shape[1:])
            stored = state.get(f"{prefix}columns/{name}")  # earlier versions had no memories
            self._columns[name] = np.zeros(shape, column.dtype) if stored is None else stored.copy()
        self._forget()

    def _grow(self) -> None:
        size = len(self._ids)
        self._ids = np.concatenate([self._ids, np.full(size, -1, np.int64)])
        self._taken = np.concatenate([self._taken, np.zeros(size, np.bool_)])
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate([column, np.zeros_like(column)])

    def _forget(self) -> None:
        """Drops what was remembered of the last lookups."""
        self._sorted_ids = None
        self._recent_ids = np.zeros(0, np.int64)
        self._recent_slots = np.zeros(0, np.intp)
