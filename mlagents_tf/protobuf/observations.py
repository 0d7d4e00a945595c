"""ObservationProto: one observation of one agent, to and from arrays.

Images become channels first whatever the sender's layout is. Unity sent channels last up to its
package 2, and says so since it says anything (`dimension_properties`). Images sent as PNG become
bytes, raw ones stay floats.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.protobuf.png import decode_images, encode_images
from mlagents_tf.protobuf.wire import (
    DELIMITED,
    VARINT,
    WireError,
    as_floats,
    as_integers,
    as_text,
    bytes_field,
    integer_field,
    key_of,
    packed_field,
    read_fields,
)
from mlagents_tf.specs import DimensionProperty, ObservationSpec, ObservationType

MOST_VALUES = 1 << 22
"""Values of all observations of an agent together; a color image of 1182 by 1182 pixels."""
MOST_CHANNELS = 4096
MOST_AXES = 8
MOST_PNG_BYTES = 1 << 20
"""What compressed data may take beyond four bytes a value."""

SHAPE = key_of(1, DELIMITED)
COMPRESSION = key_of(2, VARINT)
COMPRESSED = key_of(3, DELIMITED)
FLOAT_DATA = key_of(4, DELIMITED)
MAPPING = key_of(5, DELIMITED)
PROPERTIES = key_of(6, DELIMITED)
TYPE = key_of(7, VARINT)
NAME = key_of(8, DELIMITED)
DATA = key_of(1, DELIMITED)
NO_COMPRESSION, PNG = 0, 1

_TRANSLATES = DimensionProperty.TRANSLATIONAL_EQUIVARIANCE
CHANNELS_FIRST = (DimensionProperty.NONE, _TRANSLATES, _TRANSLATES)
CHANNELS_LAST = (_TRANSLATES, _TRANSLATES, DimensionProperty.NONE)
EMPTY = memoryview(b"")


class ObservationReader(NamedTuple):
    """Reads observations that are like the first of their sensor.

    Attributes:
        spec: what is read, channels first.
        sent_shape: as it is sent.
        channels_last: whether it is sent as [H, W, C].
        header: shape as it was sent, so that it is compared and not decoded again.
    """

    spec: ObservationSpec
    sent_shape: tuple[int, ...]
    channels_last: bool
    header: bytes

    def read(self, data: memoryview, out: NDArray[Any]) -> None:
        """Writes the observation into `out`, an array of the spec's shape and dtype."""
        fields = read_fields(data)
        shape = fields.get(SHAPE, EMPTY)
        if shape != self.header:
            raise WireError(
                f"shape {list(as_integers(shape, MOST_AXES))}, expected {list(self.sent_shape)}"
            )
        compressed = _is_compressed(fields)
        if compressed != (self.spec.dtype == "uint8"):
            kinds = ("PNG", "floats") if compressed else ("floats", "PNG")
            raise WireError(f"{kinds[0]}, expected {kinds[1]}")
        target = out.transpose(1, 2, 0) if self.channels_last else out
        if compressed:
            self._read_png(fields, out)
        else:
            target[...] = self._floats(fields).reshape(self.sent_shape)

    def _floats(self, fields: dict[int, Any]) -> NDArray[np.float32]:
        inner = read_fields(fields.get(FLOAT_DATA, EMPTY))
        values = as_floats(inner.get(DATA, EMPTY))
        expected = math.prod(self.sent_shape)
        if len(values) != expected:
            raise WireError(f"{len(values)} floats, expected {expected}")
        if not np.isfinite(values).all():
            raise WireError("a value that is not finite")
        return values

    def _read_png(self, fields: dict[int, Any], out: NDArray[Any]) -> None:
        channels, height, width = self.spec.shape
        data = fields.get(COMPRESSED, EMPTY)
        most = 4 * out.size + MOST_PNG_BYTES
        if len(data) > most:
            raise WireError(f"{len(data)} bytes of PNG, at most {most} are read")
        mapping = as_integers(fields.get(MAPPING, EMPTY), 3 * MOST_CHANNELS)
        pixels = decode_images(data, (height, width, channels), mapping)
        out[...] = pixels.transpose(2, 0, 1)


