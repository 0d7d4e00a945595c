"""Runs that learn from demonstrations alone: no environment, and all that every run has."""

import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.toy import HybridLine
from tests.rewards.signals import write_demo
from tests.run.exact import differences, traces

CONFIG = """
behaviors:
  toy-hybrid:
    trainer_type: bc
    hyperparameters: {{demo_path: {demo}, batch_size: 16, num_epoch: 2, held_out: 0.2}}
    network_settings: {{hidden_units: 8, num_layers: 1, normalize: true}}
    max_steps: 1000
    summary_freq: 200
    checkpoint_interval: 400
"""


@pytest.fixture
def learn(tmp_path):
    """Learns under a run id, with further arguments; returns the exit code."""
    config = tmp_path / "bc.yaml"
    demo = write_demo(tmp_path, HybridLine.spec)
    config.write_text(CONFIG.format(demo=demo))

    def learn(run_id, *more):
        folder = ["--results-dir", str(tmp_path / "results"), "--run-id", run_id]
        return main(["learn", str(config), "--seed", "3", *folder, *more])

    return learn


def test_it_needs_no_environment_and_shows_its_losses(learn, tmp_path, capsys):
    assert learn("clone") == 0
    out = capsys.readouterr().out
    assert "episodes are held out" in out
    assert "Cloning Loss: " in out
    assert "Held-out Loss: " in out
    assert "No episode" not in out
    run_dir = tmp_path / "results" / "clone"
    table = (run_dir / "toy-hybrid" / "statistics.csv").read_text()
    assert table.startswith("Step,Losses/Cloning Loss,Losses/Held-out Loss,")
    assert (run_dir / "toy-hybrid" / "saved_model").is_dir()

    assert main(["evaluate", str(run_dir), "--episodes", "2"]) == 2
    assert "without an environment" in capsys.readouterr().err
    assert main(["evaluate", str(run_dir), "--episodes", "2", "--env", "toy-hybrid"]) == 0


def test_a_resumed_run_is_the_run_that_never_stopped(learn, tmp_path):
    assert learn("whole") == 0
    assert learn("cut", "--stop-at", "500") == 0
    assert learn("cut", "--resume") == 0
    whole, cut = (traces(tmp_path / "results" / run_id) for run_id in ("whole", "cut"))
    assert whole["step"] >= 1000
    assert not differences(whole, cut)


def test_an_environment_that_is_named_is_remembered_and_not_played(learn, tmp_path, capsys):
    assert learn("clone", "--env", "toy-hybrid") == 0
    run_dir = tmp_path / "results" / "clone"
    assert main(["evaluate", str(run_dir), "--episodes", "2"]) == 0
    assert "2 episodes" in capsys.readouterr().out
