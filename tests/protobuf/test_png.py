"""Pixels are those that Unity's messages hold; bombs and damage are refused beforehand."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from mlagents_tf.protobuf.png import decode_images, encode_images
from mlagents_tf.protobuf.wire import WireError, read_fields


def pixels_of(height, width, channels, seed=0):
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def png(pixels, mode=None):
    output = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(output, format="PNG")
    return output.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def decode(data, shape, mapping=()):
    return decode_images(memoryview(data), shape, mapping)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 12])
def test_pixels_come_back(channels):
    pixels = pixels_of(4, 6, channels)
    data, mapping = encode_images(pixels)
    np.testing.assert_array_equal(decode(data, (4, 6, channels), mapping), pixels)


def test_one_channel_without_a_mapping_is_the_mean():
    pixels = np.array([[[10, 20, 40]]], np.uint8)
    assert decode(png(pixels), (1, 1, 1)) == 23


def test_two_channels_without_a_mapping_are_the_first():
    pixels = np.array([[[10, 20, 40]]], np.uint8)
    np.testing.assert_array_equal(decode(png(pixels), (1, 1, 2))[0, 0], [10, 20])


def test_a_mapping_moves_averages_and_drops():
    first, second = np.array([[[[10, 20, 40]]], [[[1, 2, 3]]]], np.uint8)
    both = png(first) + png(second)
    found = decode(both, (1, 1, 3), (2, 0, 0, 1, -1, -1))
    np.testing.assert_array_equal(found[0, 0], [30, 1, 10])


def test_stacked_grey_images_are_one_channel_each():
    frames = [np.full((2, 2, 3), level, np.uint8) for level in (1, 2, 3)]
    data = b"".join(map(png, frames))
    found = decode(data, (2, 2, 3), (0, 0, 0, 1, 1, 1, 2, 2, 2))
    np.testing.assert_array_equal(found[0, 0], [1, 2, 3])


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_other_kinds_of_png_are_read(mode):
    grey = np.full((3, 2, 3), 51, np.uint8)  # of the palette, too
    np.testing.assert_array_equal(decode(png(grey, mode), (3, 2, 3)), grey)


def test_the_pixels_of_unitys_message(shared):
    wire = shared / "data" / "wire"
    with np.load(wire / "png_pixels.npz") as arrays:
        expected = arrays["seed9"]
    message = memoryview((wire / "7_unity_grid_png.bin").read_bytes())
    observation = find_observation(message)
    fields = read_fields(observation)
    found = decode_images(fields[3 << 3 | 2], (4, 4, 5), (0, 1, 2, 3, 4, -1))
    np.testing.assert_array_equal(found.transpose(2, 0, 1), expected[:5])


def find_observation(message):
    """unity_output, rl_output, agentInfos, its value, the list's value, observations."""
    for number in (2, 1, 2, 2, 1, 13):
        message = read_fields(message)[number << 3 | 2]
    return message


GOOD = png(pixels_of(4, 6, 3))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no PNG"),
        (b"GIF89a" + bytes(100), "no PNG"),
        (GOOD[:20], "expected 6x4"),
        (GOOD[:40], "cut off"),
        (GOOD[:-4], "cut off"),
        (GOOD + b"more", "4 bytes behind the last of 1"),
        (GOOD + GOOD, "bytes behind the last of 1"),
        (GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:], "checksum"),
        (png(pixels_of(5, 6, 3)), "a PNG of 6x5 pixels, expected 6x4"),
    ],
)
def test_damage_is_refused(data, what):
    with pytest.raises(WireError, match=what):
        decode(data, (4, 6, 3))


def test_every_flipped_bit_is_noticed():
    for place in range(0, len(GOOD), 3):
        data = bytearray(GOOD)
        data[place] ^= 1 << place % 8
        with pytest.raises(WireError):
            decode(data, (4, 6, 3))


@pytest.mark.parametrize(
    ("channels", "mapping"),
    [(3, (0, 1)), (3, (0, 1, 1)), (1, (0,) * 6), (2, (0, 1, 2)), (2, (0, 1, -2))],
)
def test_wrong_mappings_are_refused(channels, mapping):
    with pytest.raises(WireError, match="channel mapping"):
        decode(GOOD, (4, 6, channels), mapping)


def header(width, height):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


SIGNATURE = GOOD[:8]
ZEROS = zlib.compress(bytes(1 << 24), 9)


@pytest.mark.parametrize(
    "bomb",
    [
        SIGNATURE + header(50_000, 50_000) + chunk(b"IDAT", ZEROS) + chunk(b"IEND", b""),
        SIGNATURE + header(6, 4) + header(9000, 9000) + chunk(b"IDAT", ZEROS) + chunk(b"IEND", b""),
        SIGNATURE + header(6, 4) + chunk(b"tEXt", b"") * 1_000_000 + chunk(b"IEND", b""),
        SIGNATURE + header(6, 4) + chunk(b"IDAT", b"") * 1_000_000 + chunk(b"IEND", b""),
    ],
    ids=["size", "second size", "texts", "data"],
)
def test_bombs_are_refused_at_once(bomb):
    begin = time.perf_counter()
    with pytest.raises(WireError):
        decode(bomb, (4, 6, 3))
    assert time.perf_counter() - begin < 1.0


def test_what_is_compressed_beside_the_image_is_not_unpacked():
    profiles = chunk(b"iCCP", b"x\0\0" + ZEROS) * 50 + chunk(b"zTXt", b"x\0\0" + ZEROS) * 50
    data = GOOD[:33] + profiles + GOOD[33:]
    np.testing.assert_array_equal(decode(data, (4, 6, 3)), pixels_of(4, 6, 3))
