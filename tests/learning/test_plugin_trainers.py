"""The trainers of the example package solve what their configurations are for."""

import json

import pytest

from mlagents_tf.cli.main import main
from tests.example_package import EXAMPLE, installed_example


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    yield from installed_example(tmp_path, monkeypatch)


@pytest.mark.learning
@pytest.mark.parametrize(
    ("trainer", "env", "least"),
    [
        ("a2c", "gym:CartPole-v1", 475),
        ("dqn", "gym:CartPole-v1", 475),
    ],
)
def test_it_learns(trainer, env, least, tmp_path, capsys):
    command = ["learn", str(EXAMPLE / "config" / f"{trainer}.yaml"), "--env", env, "--seed", "0"]
    assert main([*command, "--run-id", "r", "--results-dir", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "r"), "--episodes", "100", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out).values()
    assert found["mean_reward"] >= least
