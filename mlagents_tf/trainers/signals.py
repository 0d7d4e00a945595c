"""Reward signals by their key in the configuration.

A package adds one by two entry points of the same name: its class in `mlagents_tf.reward_signals`,
and its settings in `mlagents_tf.reward_signal_settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

import numpy as np

from mlagents_tf.errors import SettingsError
from mlagents_tf.rewards.curiosity import CuriosityReward
from mlagents_tf.rewards.extrinsic import ExtrinsicReward
from mlagents_tf.rewards.gail import GAILReward
from mlagents_tf.rewards.rnd import RNDReward
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.rewards import RewardSignalSettings
from mlagents_tf.specs import Spec

BUILT_IN: Mapping[str, type[RewardSignal]] = {
    "extrinsic": ExtrinsicReward,
    "curiosity": CuriosityReward,
    "gail": GAILReward,
    "rnd": RNDReward,
}

PLUGINS = "mlagents_tf.reward_signals"


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
    if name in BUILT_IN:
        return BUILT_IN[name]
    found = [*entry_points(group=PLUGINS, name=name)]
    if not found:
        raise SettingsError(
            f"reward signal '{name}': its package has settings for it, but no entry point of the "
            f"group {PLUGINS} with this name, which would be its class."
        )
    try:
        signal = found[0].load()
    except Exception as error:  # whatever a foreign module does when it is imported
        raise SettingsError(
            f"reward signal '{name}': {found[0].value} cannot be imported: "
            f"{type(error).__name__}: {error}. Repair or uninstall its package."
        ) from error
    if not (isinstance(signal, type) and issubclass(signal, RewardSignal)):
        raise SettingsError(
            f"reward signal '{name}': {found[0].value} is not a subclass of "
            "mlagents_tf.rewards.signal.RewardSignal. Repair or uninstall its package."
        )
    return signal
