"""Damaged, foreign and hostile files: our error or the right data, in bounded time and memory."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from mlagents_tf.data.demos import load_demos
from mlagents_tf.errors import DataError
from mlagents_tf.protobuf.wire import bytes_field, delimited, integer_field, varint
from mlagents_tf.specs import ActionSpec
from tests.data.demo_files import (
    SPECS,
    brain_of,
    pair,
    random_rows,
    two_episodes,
    write_file,
    write_rows,
)
from tests.protobuf.messages import Meta
from tests.recordings import RECORDINGS


def refusal(path, **options):
    """The sentence with which a file is refused; it names the file."""
    with pytest.raises(DataError) as refused:
        load_demos(path, **options)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.fixture
def good(tmp_path):
    return write_file(tmp_path / "a.demo", two_episodes())


def test_a_cut_says_what_is_missing(good):
    size = good.stat().st_size
    trailer = len(Meta(api_version=1, demonstration_name="toy", number_steps=5).SerializeToString())
    os.truncate(good, size - trailer - 3)
    assert refusal(good) == "byte 158: pair 5 of 5 has a message of 32 bytes, 29 are left."


def test_a_cut_between_pairs_is_noticed(tmp_path):
    whole = write_file(tmp_path / "a.demo", two_episodes()[:4], trailer=False, number_steps=5)
    assert "pair 5 of 5 has the end of the file" in refusal(whole)


def test_a_cut_in_the_copy_of_the_metadata_is_noticed(good):
    os.truncate(good, good.stat().st_size - 1)
    assert "bytes behind the last of 5 pairs" in refusal(good)


def test_pairs_that_the_metadata_does_not_count_are_noticed(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes(), number_steps=4)
    assert "bytes behind the last of 4 pairs" in refusal(path)


def test_a_recorder_that_was_not_closed_is_named(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes(), trailer=False, number_steps=0)
    assert "states 0 pairs" in refusal(path)
    assert "not closed" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"hello" * 100,
        b"\x89PNG\r\n\x1a\n" * 10,
        b"PK\3\4" * 100,
        b"\x0a" + b"\x08\x01\x12\x03toy\x18\x05",
    ],
)
def test_foreign_files_are_no_demonstrations(tmp_path, content):
    (tmp_path / "a.demo").write_bytes(content)
    assert "no demonstration" in refusal(tmp_path / "a.demo")


def test_metadata_of_another_version_and_of_another_size(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes(), api_version=2)
    assert "format version 2, expected 0 or 1" in refusal(path)
    path = write_file(tmp_path / "b.demo", two_episodes(), demonstration_name="x" * 40)
    assert "metadata of 46 bytes, expected at most 32" in refusal(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda p: p.agent_info.observations.add(shape=[1]), "2 observations, expected 1"),
        (lambda p: p.agent_info.observations.pop(), "0 observations, expected 1"),
        (lambda p: p.agent_info.observations[0].shape.append(2), r"shape [1, 2], expected [1]"),
        (lambda p: p.action_info.continuous_actions.append(1), "2 continuous and 0 discrete"),
        (lambda p: p.action_info.continuous_actions.pop(), "0 continuous and 0 discrete"),
        (lambda p: p.action_info.discrete_actions.append(1), "1 continuous and 1 discrete"),
        (lambda p: setattr(p.agent_info, "reward", np.nan), "a reward that is not finite"),
        (lambda p: setattr(p.agent_info, "group_reward", np.inf), "a reward that is not finite"),
        (lambda p: p.agent_info.action_mask.append(True), "a mask of 1 options, expected 0"),
        (lambda p: p.ClearField("agent_info"), "0 observations and 1 actions"),
    ],
)
def test_a_record_that_is_not_like_the_others_is_named(tmp_path, change, what):
    pairs = two_episodes()
    change(pairs[1])
    text = refusal(write_file(tmp_path / "a.demo", pairs))
    assert text.startswith("byte 74: pair 2 of 5 has ")
    assert what in text


@pytest.mark.parametrize("option", [-1, 3, 1 << 30])
def test_options_that_no_branch_has_are_refused(tmp_path, option):
    pairs = [pair(0, 0), pair(1, 1)]
    for record in pairs:
        record.action_info.continuous_actions.pop()
        record.action_info.discrete_actions.append(0)
    brain = brain_of(ActionSpec(0, (3,)))
    load_demos(write_file(tmp_path / "a.demo", pairs, brain))
    pairs[1].action_info.discrete_actions[0] = option
    text = refusal(write_file(tmp_path / "a.demo", pairs, brain))
    assert f"option {option} of branch 0, expected 0 to 2" in text


@pytest.mark.parametrize("value", [0.5, -1.0, 3.0, np.nan, 1e30])
def test_old_options_must_be_whole_and_of_the_branch(tmp_path, value):
    brain = brain_of(ActionSpec(0, (3,)))
    pairs = [pair(0, 0), pair(1, 1)]
    for record in pairs:
        record.action_info.continuous_actions.pop()
        record.action_info.vector_actions_deprecated.append(value)
    assert "option" in refusal(write_file(tmp_path / "a.demo", pairs, brain))


@pytest.mark.parametrize(
    "spec", [ActionSpec(), ActionSpec(1 << 30), ActionSpec(0, (1 << 30,)), ActionSpec(0, (0,))]
)
def test_actions_that_cannot_be_are_refused(tmp_path, spec):
    assert "behavior parameters" in refusal(
        write_file(tmp_path / "a.demo", two_episodes(), brain_of(spec))
    )


# a head of 5 pairs and the behavior parameters of one continuous action
HEAD = delimited(Meta(api_version=1, number_steps=5).SerializeToString()).ljust(33, b"\0")
BEHAVIOR = delimited(brain_of(ActionSpec(1)).SerializeToString())
EMPTY_OBSERVATION = bytes_field(13, b"")


def shaped(*shape):
    return bytes_field(13, bytes_field(1, b"".join(map(varint, shape))))


def record(info):
    return delimited(bytes_field(1, info) + bytes_field(2, b""))


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


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
def test_hostile_files_take_little_memory(tmp_path):
    paths = []
    for number, content in enumerate(HOSTILE.values()):
        paths.append(tmp_path / f"{number}.demo")
        paths[-1].write_bytes(content)
    for what, _, grown in peaks(*paths):
        assert what == "refused"
        assert grown < 200


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
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


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in other units elsewhere")
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


def damaged(content, rng):
    """A copy that is cut, or in which some bits are flipped."""
    if rng.random() < 0.5:
        return content[: rng.integers(len(content))]
    copy = bytearray(content)
    # the head and the first records are where most can go wrong
    end = len(copy) if rng.random() < 0.5 else min(400, len(copy))
    for place in rng.integers(0, end, rng.integers(1, 4)):
        copy[place] ^= 1 << int(rng.integers(8))
    return bytes(copy)


def doubt(path, content, expected, rng, times):
    """Damages `content` again and again; the number of refusals."""
    refusals = 0
    for _ in range(times):
        path.write_bytes(damaged(content, rng))
        begin = time.process_time()
        try:
            sentence = f"{path}: "
            rows = load_demos(path).rows
        except DataError as error:
            sentence = str(error)
            refusals += 1
        else:
            assert len(rows.mask) == expected
            assert all(np.isfinite(column).all() for column in (*rows.obs, *rows[1:]))
        assert sentence.startswith(f"{path}: ")
        assert "\n" not in sentence
        assert time.process_time() - begin < 1.0
    return refusals


@pytest.mark.parametrize("name", SPECS)
def test_damage_is_refused_or_harmless(tmp_path, name):
    spec = SPECS[name]
    path = write_rows(tmp_path / "a.demo", spec, random_rows(spec, masks=True))
    content = path.read_bytes()
    refusals = doubt(path, content, 40, np.random.default_rng(0), 60)
    assert refusals >= 30  # all cuts, and flips that can be noticed


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["unitytests_test4", "unitytests_testhybridvis", "official_Basic_disc", "unitytests_testdcvis"],
)
def test_a_thousand_damages_of_a_recording(tmp_path, name):
    original = RECORDINGS / f"{name}.demo"
    if not original.is_file():
        pytest.skip("Unity's recordings are not beside the repository")
    content = original.read_bytes()
    expected = len(load_demos(original).rows.mask)
    assert doubt(tmp_path / "a.demo", content, expected, np.random.default_rng(0), 1000) > 500


def test_a_negative_count_is_refused(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes())
    meta = integer_field(1, 1) + integer_field(3, -5)
    path.write_bytes(delimited(meta).ljust(33, b"\0") + path.read_bytes()[33:])
    assert "-5 steps" in refusal(path)
