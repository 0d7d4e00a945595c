"""The loop of a run, and what surrounds it. The first file to read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mlagents_tf.envs.env import Env
from mlagents_tf.envs.no_agents import NoAgents
from mlagents_tf.errors import EnvEndedError, MlagentsTfError
from mlagents_tf.run import environments
from mlagents_tf.run.checkpoints import Commit
from mlagents_tf.run.console import Console
from mlagents_tf.run.csv_writer import FILE_NAME, cut_rows_after
from mlagents_tf.run.demonstrations import demonstrated_specs, without_env
from mlagents_tf.run.encoders import encoder_flags, runs_code
from mlagents_tf.run.evaluate import latest_parameters, play, trainers_for
from mlagents_tf.run.evaluation import Evaluation, evaluation_of
from mlagents_tf.run.exporting import default_formats, export_trainer
from mlagents_tf.run.prepare import choose_device, prepare, record_configuration, show_notices
from mlagents_tf.run.saving import save, save_softly
from mlagents_tf.run.script import Result, Script, Watch
from mlagents_tf.run.session import Session
from mlagents_tf.run.state import CONFIGURATION
from mlagents_tf.run.stop import Stop
from mlagents_tf.run.storage import make_directory, safe_name, save_json
from mlagents_tf.run.tensorboard import FILE_PATTERN, cut_events_after
from mlagents_tf.run.writers import make_writers
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import ForgivingWriters, StatsWriter
from mlagents_tf.steps import Step
from mlagents_tf.timers import GaugeWriter, Timers


def learn(
    settings: RunSettings,
    notices: Sequence[str] = (),
    command: Sequence[str] = (),
    *,
    stop_at: int | None = None,
    script: Script | None = None,
) -> Result:
    """Trains every behavior of an environment until its max_steps.

    Args:
        settings: of the run.
        notices: remarks of reading them, shown at the start.
        command: the command line, for the record.
        stop_at: steps of the run at which to save and leave; nothing else depends on it.
        script: what a Python caller brings; None = the command line calls.

    Raises:
        MlagentsTfError: what a user can act on; whatever was learned before is saved.
    """
    console = Console()
    stop = Stop(stop_at, in_script=script is not None)
    script = script or Script()
    with ExitStack() as stack, stop:
        stack.callback(console.close)
        console.banner()
        show_notices(notices, console)
        settings, found = prepare(settings, console, stack, has_env=script.env is not None)
        evaluation = evaluation_of(settings, has_name=script.env is None)
        choose_device(settings, console)
        # NumPy acts on one thread; two get in each other's and TensorFlow's way
        stack.enter_context(threadpool_limits(1, user_api="blas"))
        watch = Watch(script.callbacks)
        writers = [*make_writers(settings), watch]
        env = script.env or open_env(settings, console, stack)
        if settings.checkpoint_settings.inference:
            return act_only(settings, env, stop, console)
        session = open_session(settings, env, console, writers, stack, command)
        steps = session.begin() if found is None else continue_run(session, found, stop, console)
        record_configuration(settings)
        report_unknown_parameters(env, console)
        console.start_progress(session.steps, session.max_steps)
        with saving_on_error(session):
            try:
                train(session, steps, stop, console, watch, evaluation)
            except EnvEndedError as ended:
                console.notice(str(ended))
                stop.asked = True
            session.updates.join()
        finish(session, stop, console, script)
        return Result(
            session.run_dir, session.steps, watch.statistics, not session.running, stop.exit_code
        )


def train(
    session: Session,
    steps: dict[str, Step],
    stop: Stop,
    console: Console,
    watch: Watch,
    evaluation: Evaluation | None = None,
) -> None:
    """Acts, remembers, updates and saves until every behavior is done or a stop is due."""
    while session.running and not stop.due(session.steps):
        before = session.steps
        with session.timers("act"):
            actions = session.act(steps)
        with session.timers("env"):
            steps = session.env.step(actions)
        with session.timers("observe"):
            session.observe(steps)
        session.update()
        steps = session.change_teams(session.teach(steps))
        if evaluation is not None and evaluation.due(before, session.steps):
            session.updates.join()  # what is evaluated may be kept
            evaluation(session, stop)
        console.progress(session.steps)
        if session.checkpoint_due():
            save_softly(session)
        watch.tell(session, stop)


def finish(session: Session, stop: Stop, console: Console, script: Script) -> None:
    """The last commit, and the exported models of a run that is complete."""
    if session.committed != session.steps:
        save(session)
    if stop.signal or (session.running and not stop.satisfied):
        console.notice(
            f"Stopped at step {session.steps} and saved. "
            f"To go on: {how_to_resume(session.settings, script)}"
        )
        return
    export_all(session, console)
    console.notice(f"Done at step {session.steps}. Saved to {session.run_dir}.")


def how_to_resume(settings: RunSettings, script: Script) -> str:
    """The command that goes on, or the call where the environment exists only in a script."""
    chosen = settings.checkpoint_settings
    if script.env is not None:
        return f"mlagents_tf.learn(..., run_id='{chosen.run_id}', resume=True)"
    elsewhere = f" --results-dir {chosen.results_dir}" * (chosen.results_dir != "results")
    env = settings.env_settings.env_path
    asked = f" --env {env}" if runs_code(env) else ""
    return (
        f"mlagents-tf learn {chosen.run_dir / CONFIGURATION} --run-id {chosen.run_id}{elsewhere} "
        f"--resume{asked}{encoder_flags(settings)}"
    )


def act_only(settings: RunSettings, env: Env, stop: Stop, console: Console) -> Result:
    """Acts with the newest weights until a signal comes: nothing is learned, nothing is saved."""
    run_dir = settings.checkpoint_settings.run_dir
    env.reset(latest_parameters(run_dir, settings))
    deterministic = any(b.network_settings.deterministic for b in settings.behaviors.values())
    trainers = trainers_for(env, run_dir, settings, deterministic)
    console.notice(f"Acting with the policies of {run_dir} until stopped.")
    play(
        env,
        trainers,
        np.random.default_rng(settings.env_settings.seed),
        lambda _: bool(stop.signal),
    )
    steps = sum(trainer.steps for trainer in trainers.values())
    return Result(run_dir, steps, {}, False, stop.exit_code)


def export_all(session: Session, console: Console) -> None:
    """Exports every behavior; a failure is a warning, since the weights are committed already."""
    formats = default_formats(console.notice)
    for trainer, name in itertools.product(session.trainers.values(), formats):
        try:
            console.notice(f"Exported {export_trainer(session.run_dir, trainer, name)}.")
        except Exception as error:
            console.warning(
                f"behavior {trainer.behavior} was not exported: {error}. "
                f"Its checkpoint is safe; try again with: mlagents-tf export {session.run_dir}"
                f"{encoder_flags(session.settings)}"
            )


def open_env(settings: RunSettings, console: Console, stack: ExitStack) -> Env:
    """The environment of the settings, closed when the stack unwinds."""
    if without_env(settings):
        return NoAgents(demonstrated_specs(settings))
    env = environments.open_env(settings, console.notice, areas=settings.env_settings.num_areas)
    return stack.enter_context(closing(env))


def open_session(
    settings: RunSettings,
    env: Env,
    console: Console,
    writers: Sequence[StatsWriter],
    stack: ExitStack,
    command: Sequence[str],
) -> Session:
    """A session whose writers are closed and whose timers are written when the stack unwinds."""
    timers = Timers()
    forgiving = ForgivingWriters([console, GaugeWriter(timers), *writers], console.warning)
    logs = settings.checkpoint_settings.run_logs_dir
    stack.callback(write_timers, logs, timers, command, console)
    stack.callback(forgiving.close)
    session = Session(settings, env, forgiving, timers, console.notice, console.warning)
    stack.callback(session.updates.close)
    return session


def write_timers(logs: Path, timers: Timers, command: Sequence[str], console: Console) -> None:
    """Puts the tree of timers where ML-Agents has it."""
    try:
        make_directory(logs)
        save_json(logs / "timers.json", timers.tree(command))
    except MlagentsTfError as error:
        console.warning(f"timers were not written: {error}")


def continue_run(session: Session, found: Commit, stop: Stop, console: Console) -> dict[str, Step]:
    """Goes on from a commit; what was logged beyond it is cut, so that each step is seen once."""
    steps = session.resume(found)
    cut_logs(session, console)
    for trainer in session.trainers.values():
        if trainer.finished:
            console.notice(
                f"behavior {trainer.behavior}: already at {trainer.steps} of "
                f"{trainer.settings.max_steps} steps; raise max_steps to train on"
            )
    console.notice(f"Resuming from step {session.steps}.")
    if stop.reached(session.steps):
        console.notice(f"--stop-at {stop.at} is not beyond that: nothing is trained.")
    return steps


def cut_logs(session: Session, console: Console) -> None:
    """Cuts what was logged beyond the commit, and all of a behavior that came after it."""
    steps = {safe_name(name): trainer.steps for name, trainer in session.trainers.items()}
    patterns = (f"*/{FILE_NAME}", f"*/{FILE_PATTERN}")
    logs = [path for pattern in patterns for path in session.run_dir.glob(pattern)]
    for folder in sorted({path.parent for path in logs}):
        cut_rows_after(folder / FILE_NAME, steps.get(folder.name, 0))
        cut_events_after(folder, steps.get(folder.name, 0), console.warning)


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
        with suppress(Exception):  # the first error is the one to tell
            session.updates.join()
        try:
            save(session, with_env=False)
        except Exception as second:
            session.notify(f"What was learned since the last checkpoint is lost: {second}")
        raise
