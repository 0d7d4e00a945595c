"""The wire format of protocol buffers: fields of a message as views, and messages from fields.

Written by hand because messages come from strangers. A parser of whole messages makes objects of
whatever it is sent, of a few bytes a hundred; here nothing is made but views of the message, whose
size the caller has bounded. Packed floats become arrays without being copied, which makes it
faster, too, wherever observations are large.

Stricter than protocol buffers where no writer of Unity's messages differs: packed fields must be
packed, and a field that is not repeated may stand once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
VARINT_BYTES = 10
MOST_FIELDS = 64
TEXT_BYTES = 4096
SIZES = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """Bytes that are not the message they should be; a phrase, to which the reader adds where."""


@contextmanager
def located(where: str) -> Iterator[None]:
    """Says in what is wrong inside where it is."""
    try:
        yield
    except WireError as error:
        raise WireError(f"{where}: {error}") from error


def key_of(number: int, kind: int) -> int:
    """What stands before the value of a field."""
    return number << 3 | kind


def read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """An unsigned integer of up to 64 bits, and where it ends."""
    value = shift = 0
    for end in range(at, min(at + VARINT_BYTES, len(data))):
        byte = data[end]
        value |= (byte & 127) << shift
        if byte < 128:
            if value >> 64:
                raise WireError("an integer of more than 64 bits")
            return value, end + 1
        shift += 7
    raise WireError("an integer that does not end")


def read_fields(
    data: memoryview, repeated: tuple[int, ...] = (), most: int = MOST_FIELDS
) -> dict[int, Any]:
    """The fields of a message by their key.

    Varints are integers and everything else is a view of `data`. Unknown fields are among them.

    Args:
        data: the message.
        repeated: keys of fields that may stand more than once; each is a list, perhaps empty.
        most: fields that the message may have.
    """
    found: dict[int, Any] = {key: [] for key in repeated}
    at = count = 0
    while at < len(data):
        count += 1
        if count > most:
            raise WireError(f"a message of more than {most} fields")
        key = data[at]
        if key < 128:
            at += 1
        else:
            key, at = read_varint(data, at)
        value, at = _read_value(data, at, key)
        if key in repeated:
            found[key].append(value)
        elif key in found:
            raise WireError(f"field {key >> 3} twice")
        else:
            found[key] = value
    return found


def read_places(data: memoryview) -> Iterator[tuple[int, int, int]]:
    """Key, beginning and end of the value of each field, in the order they stand in."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        kind, start = key & 7, at
        if kind == DELIMITED:
            start = read_varint(data, at)[1]
        _, at = _read_value(data, at, key)
        yield key, start, at


def record_places(
    data: memoryview, key: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the messages of a field that repeats stand, in a message that has no other.

    Args:
        data: the message around them.
        key: of the field, below 128.
        most: messages that may stand there.

    Returns:
        [N] beginnings, and [N] sizes.
    """
    content = bytes(data)  # whose items are read faster than those of a view
    places: list[int] = []
    at, end = 0, len(content)
    try:
        while at < end and len(places) <= most:
            places.append(at)
            size = content[at + 1]
            if size < 128:
                at += size + 2
            else:
                size, at = read_varint(data, at + 1)
                at += size
    except IndexError:
        at = -1
    if len(places) > most:
        raise WireError(f"a list of more than {most} messages")
    if at != end:
        raise WireError("a list whose last message is cut off")
    return _without_heads(data, np.array([*places, end], np.int64), key)


def _without_heads(
    data: memoryview, places: NDArray[np.int64], key: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Beginnings and sizes of messages from where their keys stand, and where the last ends."""
    content = np.frombuffer(data, np.uint8)
    starts = places[:-1] + 2
    if (content[places[:-1]] != key).any():
        raise WireError(f"a list that has other fields than {key >> 3}")
    going_on = content[starts - 1] > 127
    while going_on.any():
        starts += going_on
        going_on &= content[starts - 1] > 127
    return starts, places[1:] - starts


def _read_value(data: memoryview, at: int, key: int) -> tuple[Any, int]:
    if key < 8:
        raise WireError("field 0, which no message has")
    kind = key & 7
    if kind == VARINT:
        return read_varint(data, at)
    if kind == DELIMITED:
        size, at = read_varint(data, at)
    elif kind in SIZES:
        size = SIZES[kind]
    else:
        raise WireError(f"field {key >> 3} of wire type {kind}")
    if size > len(data) - at:
        raise WireError(f"field {key >> 3} of {size} bytes, {len(data) - at} are left")
    return data[at : at + size], at + size


def as_float(data: memoryview) -> float:
    """The value of a float field."""
    return float(struct.unpack("<f", data)[0])


def as_text(data: memoryview) -> str:
    """The value of a string field; what cannot be shown is escaped."""
    if len(data) > TEXT_BYTES:
        raise WireError(f"a text of {len(data)} bytes, at most {TEXT_BYTES} are read")
    text = bytes(data).decode("utf-8", "backslashreplace")
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def as_floats(data: memoryview) -> NDArray[np.float32]:
    """The values of packed floats, as a view of them."""
    if len(data) % 4:
        raise WireError(f"packed floats of {len(data)} bytes")
    return np.frombuffer(data, "<f4")


def as_integers(data: memoryview, most: int) -> tuple[int, ...]:
    """The values of packed int32, at most `most` of them."""
    values: list[int] = []
    at = 0
    while at < len(data):
        if len(values) == most:
            raise WireError(f"more than {most} packed integers")
        value, at = read_varint(data, at)
        values.append(signed(value))
    return tuple(values)


def signed(value: int) -> int:
    """The int32 of a varint, which holds negative numbers in two's complement of 64 bits."""
    number = value - (1 << 64) if value >> 63 else value
    if not -(1 << 31) <= number < 1 << 31:
        raise WireError(f"{number} where an int32 should be")
    return number


def varint(value: int) -> bytes:
    """An integer as it is sent, negative ones in ten bytes."""
    value &= (1 << 64) - 1
    data = bytearray()
    while value >= 128:
        data.append(value & 127 | 128)
        value >>= 7
    data.append(value)
    return bytes(data)


def delimited(data: bytes | memoryview) -> bytes:
    """A message behind its length."""
    return b"".join((varint(len(data)), data))


def integer_field(number: int, value: int) -> bytes:
    """An integer, enum or bool; nothing if it is 0, which is what is read then."""
    return varint(key_of(number, VARINT)) + varint(value) if value else b""


def float_field(number: int, value: float) -> bytes:
    """A float; nothing if it is 0."""
    return varint(key_of(number, FIXED32)) + struct.pack("<f", value) if value else b""


def bytes_field(number: int, data: bytes | memoryview) -> bytes:
    """A string, a message, bytes or a packed field, even if it is empty."""
    return varint(key_of(number, DELIMITED)) + delimited(data)


def packed_field(number: int, values: Iterable[int]) -> bytes:
    """Packed integers; nothing if there are none."""
    data = b"".join(map(varint, values))
    return bytes_field(number, data) if data else b""
