"""`learn` with demonstrations that do not fit, are damaged, or have changed since a checkpoint."""

import re

import pytest

from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.data.demo_files import random_rows, write_rows
from tests.run.runs import CONFIG, arguments, main

SIDE = Spec((ObservationSpec((1,)),), ActionSpec(0, (2,)))  # as of toy-discrete
LEARNERS = {
    "gail": "  reward_signals: {gail: {demo_path: %s, network_settings: {hidden_units: 8}}}\n",
    "behavioral_cloning": "  behavioral_cloning: {demo_path: %s}\n",
}


def learn(folder, path, *more, learner="behavioral_cloning"):
    """Runs it in this process; returns the exit code."""
    return main(arguments(folder, *more, text=CONFIG + LEARNERS[learner] % path))


@pytest.fixture
def path(tmp_path):
    return write_rows(tmp_path / "expert.demo", SIDE, random_rows(SIDE, 60))


@pytest.mark.parametrize("learner", LEARNERS)
def test_another_spec_ends_with_5_and_both_side_by_side(tmp_path, capsys, learner):
    spec = Spec((ObservationSpec((4,)), ObservationSpec((2,))), ActionSpec(2))
    other = write_rows(tmp_path / "expert.demo", spec, random_rows(spec))
    assert learn(tmp_path, other, learner=learner) == 5
    lines = capsys.readouterr().err.splitlines()
    start = next(n for n, line in enumerate(lines) if "does not fit the behavior:" in line)
    assert str(other) in lines[start]
    assert [re.split(" {2,}", line.rstrip()) for line in lines[start + 1 : start + 5]] == [
        ["", "the file", "the behavior"],
        ["observation 0", "[4]", "[1]"],
        ["observation 1", "[2]", "none"],
        ["actions", "continuous 2", "discrete [2]"],
    ]


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_cut_ends_with_5_and_its_place(tmp_path, path, capsys, learner):
    path.write_bytes(path.read_bytes()[:1000])
    assert learn(tmp_path, path, learner=learner) == 5
    error = capsys.readouterr().err
    sentence = r"expert\.demo: byte \d+: pair \d+ of 60 has a message of \d+ bytes, \d+ are left\."
    assert re.search(sentence, error)
    assert "Traceback" not in error


def test_a_resume_with_other_demonstrations_is_told_or_refused(tmp_path, path, capsys):
    assert learn(tmp_path, path, "--max-steps", "50") == 0
    assert learn(tmp_path, path, "--max-steps", "60", "--resume", "--strict-resume") == 0
    write_rows(path, SIDE, random_rows(SIDE, 60, seed=1))
    capsys.readouterr()
    assert learn(tmp_path, path, "--max-steps", "70", "--resume", "--strict-resume") == 5
    sentence = f"demonstrations have changed since the checkpoint: {path}"
    error = capsys.readouterr().err
    assert f"behavior toy-discrete: cannot be resumed exactly, since {sentence}. Put" in error
    assert learn(tmp_path, path, "--max-steps", "70", "--resume") == 0
    output = capsys.readouterr()
    assert f"[INFO] behavior toy-discrete: {sentence}" in output.out + output.err
