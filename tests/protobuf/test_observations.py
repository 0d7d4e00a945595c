import numpy as np
import pytest

from mlagents_tf.protobuf.observations import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    Form,
    encode_observation,
    make_reader,
)
from mlagents_tf.protobuf.png import encode_images
from mlagents_tf.protobuf.wire import WireError
from mlagents_tf.specs import DimensionProperty, ObservationSpec, ObservationType
from tests.protobuf.messages import Observation


def view(message):
    return memoryview(message.SerializeToString())


def floats(shape, values, **more):
    message = Observation(shape=shape, **more)
    message.float_data.data.extend(np.ravel(values))
    return view(message)


def read(data, first=None):
    reader = make_reader(data if first is None else first)
    out = np.zeros(reader.spec.shape, reader.spec.dtype)
    reader.read(data, out)
    return out


def test_a_vector_as_googles_library_writes_it():
    data = floats([3], [1, 2, 3], name="speed", dimension_properties=[1], observation_type=1)
    spec = make_reader(data).spec
    assert spec == ObservationSpec(
        (3,), "speed", (DimensionProperty.NONE,), ObservationType.GOAL_SIGNAL
    )
    np.testing.assert_array_equal(read(data), [1, 2, 3])


def test_an_observation_of_nothing():
    assert read(floats([0], [])).shape == (0,)


@pytest.mark.parametrize("properties", [(), CHANNELS_LAST])
def test_raw_images_with_channels_last_become_channels_first(properties):
    image = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    data = floats([2, 4, 3], image, dimension_properties=properties)
    reader = make_reader(data)
    assert (reader.spec.shape, reader.spec.dimension_properties) == ((3, 2, 4), CHANNELS_FIRST)
    np.testing.assert_array_equal(read(data), image.transpose(2, 0, 1))


def test_raw_images_with_channels_first_stay():
    image = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    data = floats([3, 2, 4], image, dimension_properties=CHANNELS_FIRST)
    np.testing.assert_array_equal(read(data), image)


@pytest.mark.parametrize("properties", [CHANNELS_FIRST, CHANNELS_LAST, ()])
def test_png_becomes_bytes_with_channels_first(properties):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5)).astype(np.uint8)
    compressed, mapping = encode_images(pixels)
    message = Observation(
        shape=[5, 2, 4] if properties == CHANNELS_FIRST else [2, 4, 5],
        compression_type=1,
        compressed_data=compressed,
        compressed_channel_mapping=mapping,
        dimension_properties=properties,
    )
    assert make_reader(view(message)).spec.dtype == "uint8"
    np.testing.assert_array_equal(read(view(message)), pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((3,), "float32"), ((0,), "float32"), ((4, 2), "float32"), ((3, 4, 2), "float32")]
    + [((channels, 4, 2), "uint8") for channels in (1, 2, 3, 4, 6)],
)
def test_what_is_written_is_read(shape, dtype):
    values = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    spec = ObservationSpec(shape, "näme", observation_type=ObservationType.GOAL_SIGNAL, dtype=dtype)
    data = encode_observation(spec, values)
    found = make_reader(memoryview(data)).spec
    assert (found.shape, found.name, found.dtype) == (shape, "näme", dtype)
    assert found.observation_type == ObservationType.GOAL_SIGNAL
    np.testing.assert_array_equal(read(memoryview(data)), values)
    message = Observation.FromString(data)
    assert list(message.shape) == list(shape)
    if dtype == "float32":
        np.testing.assert_array_equal(message.float_data.data, values.ravel())


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_images_with_channels_last_are_written_as_older_packages_do(dtype, described):
    values = np.arange(24).reshape(3, 2, 4).astype(dtype)
    spec = ObservationSpec((3, 2, 4), "camera", CHANNELS_FIRST, dtype=dtype)
    data = encode_observation(spec, values, Form(channels_last=True, described=described))
    message = Observation.FromString(data)
    assert list(message.shape) == [2, 4, 3]
    assert list(message.dimension_properties) == (list(CHANNELS_LAST) if described else [])
    assert message.name == ("camera" if described else "")
    if dtype == "float32":
        assert message.float_data.data[:3] == [0, 8, 16]  # all channels of the first pixel
    np.testing.assert_array_equal(read(memoryview(data)), values)


ONE = floats([2], [1, 2])
PNG = view(Observation(shape=[2, 2, 3], compression_type=1, compressed_data=b"no"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (floats([3], [1, 2, 3]), r"shape \[3\], expected \[2\]"),
        (floats([2], [1]), "1 floats, expected 2"),
        (floats([2], [1, 2, 3]), "3 floats, expected 2"),
        (floats([2], [1, np.nan]), "not finite"),
        (floats([2], [1, np.inf]), "not finite"),
        (view(Observation(shape=[2], compression_type=1)), "PNG, expected floats"),
        (view(Observation(shape=[2], compression_type=7)), "compression 7"),
    ],
)
def test_what_is_not_like_the_first_is_refused(data, what):
    with pytest.raises(WireError, match=what):
        read(data, first=ONE)


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (Observation(shape=[-1]), r"shape \[-1\]"),
        (Observation(shape=[1 << 30, 1 << 30]), "at most"),
        (Observation(shape=[0, -5]), "shape"),
        (Observation(shape=[1] * 9), "more than 8"),
        (Observation(shape=[5], compression_type=1), "PNG for shape"),
        (Observation(shape=[1, 1, 5000], compression_type=1), "5000 channels"),
        (Observation(shape=[1], name="x", compression_type=2), "compression 2"),
    ],
)
def test_shapes_that_cannot_be_are_refused(message, what):
    with pytest.raises(WireError, match=what):
        make_reader(view(message))


def test_a_png_much_larger_than_its_image_is_refused():
    message = Observation(shape=[2, 2, 3], compression_type=1, compressed_data=bytes(2 << 20))
    with pytest.raises(WireError, match="bytes of PNG, at most"):
        read(view(message), first=PNG)


def test_unknown_types_and_fields_of_later_versions_are_ordinary():
    data = floats([2], [1, 2], observation_type=9)
    assert make_reader(data).spec.observation_type == ObservationType.DEFAULT
    np.testing.assert_array_equal(read(memoryview(bytes(data) + b"\xf8\x07\x01")), [1, 2])
