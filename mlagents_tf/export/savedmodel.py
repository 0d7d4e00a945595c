"""A policy as a SavedModel, loadable with nothing but TensorFlow."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from mlagents_tf.export.signature import input_specs, policy_function
from mlagents_tf.nn.policies import Policy

SIGNATURE = "serving_default"


class ServedPolicy(tf.Module):
    """A policy and the function that is served."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy = policy
        self.act = tf.function(
            policy_function(policy), input_signature=input_specs(policy), autograph=False
        )


def write_savedmodel(policy: Policy, directory: Path) -> None:
    """Writes `directory`, whose one signature has the names of `policy_function`."""
    served = ServedPolicy(policy)
    signatures = {SIGNATURE: served.act.get_concrete_function()}
    tf.saved_model.save(served, str(directory), signatures)
