"""What happens to a run directory before anything expensive is started."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import tensorflow as tf
import yaml

from mlagents_tf.errors import DataError, SettingsError
from mlagents_tf.run.checkpoints import Commit, discard, newest_valid
from mlagents_tf.run.console import Console
from mlagents_tf.run.csv_writer import FILE_NAME
from mlagents_tf.run.demonstrations import check_demonstrations, without_env
from mlagents_tf.run.encoders import import_encoders
from mlagents_tf.run.environments import check_env_path
from mlagents_tf.run.lessons import Lessons
from mlagents_tf.run.lock import RunLock
from mlagents_tf.run.state import CONFIGURATION, RUN_FILE, changed_values, initial_weights
from mlagents_tf.run.storage import check_writable, load_json, make_directory, replacing
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.run import RunSettings


def prepare(
    settings: RunSettings, console: Console, stack: ExitStack, *, has_env: bool = False
) -> tuple[RunSettings, Commit | None]:
    """Checks what can be checked and takes possession of the run directory.

    Args:
        settings: as they were read.
        console: for warnings and notices.
        stack: gives the directory back when it unwinds.
        has_env: the environment is there already and needs no name.

    Returns:
        Settings with a seed, and the commit to go on from, if any.

    Raises:
        SettingsError: something is asked for that does not exist, or the run id is taken.
        DataError: there is nothing to resume, to initialize from, or to imitate.
        StorageError: the directory cannot be written, or another process has it.
    """
    if not has_env and not without_env(settings):
        check_env_path(settings, console.warning)
    Lessons(settings)  # refuses what could never be measured
    import_encoders(settings)
    chosen = settings.checkpoint_settings
    if not chosen.inference:
        check_demonstrations(settings)
    run_dir = chosen.run_dir
    for behavior in settings.behaviors.values():
        initial_weights(settings, behavior)
    if (chosen.resume or chosen.inference) and not run_dir.is_dir():
        raise SettingsError(
            f"{run_dir}: there is no such run; check --run-id and --results-dir, or leave out "
            f"--{'resume' if chosen.resume else 'inference'}"
        )
    make_directory(run_dir)
    check_writable(run_dir)
    stack.enter_context(RunLock(run_dir, console.warning))
    found = what_to_continue(settings, console)
    settings = with_seed(settings, run_dir if found else None)
    if found is not None and not chosen.inference:
        show_changes(settings, found, console)
    return settings, found


def record_configuration(settings: RunSettings) -> None:
    """Writes configuration.yaml, which can be trained from again."""
    with replacing(settings.checkpoint_settings.run_dir / CONFIGURATION) as file:
        file.write(dump_settings(settings).encode())


def what_to_continue(settings: RunSettings, console: Console) -> Commit | None:
    """The commit a run goes on from; None for a run that begins."""
    chosen = settings.checkpoint_settings
    found = newest_valid(chosen.run_dir, console.warning)
    if chosen.resume or chosen.inference:
        if found is None:
            raise DataError(
                f"{chosen.run_dir}: has no checkpoint to go on from; begin again with --force"
            )
        return found
    if found is None:
        return None
    if not chosen.force:
        raise SettingsError(
            f"run '{chosen.run_id}' exists ({chosen.run_dir}, step {found.step}): add --resume to "
            "go on, --force to begin again and discard it, or choose another --run-id"
        )
    start_over(chosen.run_dir)
    return None


def start_over(run_dir: Path) -> None:
    """Discards commits and logs of a run that is begun again."""
    discard(run_dir)
    for pattern in (f"*/{FILE_NAME}", "*/events.out.tfevents.*"):
        for path in run_dir.glob(pattern):
            path.unlink()


def with_seed(settings: RunSettings, resumed: Path | None) -> RunSettings:
    """Settings whose seed is a number: the given one, the resumed run's, or a random one."""
    seed = settings.env_settings.seed
    if seed < 0 and resumed is not None:
        seed = int(_recorded(resumed).get("env_settings", {}).get("seed", -1))
    if seed < 0:
        seed = int(np.random.default_rng().integers(10_000))
    env_settings = settings.env_settings.model_copy(update={"seed": seed})
    return settings.model_copy(update={"env_settings": env_settings})


def show_changes(settings: RunSettings, found: Commit, console: Console) -> None:
    """Says what a resume changes about the behaviors of the run and everything around them."""
    trained = load_json(found.path / RUN_FILE)["behaviors"]
    old = _recorded(settings.checkpoint_settings.run_dir)
    for line in changed_values(old, yaml.safe_load(dump_settings(settings))):
        section, _, rest = line.partition(".")
        other_behavior = section == "behaviors" and not any(
            rest.startswith(f"{name}.") for name in trained
        )
        if section not in ("checkpoint_settings", "default_settings") and not other_behavior:
            console.notice(f"changed since the run was begun: {line}")


def choose_device(settings: RunSettings, console: Console) -> None:
    """Hides GPUs from TensorFlow, or says what it will use."""
    gpus = tf.config.list_physical_devices("GPU")
    if settings.device == "cpu":
        try:
            tf.config.set_visible_devices([], "GPU")
        except RuntimeError:  # in a script that used TensorFlow before
            console.warning("TensorFlow is in use already: its GPUs cannot be hidden any more")
    elif settings.device == "gpu" and not gpus:
        console.warning("no GPU was found: training on the CPU")
    elif gpus:
        console.notice(f"training on {len(gpus)} GPU(s)")


def _recorded(run_dir: Path) -> dict:
    """The configuration a run was begun with, as plain values; empty if it is unreadable."""
    try:
        found = yaml.safe_load((run_dir / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def show_notices(notices: Sequence[str], console: Console) -> None:
    """Prints remarks that came up before there was a console."""
    for notice in notices:
        console.notice(notice)
