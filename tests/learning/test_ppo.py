"""PPO on worlds that it must learn in seconds, and on real examples when asked for."""

import json

import pytest

from mlagents_tf.cli.main import main

TOY = """
default_settings:
  trainer_type: ppo
  hyperparameters:
    batch_size: 64
    buffer_size: 512
    learning_rate: 3.0e-3
    learning_rate_schedule: constant
    num_epoch: 4
  network_settings: {hidden_units: 32, num_layers: 2}
  max_steps: 8000
  summary_freq: 4000
"""
THREADED = "  threaded: true\n"


def mean_reward(capsys, run_dir, episodes=100):
    """Of the greedy policy of a run."""
    capsys.readouterr()
    assert main(["evaluate", str(run_dir), "--episodes", str(episodes), "--json"]) == 0
    return next(iter(json.loads(capsys.readouterr().out).values()))["mean_reward"]


@pytest.mark.parametrize(
    ("env", "threaded"),
    [("toy-continuous", ""), ("toy-discrete", ""), ("toy-masked", ""), ("toy-discrete", THREADED)],
)
def test_a_toy_world_is_learned_in_seconds(tmp_path, capsys, env, threaded):
    config = tmp_path / "toy.yaml"
    config.write_text(TOY + threaded)
    command = ["learn", str(config), "--env", env, "--num-areas", "16", "--run-id", "toy"]
    assert main([*command, "--results-dir", str(tmp_path), "--seed", "3"]) == 0
    assert mean_reward(capsys, tmp_path / "toy") > 0.8


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("env", "threshold"),
    [("Basic", 0.92), ("3DBall", 95), ("GridWorldVector", 0.8), ("PushBlock", 4.5)],
)
def test_an_example_reaches_its_benchmark_with_unitys_settings(
    tmp_path, capsys, env, threshold, seed
):
    command = ["learn", "config/trainer_config.yaml", "--env", env, "--run-id", "example"]
    assert main([*command, "--results-dir", str(tmp_path), "--seed", str(seed)]) == 0
    assert mean_reward(capsys, tmp_path / "example") >= threshold


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cartpole_is_solved_within_a_hundred_thousand_steps(tmp_path, capsys, seed):
    command = ["learn", "config/ppo/CartPole-v1.yaml", "--env", "gym:CartPole-v1"]
    command += ["--run-id", "cartpole", "--results-dir", str(tmp_path), "--seed", str(seed)]
    assert main(command) == 0
    assert mean_reward(capsys, tmp_path / "cartpole") >= 475
