"""A policy as a SavedModel, loadable with nothing but TensorFlow."""

from __future__ import annotations

import shutil
from pathlib import Path

import tensorflow as tf

from mlagents_tf.errors import StorageError
from mlagents_tf.export.signature import input_specs, policy_function
from mlagents_tf.nn.policies import Policy

DIRECTORY = "saved_model"


class ServedPolicy(tf.Module):
    """A policy and the function that is served."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy
        self.act = tf.function(
            policy_function(policy), input_signature=input_specs(policy.spec), autograph=False
        )


def export_savedmodel(policy: Policy, directory: Path) -> Path:
    """Writes `directory`, replacing what is there only when the new one is complete.

    Args:
        policy: what is exported.
        directory: of the SavedModel; its signature `serving_default` has the names of
            `policy_function`.

    Raises:
        StorageError: it could not be written.
    """
    served = ServedPolicy(policy)
    aside = directory.with_name(f".tmp-{directory.name}")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        tf.saved_model.save(served, str(aside), signatures=served.act.get_concrete_function())
        shutil.rmtree(directory, ignore_errors=True)
        aside.rename(directory)
    except (OSError, tf.errors.OpError) as error:
        raise StorageError(f"{directory}: cannot write the SavedModel: {error}") from error
    return directory
