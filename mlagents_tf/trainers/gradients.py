"""Gradient steps that leave weights alone when a gradient is not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mlagents_tf.errors import TrainingError


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


def refuse_skipped(
    behavior: str, step: int, skipped: float, count: int, statistics: Mapping[str, float]
) -> None:
    """Raises TrainingError if an update left out some of its `count` gradient steps."""
    if not skipped:
        return
    losses = ", ".join(
        f"{tag.removeprefix('Losses/').lower()} {value}"
        for tag, value in statistics.items()
        if tag.startswith("Losses/")
    )
    raise TrainingError(
        f"behavior {behavior}: {skipped:.0f} of {count} gradients were not finite in the update at "
        f"step {step} ({losses}). Their steps were skipped and the run is stopped. Look for "
        "rewards or observations of extreme size, or lower learning_rate."
    )
