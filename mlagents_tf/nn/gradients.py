"""Gradient steps that leave weights alone when a gradient is not finite."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


def make_adam(learning_rate: float, variables: Sequence[keras.Variable]) -> keras.optimizers.Adam:
    """Adam with PyTorch's epsilon, built, so that its slots exist before anything is compiled."""
    optimizer = keras.optimizers.Adam(learning_rate, epsilon=1e-8)
    optimizer.build(variables)
    return optimizer


def apply_finite(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
    learning_rate: tf.Tensor,
) -> tf.Tensor:
    """One step, or none if some gradient is not finite; [] 1 if it was not."""
    finite = tf.math.is_finite(tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients]))
    optimizer.learning_rate.assign(tf.where(finite, learning_rate, 0.0))
    optimizer.apply([tf.where(finite, gradient, 0.0) for gradient in gradients], variables)
    return 1.0 - tf.cast(finite, tf.float32)
