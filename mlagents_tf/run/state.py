"""What a commit of a run holds, and how it comes back.

run.json                    steps, statistics window, versions, the environment's name
env.json, env.npz           where the environment stood, if it can say so
<behavior>/trainer.json     counters, generator, fingerprint of the spec
<behavior>/trainer.npz      weights (network/...), optimizers, unfinished memory
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import State
from mlagents_tf.errors import DataError, TrainingError
from mlagents_tf.run.checkpoints import newest_valid
from mlagents_tf.run.storage import load_arrays, load_json, safe_name, save_arrays, save_json
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.specs import Spec
from mlagents_tf.trainers.trainer import Trainer, TrainerState

CONFIGURATION = "configuration.yaml"
RUN_FILE = "run.json"
ARRAY_REFERENCE = "array"


def write_trainer(directory: Path, trainer: Trainer) -> None:
    """Puts a trainer's whole state into `directory`.

    Raises:
        TrainingError: a weight is not finite; nothing that is broken is ever committed.
    """
    state = trainer.state()
    for name, array in state.arrays.items():
        if name.startswith("network/") and not np.isfinite(array).all():
            raise TrainingError(
                f"behavior {trainer.behavior}: weight {name.removeprefix('network/')} is not "
                f"finite at step {trainer.steps}; it is not saved"
            )
    folder = directory / safe_name(trainer.behavior)
    folder.mkdir()
    save_arrays(folder / "trainer.npz", state.arrays)
    facts = state.facts | {
        "trainer_type": trainer.settings.trainer_type,
        "spec": trainer.spec.to_json(),
    }
    save_json(folder / "trainer.json", facts)


def read_trainer(directory: Path, behavior: str, trainer_type: str) -> tuple[Spec, TrainerState]:
    """A behavior's spec and state from a commit.

    Raises:
        DataError: the commit has no such behavior, or another trainer made it.
    """
    folder = directory / safe_name(behavior)
    if not folder.is_dir():
        known = sorted(path.name for path in directory.iterdir() if path.is_dir())
        raise DataError(
            f"{directory}: has no behavior '{behavior}', only: {', '.join(known) or 'none'}"
        )
    facts = load_json(folder / "trainer.json")
    if facts["trainer_type"] != trainer_type:
        raise DataError(
            f"{folder}: was trained by '{facts['trainer_type']}', but trainer_type is now "
            f"'{trainer_type}', which has other weights; change it back, or begin without them"
        )
    state = TrainerState(load_arrays(folder / "trainer.npz"), facts)
    return Spec.from_json(facts["spec"]), state


def check_same_spec(behavior: str, stored: Spec, spec: Spec, source: Path) -> None:
    """Raises DataError if weights for `stored` do not fit an environment with `spec`."""
    if stored.fingerprint() != spec.fingerprint():
        raise DataError(
            f"{source}: behavior '{behavior}' was trained for {stored.describe()}, but in this "
            f"environment it has {spec.describe()}"
        )


def changed_demonstrations(trainer: Trainer, strict: bool) -> list[str]:
    """A remark for each of the demonstrations that a trainer did not learn from before.

    Raises:
        DataError: there are such, and the resume has to be exact.
    """
    changed = [demos.settings.demo_path for demos in trainer.expertise.values() if demos.changed]
    sentences = [f"demonstrations have changed since the checkpoint: {path}" for path in changed]
    if strict and sentences:
        raise DataError(
            f"behavior {trainer.behavior}: cannot be resumed exactly, since {sentences[0]}. Put "
            "the files back, or leave out --strict-resume to learn from these."
        )
    return [f"behavior {trainer.behavior}: {sentence}" for sentence in sentences]


def network_arrays(state: TrainerState) -> dict[str, NDArray[Any]]:
    """The arrays that `Trainer.load_weights` takes."""
    prefix = "network/"
    return {
        name.removeprefix(prefix): array
        for name, array in state.arrays.items()
        if name.startswith(prefix)
    }


def initial_weights(run: RunSettings, behavior: BehaviorSettings) -> Path | None:
    """The commit a new run takes weights from: `init_path`, else `--initialize-from`, else none.

    Raises:
        DataError: it was named and is not there.
    """
    if behavior.init_path is not None:
        return commit_at(Path(behavior.init_path))
    source = run.checkpoint_settings.initialize_dir
    return None if source is None else commit_at(source)


def commit_at(path: Path) -> Path:
    """A commit directory: `path` itself, or the newest valid one of the run at `path`."""
    if (path / RUN_FILE).is_file():
        return path
    found = newest_valid(path, warn=_to_stderr) if path.is_dir() else None
    if found is None:
        raise DataError(
            f"{path}: no checkpoint to take weights from; give a run directory "
            "(results/first) or one of its checkpoints (results/first/checkpoints/step-12000)"
        )
    return found.path


def run_of(path: Path) -> Path:
    """The directory of a run, given it or one of its commits."""
    return path.parent.parent if (path / RUN_FILE).is_file() else path


def _to_stderr(text: str) -> None:
    print(f"[WARNING] {text}", file=sys.stderr)


def write_env(directory: Path, state: State) -> None:
    """Puts an environment's state into `directory`."""
    arrays: dict[str, NDArray[Any]] = {}
    save_json(directory / "env.json", _without_arrays(state, "", arrays))
    save_arrays(directory / "env.npz", arrays)


def read_env(directory: Path) -> State | None:
    """An environment's state from a commit, or None where it had none."""
    if not (directory / "env.json").exists():
        return None
    arrays = load_arrays(directory / "env.npz")
    state: State = _with_arrays(load_json(directory / "env.json"), arrays)
    return state


def _without_arrays(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Nested dicts and lists with each array moved to `arrays`, a reference in its place."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {ARRAY_REFERENCE: path}
    if isinstance(value, dict):
        return {key: _without_arrays(v, f"{path}/{key}", arrays) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
    return value


def _with_arrays(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """The reverse of `_without_arrays`; tuples come back as lists."""
    if isinstance(value, dict):
        if ARRAY_REFERENCE in value:
            return arrays[value[ARRAY_REFERENCE]]
        return {key: _with_arrays(v, arrays) for key, v in value.items()}
    if isinstance(value, list):
        return [_with_arrays(v, arrays) for v in value]
    return value


def changed_values(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:
    """One line for each value that differs between two nested mappings."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys(), key=str):
        place = f"{path}.{key}" if path else str(key)
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lines += changed_values(before, after, place)
        elif before != after:
            lines.append(f"{place}: {before} -> {after}")
    return lines
