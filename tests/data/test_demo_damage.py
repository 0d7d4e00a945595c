"""Damaged, foreign and hostile files: our error or the right data, in bounded time and memory."""

import os
import time

import numpy as np
import pytest

from mlagents_tf.data.demos import load_demos
from mlagents_tf.errors import DataError
from mlagents_tf.protobuf.wire import delimited, integer_field
from mlagents_tf.specs import ActionSpec
from tests.data.demo_files import (
    SPECS,
    brain_of,
    pair,
    random_rows,
    refusal,
    two_episodes,
    write_file,
    write_rows,
)
from tests.protobuf.messages import Meta
from tests.recordings import RECORDINGS


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


def test_every_cut_of_a_small_file_is_refused_but_that_of_the_copy_alone(tmp_path):
    whole = write_file(tmp_path / "a.demo", two_episodes())
    content = whole.read_bytes()
    trailer = len(Meta(api_version=1, demonstration_name="toy", number_steps=5).SerializeToString())
    for size in set(range(len(content))) - {len(content) - trailer}:
        whole.write_bytes(content[:size])
        refusal(whole)
    whole.write_bytes(content[:-trailer])
    assert "'same'" in load_demos(whole).remarks[0]


def test_a_pipe_is_not_waited_for(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no pipes with names")
    os.mkfifo(tmp_path / "a.demo")
    assert "no such file" in refusal(tmp_path / "a.demo")


def test_a_negative_count_is_refused(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes())
    meta = integer_field(1, 1) + integer_field(3, -5)
    path.write_bytes(delimited(meta).ljust(33, b"\0") + path.read_bytes()[33:])
    assert "-5 steps" in refusal(path)
