"""What a stream of rewards is."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Transitions(NamedTuple):
    """Decisions and what came of them, as a reward signal sees them.

    Attributes:
        obs: tuple of [N, *shape].
        continuous: [N, C] in the environment's scale.
        discrete: [N, D] int32.
        rewards: [N] from the environment, group rewards included.
        terminated: [N] float, 1 where the task ended.
        mask: [N] float, 1 = real row.
    """

    obs: tuple[tf.Tensor, ...]
    continuous: tf.Tensor
    discrete: tf.Tensor
    rewards: tf.Tensor
    terminated: tf.Tensor
    mask: tf.Tensor


class RewardSignal:
    """A stream of rewards with its own discount and value head.

    Args:
        name: its key under `reward_signals`.
        gamma: discount.
        strength: factor of the raw reward.
    """

    goes_on_after_the_end = False
    """True when a terminated episode is no reason to expect no more of this reward."""

    def __init__(self, name: str, gamma: float, strength: float) -> None:
        self.name = name
        self.gamma = gamma
        self.strength = strength

    @property
    def label(self) -> str:
        """Its name in statistics, capitalised as ML-Agents does."""
        return self.name.capitalize()

    def rewards(self, transitions: Transitions) -> tf.Tensor:
        """[N] scaled rewards; whatever is not real is masked by the caller."""
        raise NotImplementedError(f"{type(self).__name__} must define rewards()")
