"""What a run commits, and when it fails."""

from __future__ import annotations

from pathlib import Path

from mlagents_tf.envs.env import StatefulEnv
from mlagents_tf.errors import StorageError
from mlagents_tf.run.checkpoints import commit, prune
from mlagents_tf.run.replays import REPLAY_FILE, write_replay
from mlagents_tf.run.session import Session
from mlagents_tf.run.state import RUN_FILE, write_env, write_trainer
from mlagents_tf.run.storage import save_json
from mlagents_tf.timers import versions


def save(session: Session, with_env: bool = True) -> None:
    """Commits everything, updates that are under way included; then prunes old commits.

    Raises:
        StorageError: it could not be written; commits before it are untouched.
        TrainingError: a weight is not finite, or an update that was under way failed.
    """
    session.updates.join()

    def write(directory: Path) -> None:
        write_policies(session, directory)
        for trainer in session.trainers.values():
            write_replay(directory, trainer)
        if with_env and isinstance(session.env, StatefulEnv):
            write_env(directory, session.env.state())

    with session.timers("save"):
        commit(session.run_dir, session.steps, write, optional=(REPLAY_FILE,))
        session.committed = session.steps
        keep = [trainer.settings.keep_checkpoints for trainer in session.trainers.values()]
        prune(session.run_dir, max(keep, default=5))


def save_softly(session: Session) -> None:
    """Commits; a disk that is full costs a warning and the interval, not the run."""
    try:
        save(session)
    except StorageError as error:
        session.notify(f"Checkpoint not saved: {error} Training goes on; the last one is intact.")


def save_best(session: Session, directory: Path) -> None:
    """Commits without replays and environment to another directory, in place of what is there."""
    commit(directory, session.steps, lambda place: write_policies(session, place))
    prune(directory, 1)


def write_policies(session: Session, directory: Path) -> None:
    """Trainers, and what is not theirs alone."""
    for trainer in session.trainers.values():
        write_trainer(directory, trainer)
    session.self_play.write(directory)
    facts = {
        "behaviors": list(session.trainers),
        "steps": session.steps,
        "elapsed": session.elapsed,
        "statistics": session.statistics.state(),
        "environment": session.settings.env_settings.env_path,
        "parameters": session.parameters,
        "lessons": session.lessons.state(),
        "best": session.best,
        "seed": session.settings.env_settings.seed,
        "replay_restored": session.roster.replay_restored,
        "versions": versions(),
    }
    save_json(directory / RUN_FILE, facts)
