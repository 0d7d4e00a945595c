"""Demonstrations as rows to learn from: each observation beside the action it led to.

Unity's recorder stores with an observation the action that led *to* it: the agent's stored action
is the one before the new decision. A script of 2019 that converted older files stored the action
taken *at* it. So the action of a row stands in the next record of a recorder's file, and in the
same record of a converted one. The reward of a row is in the next record of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_records import Records, empty_records
from mlagents_tf.errors import DataError
from mlagents_tf.settings.demonstrations import ALIGNMENTS, AUTO, NEXT, SAME
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray


class Alignment(NamedTuple):
    """Which record the actions of a file are taken from, `next` or `same`, and why."""

    kind: str
    reason: str


class DemoRows(NamedTuple):
    """N records aligned, in the order of the file; every array has N rows.

    Behind row i stands what the same agent saw next, so `obs[i + 1]` is the next observation of
    every real row. A story ends with a row of `mask` False, which carries nothing but an
    observation: what was seen when the episode ended, or when the file did.

    Attributes:
        obs: tuple of [N, *shape], in the dtype of the spec, images channels first.
        continuous: [N, C] float32, taken at `obs`; 0 where `mask` is False.
        discrete: [N, D] int32, the same.
        allowed: [N, sum of branch sizes] bool, all True where nothing else was stored.
        rewards: [N] float32 for the action, group rewards included.
        terminated: [N] bool, the episode ended by what was done here.
        interrupted: [N] bool, the episode was cut after this.
        last: [N] bool, the final real row of its story; more than the two flags, a file may end.
        mask: [N] bool, True on rows with an action.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    allowed: BoolArray
    rewards: FloatArray
    terminated: BoolArray
    interrupted: BoolArray
    last: BoolArray
    mask: BoolArray

    @property
    def real(self) -> NDArray[np.intp]:
        """Indices of rows with an action."""
        return np.flatnonzero(self.mask)


def choose_alignment(file: DemoFile, wanted: str = AUTO) -> Alignment:
    """The alignment of a file: what is wanted, or what its end says about who wrote it."""
    if wanted not in ALIGNMENTS:
        raise DataError(f"alignment '{wanted}' is none of {', '.join(ALIGNMENTS)}.")
    if wanted != AUTO:
        return Alignment(wanted, "as asked for")
    if file.has_trailer:
        return Alignment(
            NEXT, "the metadata stands at its end again, as Unity's recorder leaves it"
        )
    return Alignment(SAME, "the last pair is its end, as in converted files")


def aligned_chunks(
    file: DemoFile, alignment: Alignment, chunks: Iterator[Records] | None = None
) -> Iterator[DemoRows]:
    """All rows of a file, some at a time, in bounded memory.

    Args:
        file: is read.
        alignment: of its actions.
        chunks: of its records, if not `file.chunks()`.
    """
    before = empty_records(file.spec, 0)
    left = file.num_records
    for chunk in file.chunks() if chunks is None else chunks:
        left -= len(chunk.rewards)
        records = _join(before, chunk) if len(before.rewards) else chunk
        rows = align(records, alignment.kind, complete=not left)
        yield rows
        before = _take(records, slice(len(rows.mask), None))


def align(records: Records, kind: str, complete: bool) -> DemoRows:
    """Rows of consecutive records.

    Args:
        records: of one file.
        kind: the record that holds the action of a row, `next` or `same`.
        complete: the file ends with them. Otherwise the last one must wait for its successor,
            and the one before it too, since its story may end with it.
    """
    count = len(records.rewards)
    following = _after(records)
    source = following if kind == NEXT else records
    mask = ~records.ended & source.has_action
    mask[count - 1 :] = False
    ended = mask & following.ended
    last = ended.copy()
    last[:-1] |= mask[:-1] & ~mask[1:]
    rows = DemoRows(
        records.obs,
        np.where(mask[:, None], source.continuous, 0).astype(np.float32),
        np.where(mask[:, None], source.discrete, 0).astype(np.int32),
        records.allowed,
        np.where(mask, following.rewards, 0).astype(np.float32),
        ended & ~following.interrupted,
        ended & following.interrupted,
        last,
        mask,
    )
    return rows if complete else take_rows(rows, slice(0, max(count - 2, 0)))


def take_rows(rows: DemoRows, place: slice) -> DemoRows:
    """Some of the rows, as views."""
    columns: tuple[NDArray[Any], ...] = rows[1:]
    return DemoRows(tuple(obs[place] for obs in rows.obs), *(x[place] for x in columns))


def empty_rows(spec: Spec, count: int) -> DemoRows:
    """Room for `count` rows."""
    r = empty_records(spec, count)
    terminated, interrupted, last, mask = np.zeros((4, count), np.bool_)
    return DemoRows(
        r.obs, r.continuous, r.discrete, r.allowed, r.rewards, terminated, interrupted, last, mask
    )


def _after(records: Records) -> Records:
    """The record behind each one; the last stands behind itself. Observations are left out."""
    return Records((), *(np.concatenate([array[1:], array[-1:]]) for array in records[1:]))


def _take(records: Records, place: slice) -> Records:
    """Some records, copied, so that the others can go."""
    obs = tuple(obs[place].copy() for obs in records.obs)
    return Records(obs, *(array[place].copy() for array in records[1:]))


def _join(first: Records, second: Records) -> Records:
    obs = tuple(map(_stacked, first.obs, second.obs))
    return Records(obs, *map(_stacked, first[1:], second[1:]))


def _stacked(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([first, second])
