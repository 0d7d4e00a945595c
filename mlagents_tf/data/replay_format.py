"""How a replay stands in its file; docs/replay.md describes the same for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.replay import Replay

FORMAT = "mlagents_tf replay"
VERSION = 1
CHUNK_BYTES = 1 << 20


class Stored(NamedTuple):
    """How a column stands in the file.

    Attributes:
        dtype: of an item; truth values are bytes of 0 and 1, which every viewer shows.
        shape: rows first.
        chunks: shape of a chunk; None where there is nothing to store.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    chunks: tuple[int, ...] | None

    @property
    def num_bytes(self) -> int:
        """What it takes on disk, the unused end of the last chunk included."""
        if self.chunks is None:
            return 0
        rows = -(-self.shape[0] // self.chunks[0]) * self.chunks[0]
        return rows * _size(self.shape[1:]) * self.dtype.itemsize


def stored_columns(replay: Replay) -> dict[str, Stored]:
    """How each column of a replay stands in its file."""
    layout, rows = replay.layout, len(replay)
    columns = {}
    for name in layout.names or ():
        base, shape = layout[name].base, layout[name].shape
        dtype = np.dtype(np.uint8) if base == np.bool_ else base.newbyteorder("<")
        row_bytes = dtype.itemsize * _size(shape)
        chunks = None
        if rows and row_bytes:
            chunks = (min(rows, max(1, CHUNK_BYTES // row_bytes)), *shape)
        columns[name] = Stored(dtype, (rows, *shape), chunks)
    return columns


def stored_counts(replay: Replay) -> dict[str, int]:
    """Which moment of a run a replay is at, and how much it holds."""
    return {
        "capacity": replay.capacity,
        "first": replay.first,
        "end": replay.end,
        "num_rows": len(replay),
        "num_real": replay.num_real,
    }


def as_bytes(column: NDArray[Any]) -> NDArray[Any]:
    """The same memory, truth values as bytes."""
    return column.view(np.uint8) if column.dtype == np.bool_ else column


def parts(replay: Replay) -> Iterator[tuple[slice, slice]]:
    """(some of the rows in use, counted from the oldest; where they stand in a column)."""
    begin = 0
    for place in replay.places():
        count = place.stop - place.start
        yield slice(begin, begin + count), place
        begin += count


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
