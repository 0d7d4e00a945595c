"""Settings models by the name used in YAML; a plugin adds its own here before files are read."""

from __future__ import annotations

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

REWARD_SIGNAL_SETTINGS: dict[str, type[RewardSignalSettings]] = {
    "extrinsic": ExtrinsicSettings,
    "curiosity": CuriositySettings,
    "gail": GAILSettings,
    "rnd": RNDSettings,
}
