import json
import subprocess
import sys

import numpy as np
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.data.demos import load_demos
from tests.data.demo_files import SPECS, pair, random_rows, two_episodes, write_file, write_rows
from tests.run.runs import learn


@pytest.fixture
def file(tmp_path):
    return write_file(tmp_path / "a.demo", two_episodes())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        assert learn(folder, "--max-steps", "3000") == 0
    return folder / "results" / "r"


def test_info_for_people(file, capsys):
    assert main(["demo", "info", str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(file),
        "  behavior   Toy?team=0",
        "  spec       [1]; continuous 1",
        "  pairs      5, 3 to learn from",
        "  episodes   2, 1 terminated, 1 interrupted",
        "  length     mean 1.500, 1.000 to 2.000",
        "  return     mean 1.750, 1.500 to 2.000",
        "  alignment  next: the metadata stands at its end again, as Unity's recorder leaves it",
    ]


def test_info_for_programs(file, tmp_path, capsys):
    spec = SPECS["discrete"]
    other = write_rows(tmp_path / "b.demo", spec, random_rows(spec, masks=True))
    assert main(["demo", "info", "--json", "--alignment", "same", str(tmp_path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report) == [str(file), str(other)]
    assert report[str(file)]["pairs"] == 5
    assert report[str(file)]["return"] == {"mean": 1.75, "min": 1.5, "max": 2.0}
    assert report[str(file)]["alignment"] == "same"
    assert report[str(file)]["reason"] == "as asked for"
    assert report[str(other)]["masked_pairs"] > 0


def test_info_of_nothing_that_can_be_learned_from(tmp_path, capsys):
    path = write_file(tmp_path / "a.demo", [pair(0, 0)])
    assert main(["demo", "info", str(path)]) == 0
    assert "pairs      1, 0 to learn from" in capsys.readouterr().out


def test_a_damaged_file_is_a_sentence_and_exit_code_5(file, capsys):
    file.write_bytes(file.read_bytes()[:100])
    assert main(["demo", "info", str(file)]) == 5
    captured = capsys.readouterr()
    assert captured.err.startswith(f"mlagents-tf: {file}: byte ")
    assert captured.out == ""


def test_check_says_that_a_file_fits(tmp_path, capsys):
    pairs = [pair(0, 0), pair(1, 1)]
    path = write_file(tmp_path / "a.demo", pairs)
    assert main(["demo", "check", str(path), "--env", "toy-continuous"]) == 0
    assert "fits toy-continuous; all 2 pairs can be read." in capsys.readouterr().out


def test_check_shows_what_does_not_fit(file, capsys):
    assert main(["demo", "check", str(file), "--env", "3DBall"]) == 5
    error = capsys.readouterr().err
    assert "does not fit 3DBall" in error
    assert "observation 0  [1]           [8]" in error
    assert "actions        continuous 1  continuous 2" in error


def test_check_reads_to_the_end(tmp_path, capsys):
    path = write_file(tmp_path / "a.demo", two_episodes(), number_steps=4)
    assert main(["demo", "check", str(path), "--env", "toy-continuous"]) == 5
    assert "bytes behind the last of 4 pairs" in capsys.readouterr().err


def test_check_asks_for_a_behavior_that_is_there(file, capsys):
    command = ["demo", "check", str(file), "--env", "3DBall", "--behavior", "Ball"]
    assert main(command) == 2
    assert "has no behavior 'Ball'; name one with --behavior: 3DBall" in capsys.readouterr().err


def test_merge_joins_files_of_both_alignments(file, tmp_path, capsys):
    converted = write_file(
        tmp_path / "b.demo", [pair(20, 5), pair(21, 6, 0.5), pair(22, 0, 1.0)], trailer=False
    )
    out = tmp_path / "deep" / "all.demo"
    assert main(["demo", "merge", str(file), str(converted), str(out)]) == 0
    text = capsys.readouterr().out
    assert "alignment 'next'" in text
    assert "alignment 'same'" in text
    assert f"Wrote {out} (8 pairs, 3 episodes)." in text
    rows = load_demos(out).rows
    np.testing.assert_array_equal(rows.obs[0][:, 0], [0, 1, 2, 10, 11, 20, 21, 22])
    np.testing.assert_array_equal(rows.continuous[:, 0], [-1, -2, 0, -11, 0, 5, 6, 0])
    np.testing.assert_array_equal(rows.rewards, [0.5, 1.0, 0.0, 2.0, 0.0, 0.5, 1.0, 0.0])
    np.testing.assert_array_equal(rows.mask, [1, 1, 0, 1, 0, 1, 1, 0])
    np.testing.assert_array_equal(rows.interrupted, [0, 0, 0, 1, 0, 0, 1, 0])


def test_merge_does_not_join_a_lone_observation_to_what_follows(file, tmp_path):
    lone = write_file(tmp_path / "b.demo", [*two_episodes(), pair(20, 0)])
    out = tmp_path / "all.demo"
    assert main(["demo", "merge", str(lone), str(file), str(out)]) == 0
    np.testing.assert_array_equal(load_demos(out).rows.mask, [1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0])


def test_merge_does_not_overwrite_unasked(file, tmp_path, capsys):
    other = write_file(tmp_path / "b.demo", two_episodes())
    before = other.read_bytes()
    assert main(["demo", "merge", str(file), str(other)]) == 2
    assert "exists" in capsys.readouterr().err
    assert other.read_bytes() == before
    assert main(["demo", "merge", str(file), str(other), "--force"]) == 0


def test_merge_leaves_nothing_behind_when_a_file_is_damaged(file, tmp_path, capsys):
    damaged = tmp_path / "b.demo"
    damaged.write_bytes(file.read_bytes()[:-40])
    assert main(["demo", "merge", str(file), str(damaged), str(tmp_path / "all.demo")]) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.demo", "b.demo"]


def test_a_trained_policy_is_recorded(run, tmp_path, capsys):
    out = tmp_path / "expert.demo"
    assert main(["demo", "record", str(run), str(out), "--episodes", "12"]) == 0
    assert "12 episodes, mean reward 0.9" in capsys.readouterr().out
    assert main(["demo", "check", str(out), "--env", "toy-discrete"]) == 0
    rows = load_demos(out).rows
    assert rows.terminated.sum() == (~rows.mask).sum() == 12
    # the likeliest option goes straight to the side that is shown: five decisions
    assert rows.mask.sum() == 60
    shown = rows.obs[0][rows.real, 0] > 0
    np.testing.assert_array_equal(rows.discrete[rows.real, 0], shown)


def test_a_stochastic_recording_of_cut_episodes(run, tmp_path):
    out = tmp_path / "expert.demo"
    command = ["demo", "record", str(run), str(out), "--episodes", "3", "--stochastic"]
    assert main([*command, "--max-episode-steps", "2", "--num-areas", "2"]) == 0
    rows = load_demos(out).rows
    assert len(rows.mask) == 9
    assert rows.interrupted.sum() == 3


def test_an_existing_file_is_not_recorded_over(run, file, capsys):
    assert main(["demo", "record", str(run), str(file)]) == 2
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["info {file}", "check {file} --env toy-continuous"])
def test_looking_at_files_needs_no_tensorflow(file, command):
    words = ["demo", *command.format(file=file).split()]
    code = (
        "import sys; from mlagents_tf.cli.main import main; "
        f"assert main({words!r}) == 0; assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
