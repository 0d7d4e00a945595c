"""The loop of a run, and what surrounds it. The first file to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mlagents_tf.envs.env import Env
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import MlagentsTfError
from mlagents_tf.run.checkpoints import Commit
from mlagents_tf.run.console import Console
from mlagents_tf.run.csv_writer import FILE_NAME, CsvWriter, cut_rows_after
from mlagents_tf.run.evaluate import play, trainers_for
from mlagents_tf.run.exporting import export_trainer
from mlagents_tf.run.prepare import choose_device, prepare, record_configuration, show_notices
from mlagents_tf.run.session import Session, parameters
from mlagents_tf.run.signals import StopSignals
from mlagents_tf.run.state import CONFIGURATION
from mlagents_tf.run.storage import make_directory, safe_name, save_json
from mlagents_tf.run.tensorboard import TensorBoardWriter, cut_events_after
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import ForgivingWriters
from mlagents_tf.steps import Step
from mlagents_tf.timers import GaugeWriter, Timers


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
    with ExitStack() as stack, StopSignals() as stop:
        stack.callback(console.close)
        console.banner()
        show_notices(notices, console)
        settings, found = prepare(settings, console, stack)
        choose_device(settings, console)
        # NumPy acts on one thread; two get in each other's and TensorFlow's way
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        env = stack.enter_context(closing(open_env(settings)))
        if settings.checkpoint_settings.inference:
            return act_only(settings, env, stop, console)
        session = open_session(settings, env, console, stack, command)
        steps = session.begin() if found is None else continue_run(session, found, console)
        record_configuration(settings)
        report_unknown_parameters(env, console)
        console.start_progress(session.steps, session.max_steps)
        with saving_on_error(session):
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
        chosen = session.settings.checkpoint_settings
        elsewhere = f" --results-dir {chosen.results_dir}" * (chosen.results_dir != "results")
        console.notice(
            f"Stopped at step {session.steps} and saved. To go on: mlagents-tf learn "
            f"{run_dir / CONFIGURATION} --run-id {chosen.run_id}{elsewhere} --resume"
        )
        return stop.exit_code
    export_all(session, console)
    console.notice(f"Done at step {session.steps}. Saved to {run_dir}.")
    return 0


def act_only(settings: RunSettings, env: Env, stop: StopSignals, console: Console) -> int:
    """Acts with the newest weights until a signal comes: nothing is learned, nothing is saved."""
    run_dir = settings.checkpoint_settings.run_dir
    env.reset(parameters(settings))
    deterministic = any(b.network_settings.deterministic for b in settings.behaviors.values())
    trainers = trainers_for(env, run_dir, settings, deterministic)
    console.notice(f"Acting with the policies of {run_dir} until stopped.")
    play(
        env,
        trainers,
        np.random.default_rng(settings.env_settings.seed),
        lambda _: bool(stop.requested),
    )
    return stop.exit_code


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


def open_env(settings: RunSettings) -> Env:
    """The environment of the settings."""
    chosen = settings.env_settings
    return make_env(str(chosen.env_path), num_areas=chosen.num_areas, seed=chosen.seed)


def open_session(
    settings: RunSettings, env: Env, console: Console, stack: ExitStack, command: Sequence[str]
) -> Session:
    """A session whose writers are closed and whose timers are written when the stack unwinds."""
    run_dir = settings.checkpoint_settings.run_dir
    timers = Timers()
    writers = ForgivingWriters(
        [console, TensorBoardWriter(run_dir), CsvWriter(run_dir), GaugeWriter(timers)],
        console.warning,
    )
    logs = settings.checkpoint_settings.run_logs_dir
    stack.callback(write_timers, logs, timers, command, console)
    stack.callback(writers.close)
    return Session(settings, env, writers, timers, console.notice)


def write_timers(logs: Path, timers: Timers, command: Sequence[str], console: Console) -> None:
    """Puts the tree of timers where ML-Agents has it."""
    try:
        make_directory(logs)
        save_json(logs / "timers.json", timers.tree(command))
    except MlagentsTfError as error:
        console.warning(f"timers were not written: {error}")


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


def report_unknown_parameters(env: Env, console: Console) -> None:
    """Says once which environment parameters the environment does not have."""
    unknown = sorted(getattr(env, "unknown_parameters", ()))
    if unknown:
        console.warning(f"this environment has no parameter {', '.join(unknown)}; ignored")


@contextmanager
def saving_on_error(session: Session) -> Iterator[None]:
    """Saves what was learned when the loop fails, then lets the error go on."""
    try:
        yield
    except Exception:
        try:
            session.save(with_env=False)
        except Exception as second:
            session.notify(f"What was learned since the last checkpoint is lost: {second}")
        raise
