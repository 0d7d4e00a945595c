"""The environment's own reward."""

from __future__ import annotations

import tensorflow as tf

from mlagents_tf.rewards.signal import RewardSignal, Transitions


class ExtrinsicReward(RewardSignal):
    """Passes on what the environment pays, times `strength`."""

    def rewards(self, transitions: Transitions) -> tf.Tensor:
        """[N] scaled rewards."""
        return self.strength * transitions.rewards
