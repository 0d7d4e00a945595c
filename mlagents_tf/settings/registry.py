"""Settings models by the name used in YAML, of this package and of others (docs/plugins.md)."""

from __future__ import annotations

from mlagents_tf import plugins
from mlagents_tf.settings.ppo import HyperparameterSettings
from mlagents_tf.settings.rewards import RewardSignalSettings


def trainer_settings(name: str) -> type[HyperparameterSettings] | None:
    """The model of a trainer's hyperparameters, built in or of an installed package; None: no such.

    Raises:
        SettingsError: the package that brings this trainer cannot be used.
    """
    plugin = plugins.find(plugins.TRAINER_SETTINGS, name)
    return plugin and plugin.load_class(HyperparameterSettings)


def trainer_names() -> list[str]:
    """All names, those that are built in first; no package is imported."""
    return plugins.names(plugins.TRAINER_SETTINGS)


def built_in_trainers() -> dict[str, type[HyperparameterSettings]]:
    """The models of this package by name."""
    return plugins.built_in(plugins.TRAINER_SETTINGS, HyperparameterSettings)


def reward_signal_settings(name: str) -> type[RewardSignalSettings] | None:
    """The model of a reward signal, built in or of an installed package; None: no such signal.

    Raises:
        SettingsError: the package that brings this signal cannot be used.
    """
    plugin = plugins.find(plugins.SIGNAL_SETTINGS, name)
    return plugin and plugin.load_class(RewardSignalSettings)


def reward_signal_names() -> list[str]:
    """All names, those that are built in first; no package is imported."""
    return plugins.names(plugins.SIGNAL_SETTINGS)


def built_in_signals() -> dict[str, type[RewardSignalSettings]]:
    """The models of this package by name."""
    return plugins.built_in(plugins.SIGNAL_SETTINGS, RewardSignalSettings)
