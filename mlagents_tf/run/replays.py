"""Replays of off-policy trainers: in the checkpoint where that is asked for, and back from it."""

from __future__ import annotations

from pathlib import Path

from mlagents_tf.data.replay_file import load_replay, save_replay
from mlagents_tf.errors import DataError
from mlagents_tf.run.checkpoints import Commit
from mlagents_tf.run.storage import safe_name
from mlagents_tf.trainers.trainer import Trainer

REPLAY_FILE = "replay.hdf5"


def saves_replay(trainer: Trainer) -> bool:
    """Whether the checkpoints of a trainer are to have its replay."""
    return bool(getattr(trainer.settings.hyperparameters, "save_replay_buffer", False))


def write_replay(directory: Path, trainer: Trainer) -> None:
    """Puts the rows of a replay beside the rest of the trainer, where that is asked for."""
    if trainer.replay is not None and saves_replay(trainer):
        save_replay(directory / safe_name(trainer.behavior) / REPLAY_FILE, trainer.replay)


def restore_replay(found: Commit, trainer: Trainer) -> str | None:
    """Gives a trainer whose state was loaded the rows of its replay.

    Returns:
        None, or in one sentence why it has an empty replay now.
    """
    replay = trainer.replay
    if replay is None or not len(replay):
        return None
    name = f"{safe_name(trainer.behavior)}/{REPLAY_FILE}"
    try:
        path = found.optional_file(name)
        if path is not None:
            load_replay(path, replay)
            return None
    except DataError as error:
        replay.lose_rows()
        return str(error)
    replay.lose_rows()
    if saves_replay(trainer):
        return f"{found.path / name}: is not there; only the newest checkpoint has a replay."
    return (
        f"behavior {trainer.behavior}: the checkpoint has no replay; with "
        "hyperparameters.save_replay_buffer: true it would."
    )
