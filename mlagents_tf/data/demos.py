"""Demonstrations: one `.demo` file, several, or a directory of them, as rows to learn from."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_records import record_bytes
from mlagents_tf.data.demo_rows import (
    Alignment,
    DemoRows,
    aligned_chunks,
    choose_alignment,
    empty_rows,
    take_rows,
)
from mlagents_tf.errors import DataError
from mlagents_tf.settings.demonstrations import AUTO
from mlagents_tf.specs import WHITE, ObservationSpec, Spec

SUFFIX = ".demo"
RESIDENT_BYTES = 1 << 30
HASHED_BYTES = 32 << 20
"""Of each end of a file: those of up to 64 MiB are hashed whole."""


class Demos(NamedTuple):
    """Demonstrations in memory.

    Attributes:
        spec: of the rows.
        rows: of all files, one behind the other; no story goes on into the next file.
        remarks: for the log, one sentence for each file: how much it holds, and the alignment.
    """

    spec: Spec
    rows: DemoRows
    remarks: tuple[str, ...]


class Summary(NamedTuple):
    """What a file holds: sums of rewards [E] and actions [E] of its stories, and how they end."""

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    num_terminated: int
    num_interrupted: int
    num_masked: int

    @property
    def num_open(self) -> int:
        """Stories that neither terminated nor were interrupted: the file ended first."""
        return len(self.returns) - self.num_terminated - self.num_interrupted


def find_demos(path: Path) -> list[Path]:
    """The file itself, or the `.demo` files of a directory, sorted by name."""
    if not path.is_dir():
        if not path.exists():
            raise DataError(f"{path}: there is no such file or directory.")
        return [path]
    visible = (file for file in path.iterdir() if not file.name.startswith("."))
    found = sorted(file for file in visible if file.suffix == SUFFIX)
    if not found:
        raise DataError(f"{path}: no file in this directory ends in '{SUFFIX}'.")
    return found


def open_demos(paths: Iterable[Path]) -> list[DemoFile]:
    """Files and directories, in the order given; all must be of one spec."""
    files = [DemoFile(found) for path in paths for found in find_demos(path)]
    for file in files[1:]:
        first = files[0]
        lines = differences(first.spec, file.spec)
        if lines or _dtypes(file.spec) != _dtypes(first.spec):
            raise DataError(
                f"{file.path}: holds {describe(file.spec)}, but {first.path} holds "
                f"{describe(first.spec)}."
            )
    return files


def load_demos(
    paths: Path | Sequence[Path],
    spec: Spec | None = None,
    alignment: str = AUTO,
    most_bytes: int = RESIDENT_BYTES,
) -> Demos:
    """All demonstrations, in memory.

    Args:
        paths: files, and directories of them.
        spec: what they must fit. Images take its dtype: bytes stand for floats from 0 to 1.
        alignment: `auto`, `next` or `same`.
        most_bytes: what they may take.

    Raises:
        DataError: damaged, foreign, of another spec, or too large; says which file, and where.
    """
    files = open_demos([paths] if isinstance(paths, Path) else paths)
    spec = files[0].spec if spec is None else spec
    for file in files:
        check_fit(file, spec)
    total = sum(file.num_records for file in files)
    if total * record_bytes(spec) > most_bytes:
        raise DataError(
            f"{files[0].path}{' and others' if len(files) > 1 else ''}: {total} pairs take "
            f"{total * record_bytes(spec) >> 20} MiB in memory, at most {most_bytes >> 20} MiB."
        )
    rows = empty_rows(spec, total)
    remarks = []
    start = 0
    for file in files:
        chosen = choose_alignment(file, alignment)
        for chunk in aligned_chunks(file, chosen):
            count = len(chunk.mask)
            _put(rows, slice(start, start + count), chunk)
            start += count
        own = take_rows(rows, slice(start - file.num_records, start))
        remarks.append(remark(file, chosen, int(np.count_nonzero(own.mask))))
    return Demos(spec, rows, tuple(remarks))


def fingerprint(files: Sequence[DemoFile], alignment: str) -> bytes:
    """32 bytes that tell these files, read in this way, from others; their names do not matter.

    In the middle of a file of more than 64 MiB a change of the same size is not noticed.
    """
    total = hashlib.sha256()
    for file in files:
        kind = choose_alignment(file, alignment).kind
        with file.open() as opened:
            size = os.fstat(opened.fileno()).st_size
            total.update(f"{size} {file.num_records} {kind} ".encode())
            total.update(opened.read(HASHED_BYTES))
            opened.seek(max(size - HASHED_BYTES, opened.tell()))
            total.update(opened.read())
    return total.digest()


def remark(file: DemoFile, alignment: Alignment, num_real: int) -> str:
    """A sentence for the log."""
    return (
        f"{file.path}: {file.num_records} pairs of behavior {file.behavior}, {num_real} to "
        f"learn from; action alignment '{alignment.kind}', {alignment.reason}."
    )


def summarize(file: DemoFile, alignment: Alignment) -> Summary:
    """Reads a whole file, in bounded memory."""
    returns, lengths = [np.zeros(0)], [np.zeros(0, np.int64)]
    counts = np.zeros(3, np.int64)
    earned, lived = 0.0, 0
    for rows in aligned_chunks(file, alignment):
        ends = np.flatnonzero(rows.last)
        rewards = earned + rows.rewards.cumsum(dtype=np.float64)
        actions = lived + rows.mask.cumsum(dtype=np.int64)
        returns.append(np.diff(rewards[ends], prepend=0.0))
        lengths.append(np.diff(actions[ends], prepend=0))
        masked = ~rows.allowed.all(axis=1)
        counts += [rows.terminated.sum(), rows.interrupted.sum(), masked.sum()]
        if len(rewards):
            closed = ends[-1:]
            earned = float(rewards[-1] - rewards[closed].sum())
            lived = int(actions[-1] - actions[closed].sum())
    return Summary(np.concatenate(returns), np.concatenate(lengths), *counts.tolist())


def check_fit(file: DemoFile, spec: Spec, of: str = "the behavior") -> None:
    """Raises DataError, with what differs side by side, if a file is not of `spec`."""
    lines = differences(file.spec, spec)
    if not lines:
        return
    table = [("", "the file", of), *lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )
    raise DataError(f"{file.path}: does not fit {of}:\n{text}")


def differences(first: Spec, second: Spec) -> list[tuple[str, str, str]]:
    """(what, of the first, of the second) wherever shapes or actions differ; names may."""
    pairs = itertools.zip_longest(first.observations, second.observations)
    found = [
        (f"observation {index}", _shape(one), _shape(other))
        for index, (one, other) in enumerate(pairs)
        if _shape(one) != _shape(other)
    ]
    if first.actions != second.actions:
        found.append(("actions", first.actions.describe(), second.actions.describe()))
    return found


def describe(spec: Spec) -> str:
    """One line for people, which tells bytes from floats: `[3, 84, 84] bytes; discrete [5]`."""
    return f"{', '.join(map(_shape_and_dtype, spec.observations))}; {spec.actions.describe()}"


def _shape(spec: ObservationSpec | None) -> str:
    return "none" if spec is None else str(list(spec.shape))


def _shape_and_dtype(spec: ObservationSpec) -> str:
    return _shape(spec) + (" bytes" if spec.dtype == "uint8" else "")


def _dtypes(spec: Spec) -> list[str]:
    return [obs.dtype for obs in spec.observations]


def _put(rows: DemoRows, place: slice, chunk: DemoRows) -> None:
    """Copies a chunk to where it belongs; images in the dtype that is wanted there."""
    for target, source in zip(rows.obs, chunk.obs, strict=True):
        target[place] = as_dtype(source, target.dtype)
    for target, source in zip(rows[1:], chunk[1:], strict=True):
        target[place] = source


def as_dtype(obs: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Observations in the dtype that is wanted: bytes of images stand for floats from 0 to 1."""
    if obs.dtype == dtype:
        return obs
    if dtype == np.uint8:
        return np.asarray(np.rint(np.clip(obs, 0.0, 1.0) * np.float32(WHITE)), np.uint8)
    return np.asarray(obs / np.float32(WHITE), np.float32)
