"""Whole runs of teams."""

import csv
import json

import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.run.checkpoints import newest_valid
from mlagents_tf.settings.run import RunSettings

CONFIG = """
default_settings:
  trainer_type: TRAINER
  hyperparameters: {batch_size: 32, buffer_size: 64}
  network_settings: {hidden_units: 8, num_layers: 1}
  max_steps: 240
  summary_freq: 60
  self_play: {save_steps: 40, team_change: 100, swap_steps: 20, window: 3}
"""


@pytest.fixture(autouse=True)
def without_compiling(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")


def learn(folder, env, trainer="ppo", text=CONFIG, *more):
    config = folder / "config.yaml"
    config.write_text(text.replace("TRAINER", trainer))
    arguments = ["--env", env, "--num-areas", "4", "--run-id", "r", "--results-dir", str(folder)]
    assert main(["learn", str(config), *arguments, "--seed=1", *more]) == 0
    found = newest_valid(folder / "r", warn=print)
    return json.loads((found.path / "self_play.json").read_text())


def statistics(folder, name):
    with (folder / "r" / name / "statistics.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("trainer", "env"), [("ppo", "Tennis"), ("sac", "Tennis"), ("poca", "SoccerTwos")]
)
def test_every_trainer_learns_by_self_play(tmp_path, trainer, env, capsys):
    facts = learn(tmp_path, env, trainer)
    (ladder,) = facts["ladders"]
    assert ladder["behavior"] == env
    assert ladder["pool"] == 3
    assert ladder["steps"] > 0
    assert facts["teams"] == [0, 1]  # there and back in two turns of a hundred steps
    assert [row["Step"] for row in statistics(tmp_path, env)] == ["60", "120", "180", "240"]
    assert all(float(row["Self-play/ELO"]) > 1100 for row in statistics(tmp_path, env))
    said = capsys.readouterr().out
    assert said.count("learns now") == 2
    assert "ELO: " in said


def test_two_behaviors_learn_in_turn_until_both_are_finished(tmp_path, capsys):
    facts = learn(tmp_path, "StrikersVsGoalie")
    striker, goalie = facts["ladders"]
    assert [striker["behavior"], goalie["behavior"]] == ["Striker", "Goalie"]
    assert striker["steps"] > 0 < goalie["steps"]
    for name in ("Striker", "Goalie"):
        assert len(statistics(tmp_path, name)) == 4
    assert "team 1 learns now (Goalie)" in capsys.readouterr().out


def test_without_self_play_teams_are_two_behaviors(tmp_path):
    text = CONFIG[: CONFIG.index("  self_play")]
    config = tmp_path / "config.yaml"
    config.write_text(text.replace("TRAINER", "ppo"))
    arguments = ["--env", "Tennis", "--run-id", "r", "--results-dir", str(tmp_path)]
    assert main(["learn", str(config), *arguments]) == 0
    models = sorted(path.name for path in (tmp_path / "r").glob("*.onnx"))
    assert models == ["Tennis%3Fteam=1.onnx", "Tennis.onnx"]


def test_a_run_of_an_earlier_version_keeps_its_names(tmp_path, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG[: CONFIG.index("  self_play")].replace("TRAINER", "ppo"))
    arguments = ["learn", str(config), "--env", "Tennis", "--num-areas", "4", "--run-id", "r"]
    arguments += ["--results-dir", str(tmp_path)]
    with monkeypatch.context() as then:
        then.setattr(RunSettings, "trainer_name", lambda _, behavior, made=(): behavior)
        assert main([*arguments, "--max-steps", "120"]) == 0
    first = statistics(tmp_path, "Tennis%3Fteam=0")
    assert main([*arguments, "--resume"]) == 0
    assert statistics(tmp_path, "Tennis%3Fteam=0")[: len(first)] == first
    assert len(statistics(tmp_path, "Tennis%3Fteam=0")) == 4
    assert not (tmp_path / "r" / "Tennis").exists()
    assert main(["evaluate", str(tmp_path / "r"), "--episodes", "2"]) == 0


def test_evaluation_during_training_plays_both_teams(tmp_path):
    learn(tmp_path, "Tennis", "ppo", CONFIG + "evaluation: {interval: 120, episodes: 2}\n")
    third = statistics(tmp_path, "Tennis")[2]  # the first summary behind an evaluation
    assert third["Evaluation/Episode Length"]
