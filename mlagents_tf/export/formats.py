"""Writes a policy in one of the formats, and keeps only what acts as the policy does."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import tensorflow as tf

from mlagents_tf.errors import DataError, StorageError
from mlagents_tf.export.litert import write_litert
from mlagents_tf.export.models import open_model
from mlagents_tf.export.packages import require_onnx
from mlagents_tf.export.savedmodel import write_savedmodel
from mlagents_tf.export.verify import verify
from mlagents_tf.nn.policies import Policy


def write_onnx(policy: Policy, path: Path) -> None:
    """Writes `path`; the same weights give the same bytes."""
    require_onnx()
    from mlagents_tf.export.onnx_policy import onnx_model

    path.write_bytes(onnx_model(policy))


WRITERS = {"onnx": write_onnx, "savedmodel": write_savedmodel, "litert": write_litert}
SUFFIXES = {"onnx": ".onnx", "savedmodel": "", "litert": ".tflite"}


def export_policy(policy: Policy, name: str, path: Path) -> float:
    """Writes `policy` in the format `name`, replacing `path` only with a model that was verified.

    Returns:
        The largest difference between the model and the policy in continuous actions and memories.

    Raises:
        DataError: what was written does not act as the policy does; `path` is what it was.
        SettingsError: a package is missing.
        StorageError: it could not be written.
    """
    aside = path.with_name(f".tmp-{path.stem}{SUFFIXES[name]}")
    try:
        discard(aside)
        WRITERS[name](policy, aside)
        difference = verify(policy, open_model(aside))
        if path.is_dir():
            discard(path)
        os.replace(aside, path)
    except DataError as error:
        raise DataError(f"{path}: was not exported: {error}") from error
    except (OSError, tf.errors.OpError) as error:
        raise StorageError(f"{path}: cannot write the model: {error}") from error
    finally:
        discard(aside)
    return difference


def discard(path: Path) -> None:
    """Deletes a file or a directory if it is there; what cannot be deleted is met again."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
