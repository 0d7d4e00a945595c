"""A replay is in the checkpoint where that is asked for, and what is lost of it is told."""

import json

import numpy as np
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.run import learn as learn_module
from mlagents_tf.run import memory
from mlagents_tf.run.checkpoints import find_commits
from mlagents_tf.run.evaluate import load_run, load_trainers
from mlagents_tf.run.storage import load_arrays
from tests.run.runs import SAC_CONFIG, arguments

NOT_SAVED = ("--set", "default_settings.hyperparameters.save_replay_buffer=false")


@pytest.fixture(autouse=True)
def nothing_is_compiled_or_exported(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
    monkeypatch.setattr(learn_module, "export_trainer", lambda *args: "nothing")


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "results" / "r"


def learn(folder, *more, env="toy-hybrid", run_id="r"):
    return main(arguments(folder, *more, env=env, run_id=run_id, text=SAC_CONFIG))


def replay_files(run_dir):
    return [path.parts[-3] for path in run_dir.glob("checkpoints/*/*/replay.hdf5")]


def newest(run_dir):
    return find_commits(run_dir)[0].path


def replay_of(run_dir):
    (path,) = newest(run_dir).glob("*/replay.hdf5")
    return path


def restored(run_dir):
    return json.loads((newest(run_dir) / "run.json").read_text())["replay_restored"]


def said(capsys, words):
    """Lines of the log with `words`."""
    return [line for line in capsys.readouterr().out.splitlines() if words in line]


def test_the_newest_checkpoint_alone_has_a_replay(tmp_path, run_dir, capsys):
    assert learn(tmp_path) == 0
    assert len(find_commits(run_dir)) == 3
    assert replay_files(run_dir) == [newest(run_dir).name]
    (line,) = said(capsys, "its replay of")
    assert "behavior toy-hybrid: its replay of 300 rows takes up to" in line


def test_a_run_that_was_stopped_is_the_run_that_was_not(tmp_path, run_dir, capsys):
    learn(tmp_path, run_id="whole")
    whole = tmp_path / "results" / "whole"
    learn(tmp_path, "--stop-at", "150")
    assert learn(tmp_path, "--resume", "--strict-resume") == 0
    assert not said(capsys, "empty replay")
    assert restored(run_dir) == {"toy-hybrid": True}
    assert replay_of(run_dir).read_bytes() == replay_of(whole).read_bytes()
    one, other = (load_arrays(newest(d) / "toy-hybrid/trainer.npz") for d in (run_dir, whole))
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def damage_after_the_manifest(path):
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def truncate(path):
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damage_after_the_manifest, truncate])
def test_a_damaged_replay_costs_a_warning_and_itself_alone(tmp_path, run_dir, capsys, damage):
    learn(tmp_path, "--max-steps", "200")
    damage(replay_of(run_dir))
    capsys.readouterr()
    assert learn(tmp_path, "--resume") == 0
    (line,) = said(capsys, "empty replay")
    assert line.startswith("[WARNING]")
    assert "replay.hdf5: " in line
    assert restored(run_dir) == {"toy-hybrid": False}
    assert learn(tmp_path, "--resume", "--strict-resume", "--max-steps", "500") == 0
    assert restored(run_dir) == {"toy-hybrid": True}


def test_a_replay_of_another_commit_is_refused(tmp_path, run_dir, capsys):
    for run_id, steps in (("r", "200"), ("other", "300")):
        learn(tmp_path, "--max-steps", steps, run_id=run_id)
    file, manifest = replay_of(run_dir), newest(run_dir) / "MANIFEST.json"
    other = replay_of(tmp_path / "results" / "other")
    file.write_bytes(other.read_bytes())
    facts = json.loads(manifest.read_text())
    facts["optional"] = json.loads((other.parents[1] / "MANIFEST.json").read_text())["optional"]
    manifest.write_text(json.dumps(facts))
    capsys.readouterr()
    assert learn(tmp_path, "--resume") == 0
    (line,) = said(capsys, "empty replay")
    assert "belongs to another checkpoint" in line


