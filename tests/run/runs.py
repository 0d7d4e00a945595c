"""Small runs for tests: a toy world, a tiny network, a minibatch or two."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.world import World
from mlagents_tf.envs.env import Parameters, State
from mlagents_tf.steps import Actions, Step

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

SAC_CONFIG = """
default_settings:
  trainer_type: sac
  hyperparameters:
    {batch_size: 16, buffer_size: 300, buffer_init_steps: 50, steps_per_update: 40,
     save_replay_buffer: true}
  network_settings: {hidden_units: 8, num_layers: 1, normalize: true}
  max_steps: 400
  summary_freq: 100
  checkpoint_interval: 100
  keep_checkpoints: 3
"""


def write_config(folder: Path, text: str = CONFIG) -> Path:
    """The configuration of a small run."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def arguments(
    folder: Path, *more: str, env: str = "toy-discrete", run_id: str = "r", text: str = CONFIG
) -> list[str]:
    """The command line of a small run in `folder`, without the program's name."""
    config = write_config(folder, text)
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


class TwoWorlds:
    """Two embedded worlds as one environment of two behaviors."""

    def __init__(self, first: World, second: World) -> None:
        self._worlds = {world.behavior: world for world in (first, second)}
        self.specs = {name: world.spec for name, world in self._worlds.items()}
        self.closed = 0

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Resets both."""
        return self._merged(world.reset(parameters) for world in self._worlds.values())

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Steps both."""
        return self._merged(w.step({n: actions[n]}) for n, w in self._worlds.items())

    def state(self) -> State:
        """Where both stand."""
        return {name: world.state() for name, world in self._worlds.items()}

    def load_state(self, state: State) -> dict[str, Step]:
        """Both go on where they stood."""
        return self._merged(w.load_state(state[n]) for n, w in self._worlds.items())

    def close(self) -> None:
        """Counts how often it was called."""
        self.closed += 1

    def _merged(self, steps: Iterable[dict[str, Step]]) -> dict[str, Step]:
        return {name: step for world in steps for name, step in world.items()}
