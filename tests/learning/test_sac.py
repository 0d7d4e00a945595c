"""SAC on worlds that it must learn in seconds."""

import json

import pytest

from mlagents_tf.cli.main import main

TOY = """
default_settings:
  trainer_type: sac
  hyperparameters:
    batch_size: 64
    buffer_size: 10240
    buffer_init_steps: 200
    init_entcoef: 0.3
    learning_rate: 5.0e-3
    tau: 0.02
    train_interval: {areas}
    steps_per_update: {steps_per_update}
    critic: {critic}
  network_settings: {{hidden_units: 64, num_layers: 1}}
  max_steps: {max_steps}
  summary_freq: 1000
"""
WORLDS = {
    "toy-continuous": (8_000, 32),
    "toy-discrete": (8_000, 32),
    # places are not seen: which action the end of two lines is owed to takes many ends to tell
    "toy-hybrid": (40_000, 64),
}
"""Steps to train for, and areas; eight gradient steps are made in every turn."""


def learned(tmp_path, capsys, env, critic, seed, longer=1, threaded=False):
    """Mean reward of the greedy policy after training."""
    config = tmp_path / "toy.yaml"
    steps, areas = WORLDS[env]
    config.write_text(
        TOY.format(
            critic=critic, max_steps=longer * steps, areas=areas, steps_per_update=areas // 8
        )
        + "  threaded: true\n" * threaded
    )
    command = ["learn", str(config), "--env", env, "--num-areas", str(areas), "--run-id", "toy"]
    assert main([*command, "--results-dir", str(tmp_path), "--seed", str(seed)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "toy"), "--episodes", "100", "--json"]) == 0
    return next(iter(json.loads(capsys.readouterr().out).values()))["mean_reward"]


@pytest.mark.parametrize(
    ("env", "critic", "threshold"),
    [
        ("toy-continuous", "value_target", 0.8),
        ("toy-discrete", "q_target", 0.8),
        ("toy-hybrid", "value_target", 0.55),  # who knows one line alone gets 0.45
    ],
)
def test_a_toy_world_is_learned_in_seconds(tmp_path, capsys, env, critic, threshold):
    assert learned(tmp_path, capsys, env, critic, seed=0) > threshold


def test_a_toy_world_is_learned_while_it_goes_on(tmp_path, capsys):
    found = learned(tmp_path, capsys, "toy-continuous", "value_target", seed=0, threaded=True)
    assert found > 0.8


@pytest.mark.learning
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("critic", ["value_target", "q_target"])
@pytest.mark.parametrize("env", WORLDS)
def test_every_toy_world_is_learned_on_three_seeds(tmp_path, capsys, env, critic, seed):
    assert learned(tmp_path, capsys, env, critic, seed, longer=2) > 0.8
