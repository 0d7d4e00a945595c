"""Curricula and samplers of a run reach a Gymnasium environment that declares parameters."""

import csv

import pytest

pytest.importorskip("gymnasium")

from mlagents_tf.cli.main import main
from mlagents_tf.run import learn as learn_module
from tests.run.runs import CONFIG, arguments

FALLING = "gym:tests.envs.falling:Parameters/Falling-v0"
# an episode earns twice its gravity
LESSONS = """
environment_parameters:
  colour: 3
  gravity:
    curriculum:
      - name: light
        value: 1
        completion_criteria:
          {behavior: Falling-v0, threshold: 1.5, min_lesson_length: 80, signal_smoothing: false}
      - {name: heavy, value: 3}
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    monkeypatch.setattr(learn_module, "export_trainer", lambda *_: "nothing")


def train(folder, *more):
    """Runs with the lessons; returns mean returns by step, and lesson numbers."""
    text = CONFIG + LESSONS
    assert main(arguments(folder, "--num-areas", "4", *more, env=FALLING, text=text)) == 0
    path = folder / "results" / "r" / "Falling-v0" / "statistics.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        (
            int(row["Step"]),
            float(row["Environment/Cumulative Reward"]),
            float(row["Environment/Lesson Number/gravity"]),
        )
        for row in rows
    ]


def test_a_lesson_changes_in_the_middle_of_a_run(tmp_path, capsys):
    rows = train(tmp_path, "--max-steps", "600")
    assert rows[0][1:] == (2.0, 0.0)
    assert rows[-1][1:] == (6.0, 1.0)
    printed = capsys.readouterr().out
    assert printed.count("no parameter colour; ignored") == 1
    assert "lesson 'heavy' begins, the value is 3" in printed


def test_a_resumed_run_goes_on_in_its_lesson(tmp_path):
    train(tmp_path, "--max-steps", "400")
    rows = train(tmp_path, "--max-steps", "800", "--resume")
    assert rows[0][1:] == (2.0, 0.0)
    assert [row for row in rows if row[0] > 400 and row[1:] != (6.0, 1.0)] == []
    assert rows[-1][0] == 800


def test_lessons_reach_environments_in_processes(tmp_path):
    rows = train(tmp_path, "--max-steps", "800", "--num-envs", "2")
    assert rows[0][1:] == (2.0, 0.0)
    assert rows[-1][1:] == (6.0, 1.0)
