"""Losses of policies and values: tensors in, one scalar or one number per row out."""

from __future__ import annotations

import tensorflow as tf

from mlagents_tf.ops.masks import masked_mean


def clipped_policy_loss(
    log_probs: tf.Tensor,
    old_log_probs: tf.Tensor,
    advantages: tf.Tensor,
    mask: tf.Tensor,
    epsilon: tf.Tensor | float,
) -> tf.Tensor:
    """PPO's clipped surrogate objective, negated (Schulman et al. 2017, eq. 7).

    Args:
        log_probs: [B] log pi(a|s) of the policy being trained, summed over action dimensions.
        old_log_probs: [B] the same when the action was taken.
        advantages: [B]; treated as a constant.
        mask: [B] float, 0 on padding.
        epsilon: [] clip range of the ratio.

    Returns:
        [] loss to minimise.
    """
    advantages = tf.stop_gradient(advantages)
    ratio = tf.exp(log_probs - old_log_probs)
    clipped = tf.clip_by_value(ratio, 1.0 - epsilon, 1.0 + epsilon)
    return -masked_mean(tf.minimum(ratio * advantages, clipped * advantages), mask)


def clipped_value_loss(
    values: tf.Tensor,
    old_values: tf.Tensor,
    returns: tf.Tensor,
    mask: tf.Tensor,
    epsilon: tf.Tensor | float,
) -> tf.Tensor:
    """Squared error of values that may move at most `epsilon` from the old ones.

    The larger of the plain and the clipped error counts (Schulman et al. 2016, code of PPO2),
    clipped around the old *values*.

    Args:
        values: [S, B] of S reward signals.
        old_values: [S, B] the same before the update.
        returns: [S, B] targets.
        mask: [B] float, 0 on padding.
        epsilon: [] how far a value may move.

    Returns:
        [] mean over signals and real rows.
    """
    moved = old_values + tf.clip_by_value(values - old_values, -epsilon, epsilon)
    errors = tf.maximum(tf.square(returns - values), tf.square(returns - moved))
    return tf.reduce_mean(masked_mean(errors, mask))
