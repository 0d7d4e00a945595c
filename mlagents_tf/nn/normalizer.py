"""Running mean and variance of vector observations."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

CLIP = 5.0


class RowSummary(NamedTuple):
    """What a normaliser has to know of N rows.

    Attributes:
        count: [] float32, N.
        mean: [size]; 0 where N is 0.
        spread: [size] sum of squared distances from the mean.
    """

    count: tf.Tensor
    mean: tf.Tensor
    spread: tf.Tensor


class Normalizer(keras.layers.Layer):
    """Scales a vector by statistics of everything seen so far (Welford 1962, Chan et al. 1983).

    Statistics start as mean 0 and variance 1 with the weight of one row. They change only in
    `update`, never in `call`.
    """

    def __init__(self, size: int, **kwargs: object) -> None:
        super().__init__(trainable=False, **kwargs)
        self.size = size
        self.mean = self.add_weight(shape=(size,), initializer="zeros", name="mean")
        self.variance_sum = self.add_weight(shape=(size,), initializer="ones", name="variance_sum")
        self.rows = self.add_weight(shape=(), initializer="ones", dtype="int64", name="rows")
        self.built = True

    def call(self, vector: tf.Tensor) -> tf.Tensor:
        """[..., size] -> [..., size] within ±5 standard deviations."""
        variance = self.variance_sum / tf.cast(self.rows, tf.float32)
        scaled = (vector - self.mean) / tf.sqrt(variance)
        return tf.clip_by_value(scaled, -CLIP, CLIP)

    def update(self, vector: tf.Tensor, mask: tf.Tensor) -> None:
        """Adds the rows of `vector` [N, size] where `mask` [N] is 1."""
        mask = mask[:, None]
        count = tf.reduce_sum(mask)
        mean = tf.reduce_sum(vector * mask, axis=0) / tf.maximum(count, 1.0)
        spread = tf.reduce_sum(tf.square(vector - mean) * mask, axis=0)
        self.merge(RowSummary(count, mean, spread))

    def merge(self, seen: RowSummary) -> None:
        """Adds rows of which a summary is known.

        Rows so large that the statistics would overflow are not counted.
        """
        rows = tf.cast(self.rows, tf.float32)
        share = seen.count / (rows + seen.count)
        delta = seen.mean - self.mean
        more = seen.spread + tf.square(delta) * rows * share
        counted = tf.reduce_all(tf.math.is_finite(more))
        self.variance_sum.assign_add(tf.where(counted, more, 0.0))
        self.mean.assign_add(tf.where(counted, delta * share, 0.0))
        self.rows.assign_add(tf.where(counted, tf.cast(seen.count, tf.int64), 0))
