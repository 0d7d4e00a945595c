"""Means over the rows that count."""

from __future__ import annotations

import tensorflow as tf


def masked_mean(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean of `x` where `mask` is 1, taken after the mask is applied; 0 if it is 1 nowhere.

    Args:
        x: [..., N]; may be anything finite where the mask is 0.
        mask: [N] float, 1 = real row.

    Returns:
        [...] means over the last axis.
    """
    return tf.reduce_sum(x * mask, axis=-1) / tf.maximum(tf.reduce_sum(mask), 1.0)


def normalized(x: tf.Tensor, mask: tf.Tensor, epsilon: float = 1e-10) -> tf.Tensor:
    """`x` shifted and scaled to mean 0 and standard deviation 1 over its real rows.

    Args:
        x: [N].
        mask: [N] float, 1 = real row; the others come back as 0.
        epsilon: added to the standard deviation.

    Returns:
        [N].
    """
    centred = (x - masked_mean(x, mask)) * mask
    std = tf.sqrt(masked_mean(tf.square(centred), mask))
    return centred / (std + epsilon)
