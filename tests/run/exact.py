"""What a run leaves behind, to be compared bit by bit; and runs that end at a given moment.

As a program it runs a command line in a world that sends its own process a signal:

    python -m tests.run.exact SIGNAL TICK learn CONFIG --env 3DBall ...
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from mlagents_tf.cli.main import main
from mlagents_tf.envs.registry import make_env
from mlagents_tf.run import environments
from mlagents_tf.run.checkpoints import newest_valid
from mlagents_tf.run.state import RUN_FILE
from mlagents_tf.run.storage import load_arrays, load_json
from mlagents_tf.steps import Actions, Step


class SignallingEnv:
    """Passes a world on, and at one tick sends this process a signal."""

    def __init__(self, env: Any, number: int, tick: int) -> None:
        self._env, self._number, self._left = env, number, tick

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def step(self, actions: dict[str, Actions]) -> dict[str, Step]:
        """Steps the world."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)
        return self._env.step(actions)


def run_until(number: int, tick: int, argv: list[str]) -> int:
    """Runs a command line in this process, with a signal at a tick of the environment."""

    def make(name: str, **options: Any) -> SignallingEnv:
        return SignallingEnv(make_env(name, **options), number, tick)

    environments.make_env = make
    try:
        return main(argv)
    finally:
        environments.make_env = make_env


def traces(run_dir: Path) -> dict[str, Any]:
    """Everything the newest commit and the logs of a run say, without clocks, by name."""
    found = newest_valid(run_dir, warn=print)
    assert found is not None
    kept: dict[str, Any] = {"step": found.step}
    for path in sorted(found.path.rglob("*")):
        name = path.relative_to(found.path).as_posix()
        if path.suffix == ".npz":
            kept |= {f"{name}:{key}": array for key, array in load_arrays(path).items()}
        elif path.suffix == ".hdf5":
            with h5py.File(path) as file:
                kept |= {f"{name}:{key}": column[()] for key, column in file.items()}
        elif path.suffix == ".json" and path.name != "MANIFEST.json":
            kept[name] = load_json(path)
    for says_how_it_came_about in ("elapsed", "replay_restored"):
        kept[RUN_FILE].pop(says_how_it_came_about, None)
    for folder in sorted(path.parent for path in run_dir.glob("*/statistics.csv")):
        kept[f"{folder.name}/statistics.csv"] = (folder / "statistics.csv").read_text()
        kept[f"{folder.name}/events"] = logged(folder)
    return kept


def logged(folder: Path) -> list[tuple[int, str, bytes]]:
    """(step, tag, value) of all events below a directory, in their order."""
    values = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            values += [
                (event.step, value.tag, value.SerializeToString()) for value in event.summary.value
            ]
    return values


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Names of what is not the same, bit for bit."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if not (name in one and name in other and same(one[name], other[name]))
    ]


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; arrays in dtype, shape and every bit."""
    if isinstance(one, np.ndarray):
        facts = (one.dtype, one.shape, one.tobytes())
        return facts == (other.dtype, other.shape, other.tobytes())
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(run_until(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
