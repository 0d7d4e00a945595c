"""Reward signals by their key in the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from mlagents_tf.rewards.extrinsic import ExtrinsicReward
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.rewards import RewardSignalSettings

SIGNALS: dict[str, type[RewardSignal]] = {"extrinsic": ExtrinsicReward}


def make_signals(settings: Mapping[str, RewardSignalSettings]) -> list[RewardSignal]:
    """One signal for each key, in the file's order."""
    return [SIGNALS[name](name, s.gamma, s.strength) for name, s in settings.items()]
