"""Distributions over actions; the one place that imports TensorFlow Probability."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from mlagents_tf.specs import ActionSpec

FORBIDDEN = -1e8
LOG_2 = math.log(2.0)
LOG_2PI = math.log(2.0 * math.pi)


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

    def sample_tanh(self, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Reparameterised draws through tanh (Haarnoja et al. 2018b, appendix C).

        Written out because TensorFlow Probability's transformed distribution takes a tenth of an
        update; it is the oracle of the test.

        Args:
            noise: [..., C] standard normal.

        Returns:
            actions [..., C] in [-1, 1] and their log-probabilities [...], summed over dimensions.
        """
        drawn = self.means + tf.exp(self.log_stds) * noise
        normal = -0.5 * (tf.square(noise) + LOG_2PI) - self.log_stds
        # log(1 - tanh(x)^2), which does not round to log(0) far from 0
        log_slope = 2.0 * (LOG_2 - drawn - tf.math.softplus(-2.0 * drawn))
        return tf.tanh(drawn), tf.reduce_sum(normal - log_slope, axis=-1)

    def branch_log_probs(self) -> list[tf.Tensor]:
        """For each branch [..., options], near FORBIDDEN where an option is not allowed."""
        return [tf.nn.log_softmax(self.logits[..., s]) for s in self.spec.branch_slices()]

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
