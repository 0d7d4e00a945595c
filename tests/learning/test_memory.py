"""What only a policy that remembers can do, every trainer learns to do."""

import json

import pytest

from mlagents_tf.cli.main import main

WITHOUT = ["--set", "behaviors.toy-memory.network_settings.memory=null"]


def learned(tmp_path, capsys, trainer, *more):
    """Mean reward of the greedy policy after training; 0.96 is the most."""
    command = ["learn", f"config/memory/toy_{trainer}.yaml", "--env", "toy-memory", *more]
    command += ["--num-areas", "16", "--run-id", "toy", "--results-dir", str(tmp_path)]
    assert main([*command, "--seed", "3"]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "toy"), "--episodes", "100", "--json"]) == 0
    return next(iter(json.loads(capsys.readouterr().out).values()))["mean_reward"]


@pytest.mark.parametrize("trainer", ["ppo", "poca", "sac"])
def test_a_side_that_was_shown_at_the_start_is_remembered(tmp_path, capsys, trainer):
    assert learned(tmp_path, capsys, trainer) > 0.9


def test_without_memory_the_side_is_guessed(tmp_path, capsys):
    assert learned(tmp_path, capsys, "ppo", "--max-steps", "8000", *WITHOUT) < 0.5
