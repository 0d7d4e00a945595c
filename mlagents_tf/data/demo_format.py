"""Where things stand in a `.demo` file.

```text
0     metadata, behind its length; 33 bytes are reserved, and it is written last
33    behavior parameters, behind their length
then  number_steps records, each behind its length
end   Unity's recorder leaves a copy of the metadata, without its length
```
"""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from mlagents_tf.protobuf.wire import (
    DELIMITED,
    FIXED32,
    VARINT,
    WireError,
    as_float,
    as_text,
    bytes_field,
    float_field,
    integer_field,
    key_of,
    read_fields,
    read_varint,
    signed,
)

BEHAVIOR_AT = 33
META_BYTES = BEHAVIOR_AT - 1
BEHAVIOR_BYTES = 1 << 20
READ_BYTES = 1 << 20
VERSION = 1
MOST_VARINT = 10

# DemonstrationMetaProto
API_VERSION = key_of(1, VARINT)
META_NAME = key_of(2, DELIMITED)
NUMBER_STEPS = key_of(3, VARINT)
NUMBER_EPISODES = key_of(4, VARINT)
MEAN_REWARD = key_of(5, FIXED32)
# AgentInfoActionPairProto
AGENT_INFO = key_of(1, DELIMITED)
ACTION_INFO = key_of(2, DELIMITED)


class Meta(NamedTuple):
    """What a file says about itself; Unity counts an episode that is not over as one, too."""

    name: str
    number_steps: int
    number_episodes: int
    mean_reward: float


def read_meta(data: memoryview) -> Meta:
    """DemonstrationMetaProto."""
    fields = read_fields(data)
    version = fields.get(API_VERSION, 0)
    if version not in (0, VERSION):
        raise WireError(f"format version {version}, expected 0 or {VERSION}")
    steps = signed(fields.get(NUMBER_STEPS, 0))
    episodes = signed(fields.get(NUMBER_EPISODES, 0))
    if steps < 0 or episodes < 0:
        raise WireError(f"{steps} steps and {episodes} episodes")
    mean = as_float(fields[MEAN_REWARD]) if MEAN_REWARD in fields else 0.0
    return Meta(as_text(fields.get(META_NAME, memoryview(b""))), steps, episodes, mean)


def encode_meta(meta: Meta) -> bytes:
    """DemonstrationMetaProto, its name cut so that it fits its place."""
    numbers = (
        integer_field(3, meta.number_steps)
        + integer_field(4, meta.number_episodes)
        + float_field(5, meta.mean_reward)
    )
    version = integer_field(1, VERSION)
    room = META_BYTES - len(version) - len(numbers) - 2
    name = meta.name.encode()[:room].decode(errors="ignore")
    return version + bytes_field(2, name.encode()) + numbers


class Source:
    """Messages one behind the other, read from a file as they are asked for.

    Args:
        file: stands at byte `at`.
        at: where the first message begins.
        end: where the last one must have ended.
    """

    def __init__(self, file: BinaryIO, at: int, end: int) -> None:
        self._file, self._end = file, end
        self._next = at  # the first byte of the file that is not in the buffer
        self._buffer = memoryview(b"")

    @property
    def at(self) -> int:
        """Where the next message begins."""
        return self._next - len(self._buffer)

    def message(self, most: int) -> memoryview:
        """The next message, of at most `most` bytes."""
        self._fill(MOST_VARINT)
        if not self._buffer:
            raise WireError("the end of the file, expected a message")
        size, start = read_varint(self._buffer, 0)
        left = self._end - self.at - start
        if size > left:
            raise WireError(f"a message of {size} bytes, {left} are left")
        if size > most:
            raise WireError(f"a message of {size} bytes, at most {most} are read")
        self._fill(start + size)
        if len(self._buffer) < start + size:
            raise WireError("fewer bytes than a moment ago")
        message = self._buffer[start : start + size]
        self._buffer = self._buffer[start + size :]
        return message

    def _fill(self, size: int) -> None:
        """Reads on until `size` bytes are in the buffer, or all there are."""
        if len(self._buffer) >= size:
            return
        missing = size - len(self._buffer)
        data = self._file.read(min(max(missing, READ_BYTES), self._end - self._next))
        self._next += len(data)
        self._buffer = memoryview(bytes(self._buffer) + data)