def make_reader(data: memoryview) -> ObservationReader:
    """A reader of observations like this one, the first of its sensor."""
    fields = read_fields(data)
    header = fields.get(SHAPE, EMPTY)
    sent = as_integers(header, MOST_AXES)
    if min(sent, default=0) < 0 or math.prod(sent) > MOST_VALUES:
        raise WireError(f"shape {list(sent)}; at most {MOST_VALUES} values are read")
    properties = tuple(
        map(DimensionProperty, as_integers(fields.get(PROPERTIES, EMPTY), MOST_AXES))
    )
    compressed = _is_compressed(fields)
    if compressed and len(sent) != 3:
        raise WireError(f"PNG for shape {list(sent)}")
    channels_last = len(sent) == 3 and properties in ((), CHANNELS_LAST)
    shape = (sent[2], *sent[:2]) if channels_last else sent
    if compressed and shape[0] > MOST_CHANNELS:
        raise WireError(f"an image of {shape[0]} channels; at most {MOST_CHANNELS} are read")
    spec = ObservationSpec(
        shape,
        as_text(fields.get(NAME, EMPTY)),
        CHANNELS_FIRST if channels_last else properties,
        _observation_type(fields.get(TYPE, 0)),
        "uint8" if compressed else "float32",
    )
    return ObservationReader(spec, sent, channels_last, bytes(header))


def _is_compressed(fields: dict[int, Any]) -> bool:
    compression = fields.get(COMPRESSION, NO_COMPRESSION)
    if compression not in (NO_COMPRESSION, PNG):
        raise WireError(f"compression {compression}, known are 0 (none) and 1 (PNG)")
    return bool(compression == PNG)


def _observation_type(value: int) -> ObservationType:
    """Unknown ones are of a later version, and ordinary as far as this one knows."""
    return ObservationType(value) if value in list(ObservationType) else ObservationType.DEFAULT


class Form(NamedTuple):
    """How observations are sent.

    Attributes:
        channels_last: images as [H, W, C], as Unity's packages before 3 have them.
        described: with properties of the axes, types and names, which package 1.0 has not.
    """

    channels_last: bool = False
    described: bool = True

    def shape(self, spec: ObservationSpec) -> tuple[int, ...]:
        """Of an observation as it is sent."""
        return (*spec.shape[1:], spec.shape[0]) if self.turns(spec) else spec.shape

    def turns(self, spec: ObservationSpec) -> bool:
        """Whether an observation is an image whose channels are put last."""
        return self.channels_last and spec.is_image


NEWEST = Form()


def encode_observation(spec: ObservationSpec, values: NDArray[Any], form: Form = NEWEST) -> bytes:
    """The message of one observation, an array of the spec's shape; bytes as PNG."""
    mapping: tuple[int, ...] = ()
    if spec.dtype == "uint8":
        compressed, mapping = encode_images(values.transpose(1, 2, 0))
        content = integer_field(2, PNG) + bytes_field(3, compressed)
    else:
        sent = values.transpose(1, 2, 0) if form.turns(spec) else values
        floats = np.ascontiguousarray(sent, "<f4").tobytes()
        content = bytes_field(4, bytes_field(1, floats) if floats else b"")
    shape = packed_field(1, form.shape(spec))
    if not form.described:
        return shape + content
    return b"".join(
        [
            shape,
            content,
            packed_field(5, mapping),
            packed_field(6, _sent_properties(spec, form)),
            integer_field(7, spec.observation_type),
            bytes_field(8, spec.name.encode()) if spec.name else b"",
        ]
    )


def _sent_properties(spec: ObservationSpec, form: Form) -> tuple[DimensionProperty, ...]:
    """An image must say which axis its channels are, or readers take them to be the last."""
    if form.turns(spec):
        return CHANNELS_LAST
    if not spec.dimension_properties and spec.is_image:
        return CHANNELS_FIRST
    return spec.dimension_properties
