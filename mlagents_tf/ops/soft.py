"""Quantities of Soft Actor-Critic (Haarnoja et al. 2018a, 2018b): tensors in, tensors out.

S reward signals, B rows, A options of D discrete branches together. A policy without branches has
A = 1: its Q networks put out one number, which counts whole.
"""

from __future__ import annotations

import tensorflow as tf

from mlagents_tf.ops.masks import masked_mean


def mean_over_branches(q: tf.Tensor, weights: tf.Tensor, num_branches: int) -> tf.Tensor:
    """Q of an action: the mean over branches of what Q says of the options taken.

    Args:
        q: [S, B, A].
        weights: [B, A] 1 at the option taken in each branch, or the options' probabilities.
        num_branches: D; 0 counts as 1.

    Returns:
        [S, B].
    """
    return tf.reduce_sum(q * weights, axis=-1) / max(num_branches, 1)


def bootstrapped(
    rewards: tf.Tensor, ends: tf.Tensor, gammas: tf.Tensor, next_values: tf.Tensor
) -> tf.Tensor:
    """What Q is trained towards: the reward and the discounted value behind it.

    Args:
        rewards: [S, B].
        ends: [S, B] 1 where a signal expects nothing afterwards.
        gammas: [S, 1].
        next_values: [S, B], entropy included.

    Returns:
        [S, B] constants.
    """
    return tf.stop_gradient(rewards + (1.0 - ends) * gammas * next_values)


def half_squared_error(values: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Half of the mean squared error over signals and real rows, [S, B] each, [B] -> []."""
    errors = tf.square(values - tf.stop_gradient(targets))
    return 0.5 * tf.reduce_mean(masked_mean(errors, mask))


def entropy_coefficient_loss(
    log_coefficients: tf.Tensor,
    entropies: tf.Tensor,
    targets: tf.Tensor,
    shares: tf.Tensor,
    mask: tf.Tensor,
) -> tf.Tensor:
    """Lowers a coefficient whose part of the policy has more entropy than its target.

    Haarnoja et al. (2018b, eq. 18), with log alpha in place of alpha as all implementations have.

    Args:
        log_coefficients: [J] of each part of the policy.
        entropies: [B, J] of each part; treated as constants.
        targets: [J].
        shares: [J] weight of each part.
        mask: [B] float, 1 = real row.

    Returns:
        [] loss to minimise.
    """
    above = masked_mean(tf.stop_gradient(tf.transpose(entropies)), mask) - targets
    return tf.reduce_sum(shares * log_coefficients * above)
