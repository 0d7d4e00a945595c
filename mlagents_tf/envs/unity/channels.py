"""Side channels: messages beside those of agents, each behind its channel's id and its size."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mlagents_tf.envs.env import Aggregation, EnvStatistic
from mlagents_tf.errors import EnvError

ENVIRONMENT_PARAMETERS = uuid.UUID("534c891e-810f-11ea-a9d0-822485860400")
ENGINE_CONFIGURATION = uuid.UUID("e951342c-4f7e-11ea-b238-784f4387d1f7")
STATISTICS = uuid.UUID("a1d8f7b7-cec8-50f9-b78b-d3e165a78520")
FLOAT_PROPERTIES = uuid.UUID("60ccf7d0-4f7e-11ea-b238-784f4387d1f7")
ID_BYTES = 16
HEAD_BYTES = ID_BYTES + 4
FLOAT_PARAMETER = 0


class EngineConfig(NamedTuple):
    """How a player draws and how fast it runs; defaults are those of `mlagents-learn`."""

    width: int = 84
    height: int = 84
    quality_level: int = 5
    time_scale: float = 20.0
    target_frame_rate: int = -1
    capture_frame_rate: int = 60

    def messages(self) -> bytes:
        """Everything as messages to the player."""
        bodies = (
            struct.pack("<iii", 0, self.width, self.height),
            struct.pack("<ii", 1, self.quality_level),
            struct.pack("<if", 2, self.time_scale),
            struct.pack("<ii", 3, self.target_frame_rate),
            struct.pack("<ii", 4, self.capture_frame_rate),
        )
        return b"".join(pack(ENGINE_CONFIGURATION, body) for body in bodies)


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


def parameter_messages(parameters: Mapping[str, float]) -> bytes:
    """Environment parameters that Unity is to have from now on."""
    return b"".join(
        pack(
            ENVIRONMENT_PARAMETERS,
            packed_text(name) + struct.pack("<if", FLOAT_PARAMETER, value),
        )
        for name, value in parameters.items()
    )


def packed_text(text: str) -> bytes:
    """A text behind its size."""
    data = text.encode()
    return struct.pack("<i", len(data)) + data


def read_statistic(message: memoryview) -> EnvStatistic:
    """A message of the statistics channel.

    Raises:
        EnvError: it is damaged.
    """
    try:
        (size,) = struct.unpack_from("<i", message)
        if size < 0:
            raise ValueError(f"a name of {size} bytes")
        name = str(message[4 : 4 + size], "utf-8")
        value, aggregation = struct.unpack_from("<fi", message, 4 + size)
        return EnvStatistic(name, value, Aggregation(aggregation))
    except (struct.error, ValueError) as error:
        raise EnvError(f"a statistic that Unity sends cannot be read ({error})") from error


def statistic_message(statistic: EnvStatistic) -> bytes:
    """What `read_statistic` reads, packed."""
    value = struct.pack("<fi", statistic.value, statistic.aggregation)
    return pack(STATISTICS, packed_text(statistic.name) + value)
