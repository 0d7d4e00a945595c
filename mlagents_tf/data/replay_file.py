"""A replay on disk: one HDF5 file that any viewer opens, and that is read with distrust.

One dataset for each column of the replay, its rows in the order of time; attributes of the root
say which behavior and which moment they belong to. What is read is decided by the replay, whose
counters come from the same checkpoint, never by the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_checks import check_file, check_values
from mlagents_tf.data.replay_format import (
    FORMAT,
    VERSION,
    as_bytes,
    parts,
    stored_columns,
    stored_counts,
)
from mlagents_tf.errors import DataError
from mlagents_tf.timers import versions


def save_replay(path: Path, replay: Replay) -> None:
    """Writes the rows of a replay; whoever calls syncs the file and gives it its final name.

    Raises:
        OSError: the disk is full, or fails otherwise.
    """
    with _Output(path) as output:
        with h5py.File(output, "w") as file:
            _write_attributes(file, replay)
            for name, stored in stored_columns(replay).items():
                dataset = file.create_dataset(
                    name, shape=stored.shape, dtype=stored.dtype, chunks=stored.chunks
                )
                if stored.chunks is not None:
                    for rows, place in parts(replay):
                        dataset.write_direct(as_bytes(replay.columns[name]), place, rows)
        if output.error is not None:
            raise output.error


def load_replay(path: Path, replay: Replay) -> None:
    """Fills in the rows after `replay.load_state`; if they cannot be had, the replay loses them.

    If the ring has become smaller, the newest rows are taken.

    Raises:
        DataError: the file is damaged, foreign, or of another checkpoint; one sentence.
    """
    try:
        with _reading(path):
            size = path.stat().st_size
            with h5py.File(path, "r", locking="best-effort") as file:
                check_file(file, size, replay)
                _read(file, replay)
    except BaseException:
        replay.lose_rows()
        raise


class _Output(io.FileIO):
    """A file that keeps its first error to itself.

    HDF5 cannot close a file after a write that failed: later saves fail too, and the process
    crashes at its end. So it is never told; the error is raised when it is done.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        """Writes all of `data`, however many calls the system needs for it."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Cuts or extends the file."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


def _write_attributes(file: h5py.File, replay: Replay) -> None:
    texts = {
        "format": FORMAT,
        "mlagents_tf": versions()["mlagents-tf"],
        "spec": replay.spec.describe(),
        "spec_fingerprint": replay.spec.fingerprint(),
    }
    for name, text in texts.items():
        file.attrs[name] = np.bytes_(text.encode())
    for name, count in {"version": VERSION, **stored_counts(replay)}.items():
        file.attrs[name] = np.int64(count)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, as a DataError that names it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # a damaged file fails in more ways than h5py documents
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: not readable as HDF5: {reason}.") from error


def _read(file: h5py.File, replay: Replay) -> None:
    """Reads the newest rows straight into the columns of the replay, and counts them."""
    num_rows, num_real = len(replay), replay.num_real
    columns = replay.put_back()
    skipped = num_rows - len(replay)
    for name, column in columns.items():
        if num_rows and column.size:
            for rows, place in parts(replay):
                source = slice(skipped + rows.start, skipped + rows.stop)
                file[name].read_direct(as_bytes(column), source, place)
    check_values(replay)
    replay.recount()
    found = replay.num_real + int(np.count_nonzero(file["real"][:skipped]))
    if found != num_real:
        raise DataError(f"dataset 'real' has {found} real rows, expected {num_real}.")
