"""Seeds of draws inside compiled calls."""

from __future__ import annotations

import tensorflow as tf


def folded(seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Another seed [2] for each number; the draws of all of them are independent."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
