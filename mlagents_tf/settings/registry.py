"""Settings models by the name used in YAML.

A package adds a reward signal by an entry point of the group `mlagents_tf.reward_signal_settings`,
whose name is the key in YAML and whose value is the import path of a RewardSignalSettings.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.bc import BCSettings
from mlagents_tf.settings.ppo import HyperparameterSettings, POCASettings, PPOSettings
from mlagents_tf.settings.rewards import (
    CuriositySettings,
    ExtrinsicSettings,
    GAILSettings,
    RewardSignalSettings,
    RNDSettings,
)
from mlagents_tf.settings.sac import SACSettings

TRAINER_SETTINGS: dict[str, type[HyperparameterSettings]] = {
    "ppo": PPOSettings,
    "sac": SACSettings,
    "poca": POCASettings,
    "bc": BCSettings,
}

BUILT_IN_SIGNALS: dict[str, type[RewardSignalSettings]] = {
    "extrinsic": ExtrinsicSettings,
    "curiosity": CuriositySettings,
    "gail": GAILSettings,
    "rnd": RNDSettings,
}

SIGNAL_PLUGINS = "mlagents_tf.reward_signal_settings"


def reward_signal_settings(name: str) -> type[RewardSignalSettings] | None:
    """The model of a reward signal, built in or of an installed package; None: no such signal.

    Raises:
        SettingsError: the package that brings this signal cannot be used.
    """
    if name in BUILT_IN_SIGNALS:
        return BUILT_IN_SIGNALS[name]
    found = [*entry_points(group=SIGNAL_PLUGINS, name=name)]
    return _load(found[0]) if found else None


def reward_signal_names() -> list[str]:
    """All names, those that are built in first; no package is imported."""
    plugins = {point.name for point in entry_points(group=SIGNAL_PLUGINS)}
    return [*BUILT_IN_SIGNALS, *sorted(plugins - BUILT_IN_SIGNALS.keys())]


def _load(point: EntryPoint) -> type[RewardSignalSettings]:
    package = f"the package {point.dist.name}" if point.dist else "an installed package"
    where = f"reward signal '{point.name}': {package} says it is {point.value}"
    try:
        model = point.load()
    except Exception as error:  # whatever a foreign module does when it is imported
        raise SettingsError(
            f"{where}, which cannot be imported: {type(error).__name__}: {error}. "
            "Repair or uninstall the package."
        ) from error
    if not (isinstance(model, type) and issubclass(model, RewardSignalSettings)):
        raise SettingsError(
            f"{where}, which is not a subclass of mlagents_tf.settings.rewards."
            "RewardSignalSettings. Repair or uninstall the package."
        )
    return model
