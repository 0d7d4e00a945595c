"""Rows that overwrite the oldest, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.specs import Spec


class Ring:
    """`capacity` rows of several columns.

    Rows are counted from the beginning of the run; row i stands at `i % capacity` of every column.
    Memory is reserved when the first row is written, so that who only acts needs none.

    Args:
        layout: name, dtype and shape of what a row holds.
        capacity: rows.

    Attributes:
        columns: [capacity, ...] by name, as in `layout`.
        first: the oldest row there is.
        end: the row that is written next.
    """

    def __init__(self, layout: np.dtype[np.void], capacity: int) -> None:
        self.layout = layout
        self.capacity = capacity
        self.columns: dict[str, NDArray[Any]] = {}
        self.first = 0
        self.end = 0

    def __len__(self) -> int:
        """Rows in use."""
        return self.end - self.first

    @property
    def full(self) -> bool:
        """Whether each new row takes the place of the oldest."""
        return len(self) == self.capacity

    @property
    def num_bytes(self) -> int:
        """What the columns take when the ring is full."""
        return self.capacity * self.layout.itemsize

    def put_back(self) -> dict[str, NDArray[Any]]:
        """Columns for the rows from `first` to `end`, to be filled at `places`.

        If they are more than the ring holds, since buffer_size was lowered, the oldest are let go.
        When they are filled, `recount`.
        """
        self.first = max(self.first, self.end - self.capacity)
        self.columns = {name: self._column(name) for name in self.layout.names or ()}
        return self.columns

    def places(self) -> list[slice]:
        """Where the rows from `first` to `end` stand in a column, in order: one part or two."""
        start, stop = self.first % self.capacity, self.first % self.capacity + len(self)
        if stop <= self.capacity:
            return [slice(start, stop)]
        return [slice(start, self.capacity), slice(0, stop - self.capacity)]

    def _column(self, name: str) -> NDArray[Any]:
        layout = self.layout[name]
        return np.zeros((self.capacity, *layout.shape), layout.base)


def replay_layout(spec: Spec, memory_size: int) -> np.dtype[np.void]:
    """What a row of a replay holds."""
    actions = spec.actions
    of_memory = [("memories", np.float32, (memory_size,)), ("begins", np.bool_, ())]
    return np.dtype(
        [(f"obs_{k}", o.dtype, o.shape) for k, o in enumerate(spec.observations)]
        + [
            ("continuous", np.float32, (actions.continuous_size,)),
            ("discrete", np.int32, (actions.num_branches,)),
            ("allowed", np.bool_, (actions.num_discrete,)),
            ("rewards", np.float32, ()),
            ("terminated", np.bool_, ()),
            ("real", np.bool_, ()),
            ("next", np.int32, ()),
        ]
        + (of_memory if memory_size else [])
    )
