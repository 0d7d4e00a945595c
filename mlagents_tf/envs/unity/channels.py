"""Side channels: messages beside those of agents, each behind its channel's id and its size."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator

from mlagents_tf.errors import EnvError
from mlagents_tf.stats import EnvStatistic

ENVIRONMENT_PARAMETERS = uuid.UUID("534c891e-810f-11ea-a9d0-822485860400")
ENGINE_CONFIGURATION = uuid.UUID("e951342c-4f7e-11ea-b238-784f4387d1f7")
STATISTICS = uuid.UUID("a1d8f7b7-cec8-50f9-b78b-d3e165a78520")
FLOAT_PROPERTIES = uuid.UUID("60ccf7d0-4f7e-11ea-b238-784f4387d1f7")
ID_BYTES = 16
HEAD_BYTES = ID_BYTES + 4
FLOAT_PARAMETER = 0


def pack(channel: uuid.UUID, message: bytes) -> bytes:
    """A message of a channel as it is sent; others may stand behind it."""
    return channel.bytes_le + struct.pack("<i", len(message)) + message


def unpack(data: memoryview) -> Iterator[tuple[uuid.UUID, memoryview]]:
    """The messages in `data` and the channels they are of.

    Raises:
        EnvError: the last one is cut off.
    """
    at = 0
    while at < len(data):
        head = data[at : at + HEAD_BYTES]
        size = struct.unpack_from("<i", head, ID_BYTES)[0] if len(head) == HEAD_BYTES else -1
        at += HEAD_BYTES + size
        if size < 0 or at > len(data):
            raise EnvError("a message of a side channel is cut off")
        yield uuid.UUID(bytes_le=bytes(head[:ID_BYTES])), data[at - size : at]


def packed_text(text: str) -> bytes:
    """A text behind its size."""
    data = text.encode()
    return struct.pack("<i", len(data)) + data


def statistic_message(statistic: EnvStatistic) -> bytes:
    """What `StatsSideChannel` reads, packed."""
    value = struct.pack("<fi", statistic.value, statistic.aggregation)
    return pack(STATISTICS, packed_text(statistic.name) + value)
