"""What a file must be before and after rows of a replay are read from it.

Names, types, shapes and storage must be those that would be written for the replay, so that
nothing is followed to elsewhere, decompressed, or reserved on the word of the file. Then values:
what no agent could have seen or done is refused. A DataError is one sentence without the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_format import (
    FORMAT,
    VERSION,
    Stored,
    as_bytes,
    stored_columns,
    stored_counts,
)
from mlagents_tf.errors import DataError

TEXT_BYTES = 4096
PIECE_BYTES = 1 << 20  # so that what is being checked stays in the processor's cache
LAYOUTS = {
    h5py.h5d.COMPACT: "compact",
    h5py.h5d.CONTIGUOUS: "contiguous",
    h5py.h5d.CHUNKED: "chunked",
    h5py.h5d.VIRTUAL: "virtual",
}


def check_file(file: h5py.File, size: int, replay: Replay) -> None:
    """Everything that can be known of an open file of `size` bytes before data is read."""
    _check_attributes(file, replay)
    columns = stored_columns(replay)
    needed = sum(stored.num_bytes for stored in columns.values())
    most = needed + needed // 64 + (1 << 20)  # the index of the chunks, and the rest
    if size > most:
        raise DataError(f"has {size} bytes, but its rows take at most {most}.")
    _check_names(file, columns)
    for name, stored in columns.items():
        _check_dataset(h5py.h5d.open(file.id, name.encode()), name, stored)


def check_values(replay: Replay) -> None:
    """Everything that can be known of the rows that were read."""
    columns = replay.columns
    for name, column in columns.items():
        if column.dtype == np.bool_:
            _check_range(name, replay, as_bytes(column), 2)
        elif column.dtype.kind == "f":
            for piece in _pieces(replay, column):
                if not np.isfinite(piece).all():
                    raise DataError(f"dataset '{name}' has a value that is not finite.")
    for branch, options in enumerate(replay.spec.actions.discrete_branches):
        _check_range("discrete", replay, columns["discrete"][:, branch], options)
    _check_following(replay)
    if replay.memory_size and (columns["begins"] & ~columns["real"]).any():
        raise DataError("dataset 'begins' is 1 on a row that is not real.")


def _check_attributes(file: h5py.File, replay: Replay) -> None:
    if _text(file, "format") != FORMAT:
        raise DataError(f"attribute 'format' is not '{FORMAT}'.")
    version = _count(file, "version")
    if version != VERSION:
        raise DataError(f"is of format version {version}, only {VERSION} can be read.")
    fingerprint, own = _text(file, "spec_fingerprint"), replay.spec.fingerprint()
    if fingerprint != own:
        raise DataError(
            f"holds {_text(file, 'spec')} (fingerprint {fingerprint}), but the behavior has "
            f"{replay.spec.describe()} (fingerprint {own})."
        )
    expected = stored_counts(replay)
    found = {name: _count(file, name) for name in expected}
    for name in ("first", "end", "num_rows", "num_real"):
        if found[name] != expected[name]:
            raise DataError(
                f"belongs to another checkpoint: its '{name}' is {found[name]}, the trainer's is "
                f"{expected[name]}."
            )


def _text(file: h5py.File, name: str) -> str:
    attribute = _attribute(file, name)
    if attribute.dtype.kind != "S" or attribute.dtype.itemsize > TEXT_BYTES:
        raise DataError(f"attribute '{name}' is not a text of fixed length.")
    return bytes(file.attrs[name]).decode("utf-8", "backslashreplace")


def _count(file: h5py.File, name: str) -> int:
    attribute = _attribute(file, name)
    if attribute.dtype != np.dtype("<i8"):
        raise DataError(f"attribute '{name}' is not a 64-bit integer.")
    return int(file.attrs[name])


def _attribute(file: h5py.File, name: str) -> h5py.h5a.AttrID:
    if name not in file.attrs:
        raise DataError(f"has no attribute '{name}'.")
    attribute = file.attrs.get_id(name)
    if attribute.shape != ():
        raise DataError(f"attribute '{name}' is not a single value.")
    return attribute


def _check_names(file: h5py.File, columns: dict[str, Stored]) -> None:
    """Refuses other datasets than expected, and whatever leads elsewhere."""
    if len(file) > 2 * len(columns):
        raise DataError(f"has {len(file)} entries, expected {len(columns)}.")
    names = set(file)
    if missing := columns.keys() - names:
        raise DataError(f"has no dataset '{min(missing)}'.")
    if extra := names - columns.keys():
        raise DataError(f"has an entry {min(extra)!r}, which no replay has.")
    for name in columns:
        if file.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise DataError(f"'{name}' is a link to elsewhere, expected a dataset.")
        if h5py.h5o.get_info(file.id, name.encode()).type != h5py.h5o.TYPE_DATASET:
            raise DataError(f"'{name}' is not a dataset.")


def _check_dataset(dataset: h5py.h5d.DatasetID, name: str, stored: Stored) -> None:
    """Refuses a dataset that is not stored as it would be written."""
    properties = dataset.get_create_plist()
    if properties.get_external_count():
        raise DataError(f"dataset '{name}' keeps its data in other files.")
    expected = LAYOUTS[h5py.h5d.CHUNKED if stored.chunks else h5py.h5d.CONTIGUOUS]
    layout = LAYOUTS.get(properties.get_layout(), "of an unknown layout")
    if layout != expected:
        raise DataError(f"dataset '{name}' is {layout}, expected {expected}.")
    if properties.get_nfilters():
        raise DataError(f"dataset '{name}' is compressed or filtered, expected neither.")
    kind = dataset.get_type()
    if kind.committed():
        raise DataError(f"dataset '{name}' has a named type, expected {stored.dtype}.")
    if not kind.equal(h5py.h5t.py_create(stored.dtype)):
        raise DataError(f"dataset '{name}' is of type {_shown(kind)}, expected {stored.dtype}.")
    shape = dataset.get_space().shape
    if shape != stored.shape:
        raise DataError(f"dataset '{name}' has shape {shape}, expected {stored.shape}.")
    if stored.chunks and properties.get_chunk() != stored.chunks:
        chunks = properties.get_chunk()
        raise DataError(f"dataset '{name}' has chunks {chunks}, expected {stored.chunks}.")
    size = dataset.get_storage_size()
    if size != stored.num_bytes:
        raise DataError(f"dataset '{name}' stores {size} bytes, its rows take {stored.num_bytes}.")


def _shown(kind: h5py.h5t.TypeID) -> str:
    try:
        return str(kind.dtype)
    except Exception:  # NumPy has no name for it
        return f"class {kind.get_class()} of HDF5"


def _check_range(name: str, replay: Replay, column: NDArray[Any], end: int) -> None:
    for piece in _pieces(replay, column):
        low, high = int(piece.min()), int(piece.max())
        if low < 0 or high >= end:
            worst = low if low < 0 else high
            raise DataError(f"dataset '{name}' has the value {worst}, expected 0 to {end - 1}.")


def _check_following(replay: Replay) -> None:
    """Refuses a row whose next observation would be one that has not been made yet."""
    behind = replay.end - 1 - replay.first
    for place in replay.places():
        real, following = replay.columns["real"][place], replay.columns["next"][place]
        left = np.arange(behind, behind - len(real), -1)
        wrong = real & ((following < 1) | (following > left))
        if wrong.any():
            at = int(wrong.argmax())
            raise DataError(
                f"dataset 'next' has the value {following[at]}, expected 1 to {left[at]}."
            )
        behind -= len(real)


def _pieces(replay: Replay, column: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The rows in use, some at a time; none of a column that holds nothing."""
    row_bytes = column.nbytes // len(column)
    if not row_bytes:
        return
    size = max(1, PIECE_BYTES // row_bytes)
    for place in replay.places():
        for start in range(place.start, place.stop, size):
            yield column[start : min(start + size, place.stop)]
