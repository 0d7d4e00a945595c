"""A `.demo` file: what its head says, and its records a chunk at a time, in bounded memory.

A file may be of any size, and from anyone. What it says is compared with what is there before
anything is reserved for it. Pairs that are missing are an error, and never a shorter result.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.demo_format import (
    ACTION_INFO,
    AGENT_INFO,
    BEHAVIOR_AT,
    BEHAVIOR_BYTES,
    META_BYTES,
    Meta,
    Source,
    read_meta,
)
from mlagents_tf.errors import DataError, StorageError
from mlagents_tf.protobuf.agents import (
    DONE,
    ID,
    OBSERVATIONS,
    REWARD,
    AgentInfo,
    read_action,
    read_agent_info,
    read_behavior,
    read_forbidden,
)
from mlagents_tf.protobuf.observations import MOST_VALUES, ObservationReader, make_reader
from mlagents_tf.protobuf.wire import DELIMITED, WireError, key_of, read_fields
from mlagents_tf.specs import ActionSpec, Spec
from mlagents_tf.steps import BoolArray, FloatArray

RECORD_BYTES = 4 * MOST_VALUES + (2 << 20)
CHUNK_BYTES = 8 << 20
CHUNK_RECORDS = 4096
OLD_RECORD = {key_of(4, DELIMITED), REWARD, DONE, ID}  # actions were among what became of it
OLD_OBSERVATIONS = (key_of(1, DELIMITED), key_of(2, DELIMITED))  # vectors, images
EMPTY = memoryview(b"")


class Records(NamedTuple):
    """K records as they stand in a file; actions are not aligned with observations yet.

    Attributes:
        obs: tuple of [K, *shape], in the dtype of the spec, images channels first.
        continuous: [K, C] float32.
        discrete: [K, D] int32.
        has_action: [K] bool, False where a converted file has none: behind the last decision.
        allowed: [K, sum of branch sizes] bool, for the decision that follows.
        rewards: [K] float32 since the record before, group rewards included.
        ended: [K] bool, the last record of its episode.
        interrupted: [K] bool, ended because it was cut.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    has_action: BoolArray
    allowed: BoolArray
    rewards: FloatArray
    ended: BoolArray
    interrupted: BoolArray


def empty_records(spec: Spec, count: int) -> Records:
    """Room for `count` records that have not ended and were rewarded with nothing."""
    actions = spec.actions
    return Records(
        tuple(np.empty((count, *obs.shape), obs.dtype) for obs in spec.observations),
        np.zeros((count, actions.continuous_size), np.float32),
        np.zeros((count, actions.num_branches), np.int32),
        np.ones(count, np.bool_),
        np.ones((count, actions.num_discrete), np.bool_),
        np.zeros(count, np.float32),
        np.zeros(count, np.bool_),
        np.zeros(count, np.bool_),
    )


def record_bytes(spec: Spec) -> int:
    """What a record takes in memory."""
    seen = sum(math.prod(obs.shape) * np.dtype(obs.dtype).itemsize for obs in spec.observations)
    actions = spec.actions
    return seen + 4 * (actions.continuous_size + actions.num_branches) + actions.num_discrete + 7


