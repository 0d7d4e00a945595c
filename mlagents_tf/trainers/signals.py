"""Reward signals by their key in the configuration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlagents_tf import plugins
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.rewards import RewardSignalSettings
from mlagents_tf.specs import Spec


def make_signals(
    settings: Mapping[str, RewardSignalSettings], spec: Spec, rng: np.random.Generator
) -> list[RewardSignal]:
    """One signal for each key, in the file's order.

    Raises:
        SettingsError: the package that brings one of them cannot be used.
    """
    return [signal_class(name)(name, chosen, spec, rng) for name, chosen in settings.items()]


def signal_class(name: str) -> type[RewardSignal]:
    """The class of a signal whose settings are known."""
    return plugins.class_for_settings(plugins.SIGNALS, name, RewardSignal)
