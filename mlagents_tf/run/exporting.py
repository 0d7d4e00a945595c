"""Where a run's exported models go."""

from __future__ import annotations

from pathlib import Path

from mlagents_tf.export.savedmodel import DIRECTORY, export_savedmodel
from mlagents_tf.run.storage import make_directory, safe_name
from mlagents_tf.trainers.trainer import Trainer


def export_trainer(run_dir: Path, trainer: Trainer) -> Path:
    """Writes `<run_dir>/<behavior>/saved_model` and returns it."""
    folder = run_dir / safe_name(trainer.behavior)
    make_directory(folder)
    return export_savedmodel(trainer.actor.policy, folder / DIRECTORY)
