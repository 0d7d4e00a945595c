"""Draws inside compiled calls, of seeds that are passed in.

TensorFlow's own floats are other ones with XLA than without. Whole numbers are not, so that all
that is drawn is made of them, and a compiled update can be followed eagerly.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

BITS = 23
"""Of a draw: with the half that is added, all that a float32 can hold."""


def folded(seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Another seed [2] for each number; the draws of all of them are independent."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


def integers(shape: Sequence[int], seed: tf.Tensor, end: int) -> tf.Tensor:
    """[*shape] int32, each of 0 .. end - 1 with the same probability; seed [2] int32."""
    return tf.random.stateless_uniform(shape, seed, 0, end, tf.int32, alg="philox")


def uniform(shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    """[*shape] float32 between 0 and 1, both left out; seed [2] int32."""
    return (tf.cast(integers(shape, seed, 1 << BITS), tf.float32) + 0.5) * 0.5**BITS


def standard_normal(shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    """[*shape] float32 of mean 0 and variance 1, up to 5.3 away from 0; seed [2] int32."""
    return 2.0**0.5 * tf.math.erfinv(2.0 * uniform(shape, seed) - 1.0)
