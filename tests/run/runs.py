"""Small runs for tests: a toy world, a tiny network, a minibatch or two."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mlagents_tf.cli.main import main

CONFIG = """
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 32, buffer_size: 128, num_epoch: 1}
  network_settings: {hidden_units: 8, num_layers: 1, normalize: true}
  max_steps: 1000
  summary_freq: 100
  checkpoint_interval: 200
  keep_checkpoints: 3
"""


def write_config(folder: Path) -> Path:
    """The configuration of a small run."""
    path = folder / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def arguments(folder: Path, *more: str, env: str = "toy-discrete", run_id: str = "r") -> list[str]:
    """The command line of a small run in `folder`, without the program's name."""
    config = write_config(folder)
    results = str(folder / "results")
    return [
        *("learn", str(config), "--env", env, "--run-id", run_id, "--results-dir", results),
        *("--seed", "1", *more),
    ]


def learn(folder: Path, *more: str, env: str = "toy-discrete", run_id: str = "r") -> int:
    """Runs it in this process; returns the exit code."""
    return main(arguments(folder, *more, env=env, run_id=run_id))


def start(folder: Path, *more: str, **kwargs: str) -> subprocess.Popen[str]:
    """Starts it in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mlagents_tf", *arguments(folder, *more, **kwargs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
