"""The loop of a run, and what surrounds it. The first file to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

from mlagents_tf.envs.env import Env
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import DataError, MlagentsTfError, SettingsError
from mlagents_tf.run.checkpoints import Commit, discard, newest_valid
from mlagents_tf.run.console import Console
from mlagents_tf.run.csv_writer import FILE_NAME, CsvWriter, cut_rows_after
from mlagents_tf.run.exporting import export_trainer
from mlagents_tf.run.lock import RunLock
from mlagents_tf.run.session import Session
from mlagents_tf.run.signals import StopSignals
from mlagents_tf.run.state import changed_values, initial_weights
from mlagents_tf.run.storage import (
    check_writable,
    make_directory,
    replacing,
    safe_name,
    save_json,
)
from mlagents_tf.run.tensorboard import TensorBoardWriter, cut_events_after
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import ForgivingWriters
from mlagents_tf.steps import Step
from mlagents_tf.timers import GaugeWriter, Timers

CONFIGURATION = "configuration.yaml"


def learn(settings: RunSettings, notices: Sequence[str] = (), command: Sequence[str] = ()) -> int:
    """Trains every behavior of an environment until its max_steps.

    Args:
        settings: of the run.
        notices: remarks of reading them, shown at the start.
        command: the command line, for the record.

    Returns:
        The exit code: 0, or 130 / 143 when a signal asked to stop; everything is saved then.

    Raises:
        MlagentsTfError: what a user can act on; whatever was learned before is saved.
    """
    console = Console()
    with ExitStack() as stack:
        stack.callback(console.close)
        console.banner()
        for notice in notices:
            console.notice(notice)
        settings, found = prepare(settings, console, stack)
        env = stack.enter_context(closing(open_env(settings)))
        session = open_session(settings, env, console, stack, command)
        steps = session.begin() if found is None else continue_run(session, found, console)
        console.start_progress(
            session.steps, sum(t.settings.max_steps for t in session.trainers.values())
        )
        with StopSignals() as stop, saving_on_error(session):
            train(session, steps, stop, console)
        return finish(session, stop, console)


def train(session: Session, steps: dict[str, Step], stop: StopSignals, console: Console) -> None:
    """Acts, remembers, updates and saves until every behavior is done or a signal comes."""
    while session.running and not stop.requested:
        with session.timers("act"):
            actions = session.act(steps)
        with session.timers("env"):
            steps = session.env.step(actions)
        with session.timers("observe"):
            session.observe(steps)
        session.update()
        console.progress(session.steps)
        if session.checkpoint_due():
            session.save_softly()


def finish(session: Session, stop: StopSignals, console: Console) -> int:
    """The last commit, and the exported models of a run that is complete."""
    if session.committed != session.steps:
        session.save()
    run_dir = session.run_dir
    if stop.requested:
        console.notice(
            f"Stopped at step {session.steps} and saved. To go on: mlagents-tf learn "
            f"{run_dir / CONFIGURATION} --run-id {run_dir.name} --resume"
        )
        return stop.exit_code
    export_all(session, console)
    console.notice(f"Done at step {session.steps}. Saved to {run_dir}.")
    return 0


def export_all(session: Session, console: Console) -> None:
    """Exports every behavior; a failure is a warning, since the weights are committed already."""
    for trainer in session.trainers.values():
        try:
            console.notice(f"Exported {export_trainer(session.run_dir, trainer)}.")
        except Exception as error:
            console.warning(
                f"behavior {trainer.behavior} was not exported: {error}. "
                f"Its checkpoint is safe; try again with: mlagents-tf export {session.run_dir}"
            )


def prepare(
    settings: RunSettings, console: Console, stack: ExitStack
) -> tuple[RunSettings, Commit | None]:
    """Takes possession of the run directory before anything expensive is started.

    Returns:
        Settings with a seed, and the commit to go on from, if any.
    """
    chosen = settings.checkpoint_settings
    run_dir = chosen.run_dir
    if chosen.resume and not run_dir.is_dir():
        raise SettingsError(
            f"{run_dir}: there is no such run to resume; check --run-id and --results-dir, "
            "or leave out --resume"
        )
    for behavior in settings.behaviors.values():
        initial_weights(settings, behavior)
    make_directory(run_dir)
    check_writable(run_dir)
    stack.enter_context(RunLock(run_dir, console.warning))
    found = newest_valid(run_dir, console.warning)
    if chosen.resume and found is None:
        raise DataError(f"{run_dir}: has no checkpoint to resume from; begin again with --force")
    if found is not None and not chosen.resume:
        if not chosen.force:
            raise SettingsError(
                f"run '{chosen.run_id}' exists ({run_dir}, step {found.step}): add --resume to go "
                "on, --force to begin again and discard it, or choose another --run-id"
            )
        start_over(run_dir)
        found = None
    seed = settings.env_settings.seed
    if seed < 0:
        seed = int(np.random.default_rng().integers(10_000))
    env_settings = settings.env_settings.model_copy(update={"seed": seed})
    settings = settings.model_copy(update={"env_settings": env_settings})
    record_configuration(settings, run_dir, console, compare=found is not None)
    return settings, found


def start_over(run_dir: Path) -> None:
    """Discards commits and logs of a run that is begun again."""
    discard(run_dir)
    for pattern in (f"*/{FILE_NAME}", "*/events.out.tfevents.*"):
        for path in run_dir.glob(pattern):
            path.unlink()


def record_configuration(
    settings: RunSettings, run_dir: Path, console: Console, compare: bool
) -> None:
    """Writes configuration.yaml, which can be trained from again; shows what a resume changes."""
    path = run_dir / CONFIGURATION
    text = dump_settings(settings)
    if compare and path.exists():
        old = yaml.safe_load(path.read_text(encoding="utf-8"))
        for line in changed_values(old, yaml.safe_load(text)):
            if not line.startswith("checkpoint_settings."):
                console.notice(f"changed since the run was begun: {line}")
    with replacing(path) as file:
        file.write(text.encode())


def open_env(settings: RunSettings) -> Env:
    """The environment of the settings."""
    name = settings.env_settings.env_path
    if name is None:
        raise SettingsError(
            "no environment: the Unity Editor cannot be trained yet; choose one with --env "
            "(mlagents-tf envs lists them)"
        )
    return make_env(
        name, num_areas=settings.env_settings.num_areas, seed=settings.env_settings.seed
    )


def open_session(
    settings: RunSettings,
    env: Env,
    console: Console,
    stack: ExitStack,
    command: Sequence[str],
) -> Session:
    """A session whose writers are closed and whose timers are written when the stack unwinds."""
    # NumPy acts on one thread; two get in each other's and TensorFlow's way
    stack.enter_context(threadpool_limits(1, user_api="blas"))
    run_dir = settings.checkpoint_settings.run_dir
    timers = Timers()
    tensorboard = TensorBoardWriter(run_dir)
    writers = ForgivingWriters(
        [console, tensorboard, CsvWriter(run_dir), GaugeWriter(timers)], console.warning
    )
    stack.callback(writers.close)
    logs = settings.checkpoint_settings.run_logs_dir
    stack.callback(lambda: write_timers(logs, timers, command))
    return Session(settings, env, writers, timers, console.notice)


def write_timers(logs: Path, timers: Timers, command: Sequence[str]) -> None:
    """Puts the tree of timers where ML-Agents has it."""
    make_directory(logs)
    save_json(logs / "timers.json", timers.tree(command))


def continue_run(session: Session, found: Commit, console: Console) -> dict[str, Step]:
    """Goes on from a commit; what was logged beyond it is cut, so that each step is seen once."""
    steps = session.resume(found)
    for trainer in session.trainers.values():
        folder = session.run_dir / safe_name(trainer.behavior)
        cut_rows_after(folder / FILE_NAME, trainer.steps)
        cut_events_after(folder, trainer.steps, console.warning)
        if trainer.finished:
            console.notice(
                f"behavior {trainer.behavior}: already at {trainer.steps} of "
                f"{trainer.settings.max_steps} steps; raise max_steps to train on"
            )
    console.notice(f"Resuming from step {session.steps}.")
    return steps


@contextmanager
def saving_on_error(session: Session) -> Iterator[None]:
    """Saves what was learned when the loop fails, then lets the error go on."""
    try:
        yield
    except Exception as error:
        try:
            session.save(with_env=False)
        except MlagentsTfError as second:
            error.add_note(f"and it could not be saved: {second}") if hasattr(
                error, "add_note"
            ) else None
        raise
