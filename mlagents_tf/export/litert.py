"""A policy as a LiteRT (formerly TensorFlow Lite) model, for phones and small devices."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf
from absl import logging
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from mlagents_tf.export.savedmodel import SIGNATURE, ServedPolicy
from mlagents_tf.export.signature import input_specs
from mlagents_tf.nn.policies import Policy


class FrozenPolicy(tf.Module):
    """What `ServedPolicy` serves with weights as constants: LiteRT's variables start empty."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        concrete = ServedPolicy(policy).act.get_concrete_function()
        names = sorted(concrete.structured_outputs)
        frozen = convert_variables_to_constants_v2(concrete)

        def outputs_of(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return dict(zip(names, frozen(*inputs), strict=True))

        self.act = tf.function(outputs_of, input_signature=input_specs(policy), autograph=False)


def write_litert(policy: Policy, path: Path) -> None:
    """Writes `path`; it has the signature of the SavedModel and needs built-in operators only."""
    frozen = FrozenPolicy(policy)
    with tempfile.TemporaryDirectory() as directory, no_talk_of_gradients():
        signatures = {SIGNATURE: frozen.act.get_concrete_function()}
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(frozen, directory, signatures, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(directory)
        path.write_bytes(converter.convert())


@contextmanager
def no_talk_of_gradients() -> Iterator[None]:
    """Keeps TensorFlow from warning that the gradient of swish is lost: nobody asks for it."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
