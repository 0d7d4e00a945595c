"""A minimal decoder of `.demo` recordings, enough to compare our worlds with Unity's own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "data" / "demos"
PARAMETERS_AT = 33  # the metadata's place is reserved up to here


class Recording(NamedTuple):
    """Records in file order: what was seen, the action *before* it, and what that earned.

    Attributes:
        obs: one [T, size] for each observation.
        actions: [T, size] as floats.
        rewards: [T].
        ended: [T] bool, the last record of an episode.
    """

    obs: tuple[np.ndarray, ...]
    actions: np.ndarray
    rewards: np.ndarray
    ended: np.ndarray


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A protobuf varint and the position after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of a message: varints as int, everything else as bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
            yield number, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            size, at = read_varint(data, at)
        yield number, data[at : at + size]
        at += size


def delimited(data: bytes, at: int) -> tuple[bytes, int]:
    """A length-delimited message and the position after it."""
    size, at = read_varint(data, at)
    return data[at : at + size], at + size


def floats(data: bytes) -> np.ndarray:
    """Packed floats."""
    return np.frombuffer(data, "<f4")


def decode_observation(data: bytes) -> np.ndarray:
    """ObservationProto (1 shape, 4 float_data) with FloatData (1 data)."""
    inner = next(value for number, value in fields(data) if number == 4)
    return floats(next((value for number, value in fields(inner) if number == 1), b""))


def decode_pair(data: bytes) -> tuple[list[np.ndarray], np.ndarray, float, bool]:
    """AgentInfoActionPairProto (1 agent info, 2 action)."""
    pair = dict(fields(data))
    info = list(fields(pair[1]))
    obs = [decode_observation(value) for number, value in info if number == 13]
    facts = dict(info)
    reward = struct.unpack("<f", facts[7])[0] if 7 in facts else 0.0
    action = floats(dict(fields(pair[2]))[1])
    return obs, action, reward, bool(facts.get(8, 0))


def read_recording(path: Path) -> Recording:
    """All records of a file written by Unity's recorder."""
    data = path.read_bytes()
    number_steps = dict(fields(delimited(data, 0)[0]))[3]
    _, at = delimited(data, PARAMETERS_AT)
    pairs = []
    for _ in range(number_steps):
        message, at = delimited(data, at)
        pairs.append(decode_pair(message))
    obs, actions, rewards, ended = zip(*pairs, strict=True)
    return Recording(
        tuple(np.stack(column) for column in zip(*obs, strict=True)),
        np.stack(actions),
        np.array(rewards),
        np.array(ended),
    )
