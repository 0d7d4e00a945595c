"""Distributions over actions; the one place that imports TensorFlow Probability."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from mlagents_tf.specs import ActionSpec

FORBIDDEN = -1e8


@dataclass(frozen=True)
class ActionDistribution:
    """Continuous dimensions and discrete branches of one policy, independent of each other.

    Attributes:
        spec: sizes of both parts.
        means: [..., C] of the continuous actions, before they are squashed for the environment.
        log_stds: [..., C] or [C].
        logits: [..., sum of branch sizes], FORBIDDEN where an option is not allowed.
    """

    spec: ActionSpec
    means: tf.Tensor
    log_stds: tf.Tensor
    logits: tf.Tensor

    def _gaussian(self) -> tfd.Distribution:
        return tfd.Normal(self.means, tf.exp(self.log_stds))

    def _branches(self) -> list[tfd.Distribution]:
        return [tfd.Categorical(self.logits[..., s]) for s in self.spec.branch_slices()]

    def log_probs(self, continuous: tf.Tensor, discrete: tf.Tensor) -> tf.Tensor:
        """Log-probability of whole actions, summed over dimensions and branches.

        Args:
            continuous: [..., C] as sampled, not as sent to the environment.
            discrete: [..., D] int32.

        Returns:
            [...].
        """
        total = tf.zeros(tf.shape(self.means)[:-1])
        if self.spec.continuous_size:
            total += tf.reduce_sum(self._gaussian().log_prob(continuous), axis=-1)
        for branch, distribution in enumerate(self._branches()):
            total += distribution.log_prob(discrete[..., branch])
        return total

    def entropy(self) -> tf.Tensor:
        """[...] mean over continuous dimensions plus sum over branches.

        ML-Agents' convention: `beta` in its configuration files is tuned to it.
        """
        total = tf.zeros(tf.shape(self.means)[:-1])
        if self.spec.continuous_size:
            total += tf.reduce_mean(self._gaussian().entropy(), axis=-1)
        for distribution in self._branches():
            total += distribution.entropy()
        return total


def masked_logits(logits: tf.Tensor, allowed: tf.Tensor) -> tf.Tensor:
    """Logits [..., A] with FORBIDDEN where `allowed` [..., A] (bool) is False."""
    return tf.where(allowed, logits, FORBIDDEN)
