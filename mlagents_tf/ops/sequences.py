"""Rows that stand in sequences of one length, sequence after sequence."""

from __future__ import annotations

import tensorflow as tf


def rows_of(sequences: tf.Tensor, length: int) -> tf.Tensor:
    """Rows of sequences [S] int32, counted from 0: [S * length] int32."""
    return tf.reshape(sequences[:, None] * length + tf.range(length), [-1])
