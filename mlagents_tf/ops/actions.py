"""Actions as vectors that a network can take in."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def one_hot_branches(discrete: tf.Tensor, branches: Sequence[int]) -> tf.Tensor:
    """[N, D] int32 -> [N, sum of branch sizes], 1 at the option taken of each branch."""
    parts = [tf.one_hot(discrete[:, i], size) for i, size in enumerate(branches)]
    return tf.concat(parts, axis=-1) if parts else tf.zeros([discrete.shape[0], 0])


def action_vector(continuous: tf.Tensor, discrete: tf.Tensor, branches: Sequence[int]) -> tf.Tensor:
    """[N, C] in the environment's scale, [N, D] int32 -> [N, C + sum of branch sizes]."""
    return tf.concat([continuous, one_hot_branches(discrete, branches)], axis=-1)
