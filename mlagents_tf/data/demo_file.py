"""A `.demo` file: what its head says, and its records a chunk at a time, in bounded memory.

A file may be of any size, and from anyone. What it says is compared with what is there before
anything is reserved for it. Pairs that are missing are an error, and never a shorter result.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

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
from mlagents_tf.data.demo_records import Records, empty_records, record_bytes
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

RECORD_BYTES = 4 * MOST_VALUES + (2 << 20)
CHUNK_BYTES = 8 << 20
CHUNK_RECORDS = 4096
OLD_RECORD = {key_of(4, DELIMITED), REWARD, DONE, ID}  # actions were among what became of it
OLD_OBSERVATIONS = (key_of(1, DELIMITED), key_of(2, DELIMITED))  # vectors, images
EMPTY = memoryview(b"")


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
        with self.open() as file:
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
        yield from self._records(self.spec)

    def skim(self, starts: array[int]) -> Iterator[Records]:
        """Like `chunks`, but what was seen is not decoded, and `obs` is empty.

        Args:
            starts: gets the byte at which each record begins, and where the last one ends.
        """
        yield from self._records(self._unseen, starts)

    def pairs_at(
        self, numbers: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> tuple[Records, Records]:
        """Some records, and the one behind each of them, of which `obs` is empty.

        Args:
            numbers: [B] of records, counted from 0; none of them is the last.
            starts: of all records, as `skim` found them.

        Raises:
            DataError: an observation is damaged, or the file has changed since.
        """
        found = empty_records(self.spec, len(numbers))
        following = empty_records(self._unseen, len(numbers))
        with self.open() as file:
            for place, number in enumerate(numbers.tolist()):
                start = int(starts[number])
                file.seek(start)
                source = Source(file, start, int(starts[number + 2]))
                self._read_record(source, found, place, number)
                self._read_record(source, following, place, number + 1)
        return found, following

    @property
    def _unseen(self) -> Spec:
        """What was done, and no observation."""
        return Spec((), self.spec.actions)

    def _records(self, spec: Spec, starts: array[int] | None = None) -> Iterator[Records]:
        size = min(max(CHUNK_BYTES // record_bytes(spec), 1), CHUNK_RECORDS)
        with self.open() as file:
            file.seek(self._first)
            source = Source(file, self._first, self._end)
            for start in range(0, self.num_records, size):
                records = empty_records(spec, min(size, self.num_records - start))
                for place in range(len(records.rewards)):
                    if starts is not None:
                        starts.append(source.at)
                    self._read_record(source, records, place, start + place)
                yield records
            self._check_end(source)
            if starts is not None:
                starts.append(source.at)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Its bytes.

        Raises:
            StorageError: they cannot be read.
        """
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

    def _read_record(self, source: Source, records: Records, place: int, number: int) -> None:
        """The next record, which is the file's `number`, into row `place`."""
        at = source.at
        try:
            info, action = self._pair(source.message(RECORD_BYTES))
            self._fill(records, place, info)
            self._fill_action(records, place, action, number + 1 == self.num_records)
        except WireError as error:
            raise self._wrong_record(at, number, error) from error

    def _fill(self, records: Records, place: int, info: AgentInfo) -> None:
        if len(info.observations) != len(self._readers):
            raise WireError(f"{len(info.observations)} observations, expected {len(self._readers)}")
        for index, obs in enumerate(records.obs):
            _read_observation(self._readers[index], info.observations[index], obs[place], index)
        if len(info.forbidden):
            records.allowed[place] = ~read_forbidden(info.forbidden, self.spec.actions)
        records.rewards[place] = info.reward + info.group_reward
        records.ended[place] = info.ended
        records.interrupted[place] = info.interrupted

    def _fill_action(self, records: Records, place: int, data: memoryview, last: bool) -> None:
        if not data and not self.has_trailer and (last or records.ended[place]):
            records.has_action[place] = False
            return
        out = records.continuous[place], records.discrete[place]
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
