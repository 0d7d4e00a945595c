"""Records that differ in nothing but their values, and these values as columns.

Agents of one behavior send the same fields in the same order, so that in most steps their messages
are of one size and the values stand at the same places in each. One of them is then taken apart
field by field; that the others are like it is one comparison of bytes, and each value is one
column.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlagents_tf.protobuf.agents import (
    ACTION_MASK,
    CONTINUOUS,
    DISCRETE,
    DONE,
    GROUP_ID,
    GROUP_REWARD,
    ID,
    MAX_STEP_REACHED,
    OBSERVATIONS,
    OLD_ACTIONS,
    REWARD,
)
from mlagents_tf.protobuf.observations import COMPRESSION, DATA, FLOAT_DATA
from mlagents_tf.protobuf.wire import DELIMITED, WireError, key_of, read_places
from mlagents_tf.steps import BoolArray, IntArray

Bytes = NDArray[np.uint8]
Place = tuple[int, int]

VALUE = key_of(1, DELIMITED)
"""A record of a list."""
MOST_AGENTS = 1 << 20
WORTH_A_LAYOUT = 4
"""Records that are alike, below which they are read one by one."""
NUMBERS = (REWARD, GROUP_REWARD, ACTION_MASK, CONTINUOUS, OLD_ACTIONS)
VARINTS = (DONE, MAX_STEP_REACHED, ID, GROUP_ID, DISCRETE)
INT32_BYTES = 5
"""Of a varint, unless it is negative."""
MOST_FIXED = 1024
"""Bytes of a record that are no values, names of sensors mostly."""
ROWS_AT_ONCE = 4096
CONTINUES = 128
"""The bit of a byte behind which a varint goes on."""


class Layout(NamedTuple):
    """Where the values of a record stand.

    Attributes:
        fields: beginning and end of those that are there, by key.
        observations: the same for the floats of each observation.
        fixed: [P] int64, places of bytes that must be alike.
        expected: [P] uint8, these bytes.
        bits: [P] uint8, which of their bits; only where it ends of a varint.
    """

    fields: dict[int, Place]
    observations: list[Place]
    fixed: IntArray
    expected: Bytes
    bits: Bytes

    def fits(self, data: Bytes, starts: IntArray) -> BoolArray:
        """[M] whether the record of this size that begins at each of [M] `starts` is like it."""
        fits = np.empty(len(starts), np.bool_)
        for begin in range(0, len(starts), ROWS_AT_ONCE):
            place = slice(begin, begin + ROWS_AT_ONCE)
            found = data[starts[place, None] + self.fixed]
            found ^= self.expected
            found &= self.bits
            fits[place] = ~found.any(axis=1)
        return fits


def make_layout(record: memoryview) -> Layout | None:
    """The layout of an AgentInfoProto or an AgentActionProto, or None if it has to be read by
    itself: images are compressed to different sizes, and what is long or negative is rare.
    """
    bits = np.full(len(record), 255, np.uint8)
    fields: dict[int, Place] = {}
    observations: list[Place] = []
    for key, start, end in read_places(record):
        place = start, end
        if key == OBSERVATIONS:
            found = _floats_of(record, start, end)
            if found is None:
                return None
            place = found
            observations.append(place)
        elif key in NUMBERS or key in VARINTS:
            fields[key] = place
            if key in VARINTS and key != DISCRETE and end - start > INT32_BYTES:
                return None
        else:
            continue
        bits[slice(*place)] = CONTINUES if key in VARINTS else 0
    fixed = np.flatnonzero(bits)
    if len(fixed) > MOST_FIXED:
        return None
    return Layout(fields, observations, fixed, np.frombuffer(record, np.uint8)[fixed], bits[fixed])


def _floats_of(record: memoryview, start: int, end: int) -> Place | None:
    """Where the floats of an observation are; None if it is compressed."""
    place = end, end
    for key, inner, inner_end in read_places(record[start:end]):
        if key == COMPRESSION:
            return None
        if key == FLOAT_DATA:
            start_of_data = start + inner
            for inner_key, first, last in read_places(record[start_of_data : start + inner_end]):
                if inner_key == DATA:
                    place = start_of_data + first, start_of_data + last
    return place


def column(data: Bytes, starts: IntArray, place: Place, dtype: DTypeLike) -> NDArray[Any]:
    """[M, n] what stands at a place of the records that begin at [M] `starts`; a copy."""
    size = place[1] - place[0]
    kind = np.dtype(dtype)
    windows: NDArray[Any] = np.ndarray(
        (len(data) - size + 1, size // kind.itemsize), kind, data, strides=(1, kind.itemsize)
    )
    found: NDArray[Any] = windows[starts + place[0]]
    return found


def integers(found: Bytes) -> IntArray:
    """[M, n] bytes of varints of int32 -> [M]."""
    shifts = np.arange(0, 7 * found.shape[1], 7)
    numbers: IntArray = ((found & 127).astype(np.int64) << shifts).sum(axis=1)
    if (numbers >> 31).any():
        raise WireError(f"{numbers.max()} where an int32 should be")
    return numbers


def varints(numbers: IntArray, size: int) -> Bytes:
    """[M] numbers -> [M, size] bytes; each needs all of them."""
    shifts = np.arange(0, 7 * size, 7)
    found = (numbers[:, None] >> shifts & 127).astype(np.uint8)
    found[:, :-1] |= CONTINUES
    return found


def varint_sizes(numbers: IntArray) -> IntArray:
    """[M] bytes that numbers take, none for 0, which is left out."""
    limits = np.array([1, *(1 << 7 * size for size in range(1, INT32_BYTES))])
    return np.searchsorted(limits, numbers, side="right").astype(np.int64)


def float_bytes(values: NDArray[Any]) -> Bytes:
    """[M, ...] -> [M, bytes] as packed floats."""
    size = math.prod(values.shape[1:])
    return np.ascontiguousarray(values, "<f4").reshape(len(values), size).view(np.uint8)
