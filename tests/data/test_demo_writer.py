"""What is written comes back, and is what Unity's own readers expect."""

import numpy as np
import pytest

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_rows import take_rows
from mlagents_tf.data.demo_writer import writing_demo
from mlagents_tf.data.demos import load_demos
from mlagents_tf.errors import StorageError
from tests.data.demo_files import SPECS, assert_same, random_rows, write_rows
from tests.protobuf.messages import Brain, Meta, Pair


def delimited(data, at):
    """A message and where it ends, as Unity's loader in Python takes files apart."""
    size = shift = 0
    while True:
        byte = data[at]
        size |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return data[at : at + size], at + size


def messages(path):
    """Metadata, behavior, pairs, and what is behind them."""
    data = path.read_bytes()
    meta = Meta.FromString(delimited(data, 0)[0])
    brain, at = delimited(data, 33)
    pairs = []
    for _ in range(meta.number_steps):
        pair, at = delimited(data, at)
        pairs.append(Pair.FromString(pair))
    return meta, Brain.FromString(brain), pairs, data[at:]


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_rows_come_back(tmp_path, name, masks):
    spec = SPECS[name]
    rows = random_rows(spec, masks=masks)
    demos = load_demos(write_rows(tmp_path / "a.demo", spec, rows))
    assert_same(demos.rows, rows)
    assert demos.spec.fingerprint() == load_demos(tmp_path / "a.demo").spec.fingerprint()
    assert "'next'" in demos.remarks[0]


def test_it_makes_no_difference_in_how_many_calls(tmp_path):
    spec = SPECS["hybrid"]
    rows = random_rows(spec)
    whole = write_rows(tmp_path / "whole.demo", spec, rows).read_bytes()
    (tmp_path / "parts").mkdir()
    with writing_demo(tmp_path / "parts" / "whole.demo", "Toy", spec) as writer:
        for start, end in ((0, 0), (0, 1), (1, 17), (17, 18), (18, 40)):
            writer.append(take_rows(rows, slice(start, end)))
    assert (tmp_path / "parts" / "whole.demo").read_bytes() == whole


def test_googles_library_reads_the_file(tmp_path):
    spec = SPECS["hybrid"]
    rows = random_rows(spec, masks=True)
    path = write_rows(tmp_path / "expert.demo", spec, rows, behavior="Toy?team=1")
    meta, brain, pairs, rest = messages(path)
    assert (meta.api_version, meta.demonstration_name) == (1, "expert")
    assert (meta.number_steps, meta.number_episodes) == (40, rows.last.sum())
    assert meta.mean_reward == pytest.approx(rows.rewards.sum() / rows.last.sum(), rel=1e-5)
    assert rest == meta.SerializeToString()
    assert brain.brain_name == "Toy?team=1"
    assert brain.action_spec.num_continuous_actions == 2
    assert list(brain.action_spec.discrete_branch_sizes) == [3, 2]
    infos = [pair.agent_info for pair in pairs]
    np.testing.assert_array_equal([info.done for info in infos], ~rows.mask)
    for number in rows.real:
        np.testing.assert_array_equal(
            infos[number].observations[0].float_data.data, rows.obs[0][number]
        )
        forbidden = ~rows.allowed[number]
        expected = forbidden if forbidden.any() else []
        np.testing.assert_array_equal(infos[number].action_mask, expected)
        after = pairs[number + 1]  # what the row's action led to
        np.testing.assert_array_equal(after.action_info.continuous_actions, rows.continuous[number])
        np.testing.assert_array_equal(after.action_info.discrete_actions, rows.discrete[number])
        assert after.agent_info.reward == rows.rewards[number]
        assert after.agent_info.max_step_reached == rows.interrupted[number]
        assert after.agent_info.id == infos[number].id
    assert len({info.id for info in infos}) == (~rows.mask).sum()


def test_a_long_name_is_cut_so_that_the_metadata_fits_its_place(tmp_path):
    path = tmp_path / ("ä" * 60 + ".demo")
    write_rows(path, SPECS["vector"], random_rows(SPECS["vector"]))
    meta, *_ = messages(path)
    assert set(meta.demonstration_name) == {"ä"}
    assert len(meta.SerializeToString()) <= 32
    assert DemoFile(path).num_records == 40


def test_nothing_takes_the_place_of_a_file_until_it_is_whole(tmp_path):
    path = tmp_path / "a.demo"
    path.write_bytes(b"precious")
    spec = SPECS["vector"]
    with pytest.raises(KeyboardInterrupt), writing_demo(path, "Toy", spec) as writer:  # noqa: PT012
        writer.append(random_rows(spec))
        raise KeyboardInterrupt
    assert path.read_bytes() == b"precious"
    assert [file.name for file in tmp_path.iterdir()] == ["a.demo"]


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "a.demo"
    with (
        pytest.raises(StorageError, match=r"a\.demo: cannot write: "),
        writing_demo(path, "Toy", SPECS["vector"]),
    ):
        pass
