"""Decisions of demonstrations of any size, read from their files by number.

One pass notes where each pair begins. It reads all but what was seen, since images take ten times
as long to decode as the rest; so a damaged image is noticed when it is drawn.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_records import record_bytes
from mlagents_tf.data.demo_rows import Alignment, aligned_chunks, choose_alignment
from mlagents_tf.data.demos import as_dtype, check_fit, remark
from mlagents_tf.settings.demonstrations import NEXT
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray


class Decisions(NamedTuple):
    """B decisions in any order.

    Attributes:
        obs: tuple of [B, *shape].
        continuous: [B, C] float32.
        discrete: [B, D] int32.
        allowed: [B, sum of branch sizes] bool.
        terminated: [B] bool, the episode ended by it.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    allowed: BoolArray
    terminated: BoolArray


class DemoIndex:
    """Takes 8 bytes a pair and 16 bytes a story in memory.

    Args:
        files: of one spec.
        spec: what they must fit; images take its dtype.
        alignment: `auto`, `next` or `same`.

    Attributes:
        num_rows: decisions in all files.
        remarks: for the log, one sentence for each file.

    Raises:
        DataError: cut, damaged anywhere but in an observation, or of another spec.
    """

    def __init__(self, files: Sequence[DemoFile], spec: Spec, alignment: str) -> None:
        self.spec = spec
        for file in files:
            check_fit(file, spec)
        self._files = [_FileIndex(file, choose_alignment(file, alignment)) for file in files]
        self._rows = np.cumsum([0, *(file.num_rows for file in self._files)])
        self._stories = np.cumsum([0, *(len(file.ends) for file in self._files)])
        self.num_rows = int(self._rows[-1])
        self.remarks = tuple(remark(f.file, f.alignment, f.num_rows) for f in self._files)

    def stories(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """[B] numbers of the episodes that decisions [B] are part of, counted from 0."""
        found = np.zeros(len(numbers), np.int64)
        for index, file in enumerate(self._files):
            ours, own = self._of_file(index, numbers)
            found[ours] = self._stories[index] + file.story(own)
        return found

    def read(self, numbers: NDArray[np.int64]) -> Decisions:
        """Decisions by their numbers [B], counted from 0; one may be asked for several times.

        Raises:
            DataError: an observation is damaged, or a file has changed.
        """
        decisions = _room(self.spec, len(numbers))
        for index, file in enumerate(self._files):
            ours, own = self._of_file(index, numbers)
            order = np.argsort(own, kind="stable")  # a disk is faster in one direction
            _put(decisions, ours[order], file.read(own[order]))
        return decisions

    def _of_file(
        self, index: int, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Which of the numbers stand in a file, and what they are there."""
        first, end = self._rows[index : index + 2]
        ours = np.flatnonzero((numbers >= first) & (numbers < end))
        return ours, numbers[ours] - first


class _FileIndex:
    """Where the decisions of a file are.

    Attributes:
        num_rows: decisions.
        ends: how many decisions there are up to the end of each story.
    """

    def __init__(self, file: DemoFile, alignment: Alignment) -> None:
        self.file, self.alignment = file, alignment
        starts = array("q")
        gaps = [np.zeros(0, np.int64)]  # records that are no decision
        count = 0
        for rows in aligned_chunks(file, alignment, file.skim(starts)):
            gaps.append(count + np.flatnonzero(~rows.mask))
            count += len(rows.mask)
        at = np.concatenate(gaps)
        self._starts = np.frombuffer(starts, np.int64)
        self._before_gaps = at - np.arange(len(at))  # decisions
        self.num_rows = count - len(at)
        ends = np.unique(self._before_gaps)
        self.ends = ends[ends > 0]

    def story(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self.ends, rows, side="right")

    def read(self, rows: NDArray[np.int64]) -> Decisions:
        numbers = rows + np.searchsorted(self._before_gaps, rows, side="right")
        found, following = self.file.pairs_at(numbers, self._starts)
        source = following if self.alignment.kind == NEXT else found
        return Decisions(
            found.obs,
            source.continuous,
            source.discrete,
            found.allowed,
            following.ended & ~following.interrupted,
        )


def rows_that_fit(spec: Spec, most_bytes: int) -> int:
    """How many decisions take `most_bytes` in memory; at least one."""
    return max(most_bytes // record_bytes(spec), 1)


def _room(spec: Spec, count: int) -> Decisions:
    actions = spec.actions
    return Decisions(
        tuple(np.empty((count, *obs.shape), obs.dtype) for obs in spec.observations),
        np.empty((count, actions.continuous_size), np.float32),
        np.empty((count, actions.num_branches), np.int32),
        np.empty((count, actions.num_discrete), np.bool_),
        np.empty(count, np.bool_),
    )


def _put(decisions: Decisions, places: NDArray[np.intp], some: Decisions) -> None:
    for target, obs in zip(decisions.obs, some.obs, strict=True):
        target[places] = as_dtype(obs, target.dtype)
    for target, column in zip(decisions[1:], some[1:], strict=True):
        target[places] = column
