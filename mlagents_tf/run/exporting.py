"""Where a run's exported models go, and which are written unless somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlagents_tf.export.formats import SUFFIXES, export_policy
from mlagents_tf.export.packages import ONNX_HINT, missing_packages
from mlagents_tf.run.storage import make_directory, safe_name
from mlagents_tf.trainers.trainer import Trainer

SAVEDMODEL_DIRECTORY = "saved_model"


def export_trainer(run_dir: Path, trainer: Trainer, name: str) -> Path:
    """Writes a behavior in the format `name`, verifies it and returns where it is."""
    path = model_path(run_dir, trainer.behavior, name)
    make_directory(path.parent)
    export_policy(trainer.actor.policy, name, path)
    return path


def model_path(run_dir: Path, behavior: str, name: str) -> Path:
    """`<run>/<behavior>.onnx` as ML-Agents has it, `.tflite`, or `<run>/<behavior>/saved_model`."""
    folder = safe_name(behavior)
    if name == "savedmodel":
        return run_dir / folder / SAVEDMODEL_DIRECTORY
    return run_dir / f"{folder}{SUFFIXES[name]}"


def default_formats(notify: Callable[[str], None]) -> tuple[str, ...]:
    """SavedModel, and ONNX if its packages are there; otherwise `notify` hears how to get them."""
    if missing_packages():
        notify(f"No ONNX model is written; for one, {ONNX_HINT}.")
        return ("savedmodel",)
    return ("savedmodel", "onnx")
