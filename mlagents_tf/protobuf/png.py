"""Images of observations: one or more PNGs in a row, whose channels are mapped to ours.

PNGs come from strangers. What they state is compared with what is expected before anything is
decoded, and all chunks but those that make the image are dropped.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlagents_tf.protobuf.wire import WireError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OPENING = SIGNATURE + b"\x00\x00\x00\x0dIHDR"
IMAGE_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
MOST_CHUNKS = 16_384
RGB = 3
DROPPED = -1

Pixels = NDArray[np.uint8]


def decode_images(
    data: memoryview, shape: tuple[int, int, int], mapping: Sequence[int] = ()
) -> Pixels:
    """The pixels of an observation.

    Args:
        data: PNGs, one behind the other.
        shape: [H, W, C] of the observation.
        mapping: for each channel of the PNGs, three for each, the channel it goes to; -1 = none.
            Empty: the first C, or their mean if C is 1.

    Returns:
        [H, W, C] uint8; where several channels go to one, their mean.
    """
    height, width, channels = shape
    count = -(-channels // RGB)
    if mapping:
        _check_mapping(mapping, channels)
        count = len(mapping) // RGB
    elif channels == 1:
        mapping = (0, 0, 0)
    pixels = np.empty((height, width, count * RGB), np.uint8)
    at = budget = 0
    for number in range(count):
        image, at, budget = _one_image(data, at, budget, (width, height))
        pixels[..., number * RGB : (number + 1) * RGB] = image
    if at != len(data):
        raise WireError(f"{len(data) - at} bytes behind the last of {count} PNGs")
    return _mapped(pixels, channels, mapping)


def encode_images(pixels: Pixels) -> tuple[bytes, tuple[int, ...]]:
    """[H, W, C] uint8 -> PNGs one behind the other, and the mapping that reads them."""
    channels = pixels.shape[2]
    mapping: tuple[int, ...] = ()
    if channels == 1:
        pixels, mapping = pixels.repeat(RGB, axis=2), (0, 0, 0)
    elif channels % RGB:
        missing = -channels % RGB
        pixels = np.pad(pixels, [(0, 0), (0, 0), (0, missing)])
        mapping = (*range(channels), *[DROPPED] * missing)
    output = io.BytesIO()
    for start in range(0, pixels.shape[2], RGB):
        image = np.ascontiguousarray(pixels[..., start : start + RGB])
        Image.fromarray(image).save(output, format="PNG")
    return output.getvalue(), mapping


def _check_mapping(mapping: Sequence[int], channels: int) -> None:
    if len(mapping) % RGB or len(mapping) > RGB * max(channels, 1):
        raise WireError(f"a channel mapping of {len(mapping)} values for {channels} channels")
    wanted = set(range(channels))
    if set(mapping) - {DROPPED} != wanted:
        raise WireError(f"a channel mapping that is not to each of {channels} channels")


def _one_image(
    data: memoryview, at: int, chunks: int, size: tuple[int, int]
) -> tuple[Pixels, int, int]:
    """[H, W, 3], where the PNG at `at` ends, and how many chunks there were so far."""
    if data[at : at + len(OPENING)] != OPENING:
        raise WireError("compressed data that is no PNG")
    stated = struct.unpack_from(">II", data, at + len(OPENING)) if len(data) >= at + 24 else (0, 0)
    if stated != size:
        raise WireError(f"a PNG of {stated[0]}x{stated[1]} pixels, expected {size[0]}x{size[1]}")
    kept = [SIGNATURE]
    at += len(SIGNATURE)
    kind = b""
    while kind != b"IEND":
        chunks += 1
        kind, end = _chunk(data, at)
        if chunks > MOST_CHUNKS or (kind == b"IHDR" and len(kept) > 1):
            raise WireError("a PNG of more chunks than an image needs")
        if kind in IMAGE_CHUNKS:
            kept.append(bytes(data[at:end]))
        at = end
    return _pixels(b"".join(kept)), at, chunks


def _chunk(data: memoryview, at: int) -> tuple[bytes, int]:
    """What the chunk at `at` is, and where it ends."""
    if len(data) < at + 12:
        raise WireError("a PNG that is cut off")
    size = int.from_bytes(data[at : at + 4], "big")
    end = at + 12 + size
    if end > len(data):
        raise WireError("a PNG that is cut off")
    if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
        raise WireError("a PNG whose checksum is wrong")
    return bytes(data[at + 4 : at + 8]), end


def _pixels(png: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
            return np.asarray(image.convert("RGB"))
    except Exception as error:  # damaged images fail in more ways than Pillow documents
        raise WireError(f"a PNG that does not decode ({error})") from error


def _mapped(pixels: Pixels, channels: int, mapping: Sequence[int]) -> Pixels:
    if not mapping:
        return pixels[..., :channels]
    targets = np.asarray(mapping)
    mapped = np.empty((*pixels.shape[:2], channels), np.uint8)
    for channel in range(channels):
        sources = np.flatnonzero(targets == channel)
        if len(sources) == 1:
            mapped[..., channel] = pixels[..., sources[0]]
        else:
            mapped[..., channel] = np.rint(pixels[..., sources].mean(axis=-1))
    return mapped
