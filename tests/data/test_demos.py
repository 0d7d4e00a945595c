"""Demonstrations as rows: alignment, several files, spec checks."""

import re

import numpy as np
import pytest

from mlagents_tf.data import demo_file
from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_rows import choose_alignment
from mlagents_tf.data.demos import load_demos, open_demos, summarize
from mlagents_tf.errors import DataError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.data.demo_files import (
    SPECS,
    assert_same,
    brain_of,
    old_brain,
    pair,
    random_rows,
    two_episodes,
    write_file,
    write_rows,
)
from tests.protobuf.messages import Brain, Pair


def test_rows_by_hand_when_the_next_record_has_the_action(tmp_path):
    rows = load_demos(write_file(tmp_path / "a.demo", two_episodes())).rows
    np.testing.assert_array_equal(rows.obs[0][:, 0], [0, 1, 2, 10, 11])
    np.testing.assert_array_equal(rows.continuous[:, 0], [-1, -2, 0, -11, 0])
    np.testing.assert_array_equal(rows.rewards, [0.5, 1.0, 0.0, 2.0, 0.0])
    np.testing.assert_array_equal(rows.mask, [1, 1, 0, 1, 0])
    np.testing.assert_array_equal(rows.last, [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(rows.terminated, [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(rows.interrupted, [0, 0, 0, 1, 0])


def test_rows_by_hand_when_the_same_record_has_the_action(tmp_path):
    pairs = [pair(0, 5), pair(1, 6, 0.5), pair(2, 7, 1.0, done=True), pair(10, 8), pair(11, 9, 2.0)]
    rows = load_demos(write_file(tmp_path / "a.demo", pairs, trailer=False)).rows
    np.testing.assert_array_equal(rows.continuous[:, 0], [5, 6, 0, 8, 0])
    np.testing.assert_array_equal(rows.rewards, [0.5, 1.0, 0.0, 2.0, 0.0])
    np.testing.assert_array_equal(rows.mask, [1, 1, 0, 1, 0])
    np.testing.assert_array_equal(rows.last, [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(rows.terminated, [0, 1, 0, 0, 0])
    assert not rows.interrupted.any()


@pytest.mark.parametrize(
    ("wanted", "trailer", "kind", "reason"),
    [
        ("auto", True, "next", "as Unity's recorder leaves it"),
        ("auto", False, "same", "as in converted files"),
        ("same", True, "same", "as asked for"),
        ("next", False, "next", "as asked for"),
    ],
)
def test_the_alignment_and_why(tmp_path, wanted, trailer, kind, reason):
    file = DemoFile(write_file(tmp_path / "a.demo", two_episodes(), trailer=trailer))
    chosen = choose_alignment(file, wanted)
    assert chosen.kind == kind
    assert reason in chosen.reason


def test_an_unknown_alignment_is_refused(tmp_path):
    with pytest.raises(DataError, match="'both' is none of auto, next, same"):
        load_demos(write_file(tmp_path / "a.demo", two_episodes()), alignment="both")


def test_a_converted_file_may_lack_the_last_action_but_no_other(tmp_path):
    pairs = [pair(0, 5), pair(1, 6), pair(2, 0)]
    pairs[2].action_info.Clear()
    path = write_file(tmp_path / "a.demo", pairs, trailer=False)
    np.testing.assert_array_equal(load_demos(path).rows.mask, [1, 1, 0])
    np.testing.assert_array_equal(load_demos(path, alignment="next").rows.mask, [1, 0, 0])
    pairs[1].action_info.Clear()
    with pytest.raises(DataError, match="pair 2 of 3 has an action of 0 continuous"):
        load_demos(write_file(tmp_path / "b.demo", pairs, trailer=False))


def test_a_recorders_file_lacks_no_action(tmp_path):
    pairs = two_episodes()
    pairs[2].action_info.Clear()  # the last of the first episode
    with pytest.raises(DataError, match="pair 3 of 5 has an action of 0 continuous"):
        load_demos(write_file(tmp_path / "a.demo", pairs))


@pytest.mark.parametrize("records", [1, 2, 3, 4, 1000])
def test_chunks_make_no_difference(tmp_path, monkeypatch, records):
    rows = random_rows(SPECS["hybrid"], 37)
    path = write_rows(tmp_path / "a.demo", SPECS["hybrid"], rows)
    monkeypatch.setattr(demo_file, "CHUNK_RECORDS", records)
    assert_same(load_demos(path).rows, rows)
    file = DemoFile(path)
    summary = summarize(file, choose_alignment(file))
    assert len(summary.returns) == rows.last.sum()
    assert summary.lengths.sum() == rows.mask.sum()
    np.testing.assert_allclose(summary.returns.sum(), rows.rewards.sum(), rtol=1e-5)


def test_a_summary_by_hand(tmp_path):
    pairs = [*two_episodes(), pair(20, 0), pair(21, -21, 4.0)]
    file = DemoFile(write_file(tmp_path / "a.demo", pairs))
    summary = summarize(file, choose_alignment(file))
    np.testing.assert_array_equal(summary.returns, [1.5, 2.0, 4.0])
    np.testing.assert_array_equal(summary.lengths, [2, 1, 1])
    assert (summary.num_terminated, summary.num_interrupted, summary.num_open) == (1, 1, 1)


def test_old_and_new_action_fields(tmp_path):
    records = [Pair(), Pair()]
    for record in records:
        record.agent_info.observations.add(shape=[1]).float_data.data.append(1.0)
    records[1].action_info.vector_actions_deprecated.extend([0.5, -0.5])
    records[0].action_info.vector_actions_deprecated.extend([0, 0])
    rows = load_demos(write_file(tmp_path / "a.demo", records, old_brain(2))).rows
    np.testing.assert_array_equal(rows.continuous[0], [0.5, -0.5])

    old = Brain(brain_name="Old", vector_action_size_deprecated=[3, 2])
    records[1].action_info.vector_actions_deprecated[:] = [2, 1]
    rows = load_demos(write_file(tmp_path / "b.demo", records, old)).rows
    np.testing.assert_array_equal(rows.discrete[0], [2, 1])

    # both, as Python sends them: the new ones count
    records[1].action_info.discrete_actions.extend([1, 0])
    rows = load_demos(write_file(tmp_path / "c.demo", records, old)).rows
    np.testing.assert_array_equal(rows.discrete[0], [1, 0])


def test_group_rewards_are_rewards(tmp_path):
    pairs = [pair(0, 0), pair(1, 1, 0.5)]
    pairs[1].agent_info.group_reward = 2.0
    assert load_demos(write_file(tmp_path / "a.demo", pairs)).rows.rewards[0] == 2.5


def test_a_directory_is_read_in_the_order_of_names(tmp_path):
    for name in ("b", "a", "c"):
        write_file(tmp_path / f"{name}.demo", [pair(ord(name), 0), pair(0, 1, done=True)])
    (tmp_path / "notes.txt").write_text("not a demonstration")
    (tmp_path / ".tmp-1-a.demo").write_text("one that is being written")
    demos = load_demos(tmp_path)
    np.testing.assert_array_equal(demos.rows.obs[0][demos.rows.real, 0], [97, 98, 99])
    assert len(demos.remarks) == 3


def test_no_story_goes_on_into_the_next_file(tmp_path):
    first = write_file(tmp_path / "a.demo", [pair(0, 0), pair(1, 1)])
    second = write_file(tmp_path / "b.demo", [pair(2, 2), pair(3, 3)])
    rows = load_demos([second, first]).rows
    np.testing.assert_array_equal(rows.obs[0][:, 0], [2, 3, 0, 1])
    np.testing.assert_array_equal(rows.mask, [1, 0, 1, 0])
    np.testing.assert_array_equal(rows.last, [1, 0, 1, 0])


def test_what_is_missing_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file or directory"):
        load_demos(tmp_path / "nothing.demo")
    with pytest.raises(DataError, match=r"no file in this directory ends in '\.demo'"):
        load_demos(tmp_path)


def test_files_of_different_specs_are_refused(tmp_path):
    first = write_rows(tmp_path / "a.demo", SPECS["vector"], random_rows(SPECS["vector"]))
    second = write_rows(tmp_path / "b.demo", SPECS["discrete"], random_rows(SPECS["discrete"]))
    sentence = r"b\.demo: holds \[4\]; discrete \[3, 2\], but .*a\.demo holds \[4\]; continuous 2"
    with pytest.raises(DataError, match=sentence):
        open_demos([first, second])


def test_a_spec_that_does_not_fit_is_shown_beside_the_files(tmp_path):
    path = write_rows(tmp_path / "a.demo", SPECS["hybrid"], random_rows(SPECS["hybrid"]))
    with pytest.raises(DataError) as refused:
        load_demos(path, spec=Spec((ObservationSpec((4,)),), ActionSpec(2)))
    lines = str(refused.value).splitlines()
    assert lines[0].endswith("a.demo: does not fit the behavior:")
    assert [re.split(" {2,}", line) for line in lines[1:]] == [
        ["", "the file", "the behavior"],
        ["observation 1", "[3, 4, 5]", "none"],
        ["actions", "continuous 2; discrete [3, 2]", "continuous 2"],
    ]


def test_names_and_types_of_sensors_need_not_fit(tmp_path):
    path = write_rows(tmp_path / "a.demo", SPECS["vector"], random_rows(SPECS["vector"]))
    load_demos(path, spec=Spec((ObservationSpec((4,), "another"),), ActionSpec(2)))


def test_images_take_the_dtype_of_the_behavior(tmp_path):
    spec = SPECS["visual"]
    rows = random_rows(spec)
    path = write_rows(tmp_path / "a.demo", spec, rows)
    floats = tuple(ObservationSpec(obs.shape) for obs in spec.observations)
    found = load_demos(path, spec=Spec(floats, spec.actions))
    assert found.spec.observations == floats
    np.testing.assert_allclose(found.rows.obs[0], rows.obs[0] / 255.0, atol=1e-7)

    raw = Spec((ObservationSpec((2, 3, 3)),), ActionSpec(1))
    image = Spec((ObservationSpec((2, 3, 3), dtype="uint8"),), ActionSpec(1))
    rows = random_rows(raw)
    rows.obs[0][:] = np.linspace(0, 1, 18).reshape(2, 3, 3)
    found = load_demos(write_rows(tmp_path / "b.demo", raw, rows), spec=image).rows
    np.testing.assert_array_equal(found.obs[0][0].ravel(), np.rint(np.linspace(0, 255, 18)))


def test_what_does_not_fit_in_memory_is_refused_before_it_is_read(tmp_path):
    spec = SPECS["visual"]
    path = write_rows(tmp_path / "a.demo", spec, random_rows(spec))
    with pytest.raises(DataError, match=r"a\.demo: 40 pairs take \d+ MiB in memory, at most 0 MiB"):
        load_demos(path, most_bytes=1000)


def test_the_end_of_a_file_is_no_end_of_an_episode(tmp_path):
    rows = load_demos(write_file(tmp_path / "a.demo", [pair(0, 0), pair(1, 1)])).rows
    assert rows.last[0]
    assert not rows.terminated.any()
    assert not rows.interrupted.any()


def test_hybrid_behavior_parameters(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes(), brain_of(ActionSpec(1), "A?team=2"))
    assert DemoFile(path).behavior == "A?team=2"
