"""Returns and advantages over a tape whose stories stand one after another."""

from __future__ import annotations

import tensorflow as tf


def linear_recurrence(inputs: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Solves `y[i] = inputs[i] + factors[i] * y[i + 1]`, with `y` = 0 past the end.

    A doubling scan (Hillis and Steele 1986): after k rounds every element has absorbed the 2^k
    behind it, so N elements take log2(N) vector operations instead of N scalar ones.

    Args:
        inputs: [..., N].
        factors: [..., N]; 0 cuts the chain.

    Returns:
        [..., N].
    """
    length = inputs.shape[-1]
    shift = 1
    while shift < length:
        inputs = inputs + factors * _shifted(inputs, shift)
        factors = factors * _shifted(factors, shift)
        shift *= 2
    return inputs


def _shifted(x: tf.Tensor, shift: int) -> tf.Tensor:
    """`x[..., i + shift]` at place i, zeros past the end."""
    paddings = [[0, 0]] * (x.shape.rank - 1) + [[0, shift]]
    return tf.pad(x[..., shift:], paddings)


def gae(
    rewards: tf.Tensor,
    values: tf.Tensor,
    terminated: tf.Tensor,
    last: tf.Tensor,
    mask: tf.Tensor,
    gamma: tf.Tensor,
    lambd: tf.Tensor | float,
) -> tf.Tensor:
    """Generalized advantage estimates (Schulman et al. 2016, eq. 16), bootstrap included.

    Rows stand in story order: the observation that followed row i is that of row i + 1. The
    row behind a story's last one carries only an observation (`mask` 0), whose value is the
    bootstrap.

    Args:
        rewards: [S, N] of S reward signals.
        values: [S, N].
        terminated: [S, N] 1 where nothing is to be earned beyond the row.
        last: [N] 1 on the final row of a story, where the estimate is not carried over.
        mask: [N] 1 on real rows.
        gamma: [S, 1] discount of each signal.
        lambd: [] mixes one-step (0) and Monte-Carlo (1) estimates.

    Returns:
        [S, N] advantages, 0 where `mask` is 0.
    """
    next_values = _shifted(values, 1)
    deltas = mask * (rewards + gamma * (1.0 - terminated) * next_values - values)
    return linear_recurrence(deltas, mask * gamma * lambd * (1.0 - last))
