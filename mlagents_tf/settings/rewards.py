"""Reward signals, `behaviors.<name>.reward_signals.<signal>` in YAML."""

from __future__ import annotations

from pydantic import Field

from mlagents_tf.settings.base import Settings
from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.settings.network import NetworkSettings


class RewardSignalSettings(Settings):
    """What every reward signal has."""

    gamma: float = Field(default=0.99, ge=0, le=1, description="discount")
    strength: float = Field(default=1.0, description="factor of the raw reward")


class LearnedRewardSettings(RewardSignalSettings):
    """What reward signals with a network of their own share."""

    network_settings: NetworkSettings = Field(
        default_factory=NetworkSettings, description="the signal's network; memory is not used"
    )
    learning_rate: float = Field(default=3e-4, gt=0, description="step size of Adam, constant")


class ExtrinsicSettings(RewardSignalSettings):
    """The environment's own reward."""

    network_settings: NetworkSettings = Field(
        default_factory=NetworkSettings, description="accepted and without effect"
    )


class CuriositySettings(LearnedRewardSettings):
    """Intrinsic curiosity: the error of a forward model."""


class GAILSettings(DemonstrationSettings, LearnedRewardSettings):
    """Generative adversarial imitation: how much like the demonstration."""

    use_actions: bool = Field(default=False, description="show actions to the discriminator")
    use_vail: bool = Field(default=False, description="variational bottleneck in the discriminator")


class RNDSettings(LearnedRewardSettings):
    """Random network distillation: the error of predicting a random network."""

    learning_rate: float = Field(default=1e-4, gt=0, description="step size of Adam, constant")
