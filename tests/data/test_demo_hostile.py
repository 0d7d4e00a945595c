"""Files made to hurt: refused at once and in little memory; large ones are read in little, too."""

import struct
import subprocess
import sys
import time
import zlib

import pytest

from mlagents_tf.protobuf.wire import bytes_field, delimited, integer_field, varint
from mlagents_tf.specs import ActionSpec
from tests.data.demo_files import brain_of, refusal
from tests.protobuf.messages import Meta

counts_memory = pytest.mark.skipif(
    sys.platform != "linux", reason="memory is counted in other units elsewhere"
)

# a head of 5 pairs and the behavior parameters of one continuous action
HEAD = delimited(Meta(api_version=1, number_steps=5).SerializeToString()).ljust(33, b"\0")
BEHAVIOR = delimited(brain_of(ActionSpec(1)).SerializeToString())
EMPTY_OBSERVATION = bytes_field(13, b"")


def shaped(*shape):
    return bytes_field(13, bytes_field(1, b"".join(map(varint, shape))))


def record(info):
    return delimited(bytes_field(1, info) + bytes_field(2, b""))


def png(width, height):
    """A PNG that states a size, and unpacks to 64 MiB."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(64 << 20), 9),
        b"IEND": b"",
    }
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def image(height, width, data):
    shape = b"".join(map(varint, (height, width, 3)))
    return bytes_field(13, bytes_field(1, shape) + integer_field(2, 1) + bytes_field(3, data))


HOSTILE = {
    "a huge record": HEAD + BEHAVIOR + varint(1 << 31) + bytes(1000),
    "a record of 2^63 bytes": HEAD + BEHAVIOR + varint(1 << 63) + bytes(1000),
    "huge parameters": HEAD + varint(1 << 31) + bytes(1000),
    "large parameters that are there": HEAD + varint(30 << 20) + bytes(30 << 20),
    "a million observations": HEAD + BEHAVIOR + record(EMPTY_OBSERVATION * 1_000_000),
    "a million fields": HEAD + BEHAVIOR + record(b"\x08\x01" * 1_000_000),
    "a million actions": HEAD
    + BEHAVIOR
    + delimited(bytes_field(1, shaped(0)) + bytes_field(2, bytes_field(7, b"\1" * 1_000_000))),
    "a million axes": HEAD + BEHAVIOR + record(shaped(*[1] * 1_000_000)),
    "a thousand large observations": HEAD + BEHAVIOR + record(shaped(1 << 22) * 1000),
    "a huge observation": HEAD + BEHAVIOR + record(shaped(1 << 30, 1 << 30)),
    "a million descriptions": HEAD + delimited(bytes_field(5, b"") * 500_000),
    "very many pairs": delimited(
        Meta(api_version=1, number_steps=(1 << 31) - 1).SerializeToString()
    ).ljust(33, b"\0")
    + BEHAVIOR
    + record(shaped(0)),
    "a PNG of 50 000 by 50 000": HEAD + BEHAVIOR + record(image(4, 6, png(50_000, 50_000))),
    "a PNG as large as it says": HEAD
    + BEHAVIOR
    + record(image(50_000, 50_000, png(50_000, 50_000))),
    "a PNG with more than its pixels": HEAD + BEHAVIOR + record(image(4, 6, png(6, 4))),
    "nested": HEAD + BEHAVIOR + b"\xff" * 8 + b"\x0a" * 1_000_000,
    "an old record of a million fields": HEAD + BEHAVIOR + record(bytes_field(1, b"") * 1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_once(tmp_path, name):
    path = tmp_path / "a.demo"
    path.write_bytes(HOSTILE[name])
    begin = time.process_time()
    refusal(path)
    assert time.process_time() - begin < 1.0


MEASURE = """
import resource, sys, time
from pathlib import Path
from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_rows import choose_alignment
from mlagents_tf.data.demos import load_demos, summarize
from mlagents_tf.errors import DataError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

for path in sys.argv[1:]:
    before = peak()
    try:
        file = DemoFile(Path(path))
        summary = summarize(file, choose_alignment(file))
        print("read", file.num_records, end=" ")
    except DataError:
        print("refused", 0, end=" ")
    print(peak() - before)
"""


def peaks(*paths):
    """What became of files, how many pairs were read, and by how many MiB memory grew."""
    command = [sys.executable, "-c", MEASURE, *map(str, paths)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [
        (what, int(pairs), int(grown)) for what, pairs, grown in map(str.split, output.splitlines())
    ]


@counts_memory
def test_hostile_files_take_little_memory(tmp_path):
    paths = []
    for number, content in enumerate(HOSTILE.values()):
        paths.append(tmp_path / f"{number}.demo")
        paths[-1].write_bytes(content)
    found = peaks(*paths)
    assert {what for what, _, _ in found} == {"refused"}
    assert max(grown for _, _, grown in found) < 200


@counts_memory
def test_a_large_file_is_read_in_bounded_memory(tmp_path):
    """400 MB of large raw images, the size of each chosen so that the file is written quickly."""
    path = tmp_path / "a.demo"
    num_records, values = 400, 1 << 18
    observation = bytes_field(1, varint(values)) + bytes_field(4, bytes_field(1, bytes(4 * values)))
    action = bytes_field(6, bytes(4))
    content = delimited(bytes_field(1, bytes_field(13, observation)) + bytes_field(2, action))
    meta = Meta(api_version=1, number_steps=num_records).SerializeToString()
    with path.open("wb") as file:
        file.write(delimited(meta).ljust(33, b"\0") + BEHAVIOR)
        for _ in range(num_records):
            file.write(content)
        file.write(meta)
    ((what, pairs, grown),) = peaks(path)
    assert (what, pairs) == ("read", num_records)
    assert grown < 120


@counts_memory
def test_the_largest_records_take_bounded_memory(tmp_path):
    path = tmp_path / "a.demo"
    values = 1 << 22
    observation = bytes_field(1, varint(values)) + bytes_field(4, bytes_field(1, bytes(4 * values)))
    info = bytes_field(13, observation)
    content = delimited(bytes_field(1, info) + bytes_field(2, bytes_field(6, bytes(4))))
    meta = Meta(api_version=1, number_steps=6).SerializeToString()
    path.write_bytes(delimited(meta).ljust(33, b"\0") + BEHAVIOR + content * 6 + meta)
    ((what, pairs, grown),) = peaks(path)
    assert (what, pairs) == ("read", 6)
    assert grown < 200