class DemoFile:
    """A `.demo` file, whose head and first record have been read.

    Attributes:
        meta: what it says about itself.
        behavior: the behavior's name, such as `3DBall?team=0`.
        spec: what was seen and done.
        has_trailer: a copy of the metadata stands at its end, where Unity's recorder leaves it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():  # a pipe would be waited for
            raise DataError(f"{path}: there is no such file.")
        with self._open() as file:
            self._size = os.fstat(file.fileno()).st_size
            head = memoryview(file.read(BEHAVIOR_AT))
            self.meta, copied = self._read_head(head)
            self.has_trailer = self._ends_with(file, copied)
            self._end = self._size - len(copied) if self.has_trailer else self._size
            file.seek(BEHAVIOR_AT)
            source = Source(file, BEHAVIOR_AT, self._end)
            self.behavior, actions = self._read_behavior(source)
            self._first = source.at
            self.spec = self._read_spec(source, actions)

    @property
    def num_records(self) -> int:
        """Pairs of an observation and an action."""
        return self.meta.number_steps

    def chunks(self) -> Iterator[Records]:
        """All records in their order, some at a time.

        Raises:
            DataError: one sentence with the place, what was read and what was expected.
        """
        size = min(max(CHUNK_BYTES // record_bytes(self.spec), 1), CHUNK_RECORDS)
        with self._open() as file:
            file.seek(self._first)
            source = Source(file, self._first, self._end)
            for start in range(0, self.num_records, size):
                records = empty_records(self.spec, min(size, self.num_records - start))
                for number in range(len(records.rewards)):
                    self._read_record(source, records, start, number)
                yield records
            self._check_end(source)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise StorageError(f"{self.path}: cannot read: {error.strerror or error}.") from error

    def _error(self, at: int, what: object) -> DataError:
        return DataError(f"{self.path}: byte {at}: {what}.")

    def _read_head(self, head: memoryview) -> tuple[Meta, bytes]:
        """The metadata, and its bytes, which may stand at the end once more."""
        size = head[0] if head else 0
        if len(head) < BEHAVIOR_AT or not size:
            raise self._error(0, f"no demonstration: {self._size} bytes without metadata")
        if size > META_BYTES:
            raise self._error(
                0, f"no demonstration, or a damaged one: metadata of {size} bytes, expected at "
                f"most {META_BYTES}"
            )  # fmt: skip
        data = head[1 : 1 + size]
        try:
            meta = read_meta(data)
        except WireError as error:
            raise self._error(1, f"no demonstration, or a damaged one: {error}") from error
        if not meta.number_steps:
            raise self._error(
                1, "the metadata states 0 pairs, expected at least 1; a recorder that is not "
                "closed leaves such a file"
            )  # fmt: skip
        return meta, bytes(data)

    def _ends_with(self, file: Any, copied: bytes) -> bool:
        if self._size < BEHAVIOR_AT + len(copied):
            return False
        file.seek(-len(copied), os.SEEK_END)
        return bool(file.read(len(copied)) == copied)

    def _read_behavior(self, source: Source) -> tuple[str, ActionSpec]:
        try:
            return read_behavior(source.message(BEHAVIOR_BYTES))
        except WireError as error:
            raise self._error(BEHAVIOR_AT, f"behavior parameters have {error}") from error

    def _read_spec(self, source: Source, actions: ActionSpec) -> Spec:
        """The spec of the first record, whose observations all others must have."""
        at = source.at
        try:
            info, _ = self._pair(source.message(RECORD_BYTES), first=True)
            self._readers = tuple(map(make_reader, info.observations))
        except WireError as error:
            raise self._wrong_record(at, 0, error) from error
        spec = Spec(tuple(reader.spec for reader in self._readers), actions)
        if not spec.observations or record_bytes(spec) > RECORD_BYTES:
            raise self._wrong_record(at, 0, f"observations of {record_bytes(spec)} bytes")
        return spec

    def _pair(self, data: memoryview, first: bool = False) -> tuple[AgentInfo, memoryview]:
        """What became of the agent, and the message of its action."""
        fields = read_fields(data, (AGENT_INFO, ACTION_INFO))
        infos, actions = fields[AGENT_INFO], fields[ACTION_INFO]
        if first and (fields.keys() & OLD_RECORD or _is_old(infos)):
            raise WireError(
                "the format of ML-Agents <= 0.11, expected that of 0.12 or newer; record the "
                "demonstration again"
            )
        if len(infos) != 1 or len(actions) > 1:
            raise WireError(
                f"{len(infos)} observations and {len(actions)} actions, expected 1 each"
            )
        return read_agent_info(infos[0]), actions[0] if actions else EMPTY

    def _read_record(self, source: Source, records: Records, start: int, number: int) -> None:
        at = source.at
        try:
            info, action = self._pair(source.message(RECORD_BYTES))
            self._fill(records, number, info)
            self._fill_action(records, number, action, start + number + 1 == self.num_records)
        except WireError as error:
            raise self._wrong_record(at, start + number, error) from error

    def _fill(self, records: Records, number: int, info: AgentInfo) -> None:
        if len(info.observations) != len(self._readers):
            raise WireError(f"{len(info.observations)} observations, expected {len(self._readers)}")
        for index, (reader, data) in enumerate(zip(self._readers, info.observations, strict=True)):
            _read_observation(reader, data, records.obs[index][number], index)
        if len(info.forbidden):
            records.allowed[number] = ~read_forbidden(info.forbidden, self.spec.actions)
        records.rewards[number] = info.reward + info.group_reward
        records.ended[number] = info.ended
        records.interrupted[number] = info.interrupted

    def _fill_action(self, records: Records, number: int, data: memoryview, last: bool) -> None:
        if not data and not self.has_trailer and (last or records.ended[number]):
            records.has_action[number] = False
            return
        out = records.continuous[number], records.discrete[number]
        read_action(data, self.spec.actions, *out)

    def _wrong_record(self, at: int, number: int, what: object) -> DataError:
        return self._error(at, f"pair {number + 1} of {self.num_records} has {what}")

    def _check_end(self, source: Source) -> None:
        left = self._end - source.at
        if left:
            raise self._error(
                source.at,
                f"{left} bytes behind the last of {self.num_records} pairs, expected the end of "
                "the file or a copy of its metadata",
            )


def _read_observation(
    reader: ObservationReader, data: memoryview, out: NDArray[Any], index: int
) -> None:
    try:
        reader.read(data, out)
    except WireError as error:
        raise WireError(f"observation {index} with {error}") from error


def _is_old(infos: list[memoryview]) -> bool:
    """Whether observations stand where they stood before sensors."""
    if len(infos) != 1:
        return False
    fields = read_fields(infos[0], (OBSERVATIONS, *OLD_OBSERVATIONS), most=1 << 16)
    return not fields[OBSERVATIONS] and any(fields[key] for key in OLD_OBSERVATIONS)