def test_a_strict_resume_refuses_a_damaged_replay(tmp_path, run_dir, capsys):
    learn(tmp_path, "--max-steps", "200")
    truncate(replay_of(run_dir))
    before = newest(run_dir)
    assert learn(tmp_path, "--resume", "--strict-resume") == 5
    message = capsys.readouterr().err
    assert "replay.hdf5: has 5000 bytes, not " in message
    assert "Leave out --strict-resume to go on with an empty replay." in message
    assert newest(run_dir) == before


def test_without_the_setting_a_resume_begins_with_an_empty_replay(tmp_path, run_dir, capsys):
    learn(tmp_path, "--max-steps", "200", *NOT_SAVED)
    assert replay_files(run_dir) == []
    capsys.readouterr()
    assert learn(tmp_path, "--resume", "--max-steps", "300", *NOT_SAVED) == 0
    (line,) = said(capsys, "empty replay")
    assert line.startswith("[INFO] behavior toy-hybrid: the checkpoint has no replay; with ")
    assert "hyperparameters.save_replay_buffer: true it would" in line
    assert learn(tmp_path, "--resume", "--strict-resume", *NOT_SAVED) == 5
    assert "save_replay_buffer" in capsys.readouterr().err


def test_an_older_checkpoint_has_no_replay_any_more(tmp_path, run_dir, capsys):
    learn(tmp_path)
    (newest(run_dir) / "run.json").write_text("damaged")
    assert learn(tmp_path, "--resume") == 0
    (line,) = said(capsys, "empty replay")
    assert "replay.hdf5: is not there; only the newest checkpoint has a replay." in line


@pytest.mark.parametrize("size", ["100", "1000"])
def test_a_changed_buffer_size_keeps_the_newest_rows(tmp_path, run_dir, capsys, size):
    learn(tmp_path, "--max-steps", "200")
    changed = ("--set", f"default_settings.hyperparameters.buffer_size={size}")
    assert learn(tmp_path, "--resume", "--strict-resume", *changed) == 0
    assert not said(capsys, "empty replay")


def test_a_strict_resume_refuses_new_episodes(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "200")
    wind = ("--set", "environment_parameters.wind=2")
    assert learn(tmp_path, "--resume", "--strict-resume", *wind) == 5
    message = capsys.readouterr().err
    assert "cannot be resumed exactly, since environment_parameters have changed" in message


def test_a_strict_resume_takes_an_environment_that_has_no_state(tmp_path, capsys):
    learn(tmp_path, "--max-steps", "100", env="gym:CartPole-v1")
    again = ("--resume", "--strict-resume", "--max-steps", "200")
    assert learn(tmp_path, *again, env="gym:CartPole-v1") == 0
    assert said(capsys, "faithful")


def test_a_replay_that_cannot_fit_is_refused_before_it_is_reserved(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    huge = ("--set", "default_settings.hyperparameters.buffer_size=1000000000000")
    assert learn(tmp_path, *huge) == 2
    message = capsys.readouterr().err
    assert message.count("behaviors.toy-hybrid.hyperparameters.buffer_size: a replay of") == 1
    assert "Lower buffer_size to at most" in message


def test_who_only_acts_needs_no_memory_for_a_replay(tmp_path, run_dir, monkeypatch):
    learn(tmp_path, "--max-steps", "100")
    monkeypatch.setattr(memory, "available_memory", lambda: 0)
    recorded = run_dir / "configuration.yaml"
    text = recorded.read_text().replace("buffer_size: 300", "buffer_size: 1000000000000")
    recorded.write_text(text)
    (trainer,) = load_trainers(run_dir, load_run(run_dir)).values()
    assert trainer.replay.capacity == 1_000_000_000_000
    assert not trainer.replay.columns
    assert main(["evaluate", str(run_dir), "--episodes", "2"]) == 0


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(tmp_path, run_dir, capsys):
    resource = pytest.importorskip("resource")
    learn(tmp_path, "--max-steps", "200")
    complete = replay_of(run_dir)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (complete.stat().st_size - 1000, limits[1]))
    try:
        assert learn(tmp_path, "--resume", "--max-steps", "700") == 4
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in capsys.readouterr().err
    assert replay_of(run_dir) == complete
    assert learn(tmp_path, "--resume", "--strict-resume", "--max-steps", "500") == 0
