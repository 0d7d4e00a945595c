"""Hyperparameters of behavioral cloning as a trainer of its own (`offline_bc` of old files)."""

from __future__ import annotations

from typing import Any

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.settings.ppo import HyperparameterSettings, Schedule


class BCSettings(DemonstrationSettings, HyperparameterSettings):
    """Hyperparameters of `trainer_type: bc`, which learns from a demonstration alone."""

    batch_size: PositiveInt = Field(default=64, description="rows per gradient step")
    learning_rate_schedule: Schedule = Field(
        default="constant", description="how the step size falls"
    )
    num_epoch: PositiveInt = Field(
        default=5, description="passes over the demonstration per update"
    )
    samples_per_update: NonNegativeInt = Field(
        default=0, description="rows per update; 0: all of them"
    )

    @model_validator(mode="before")
    @classmethod
    def the_demonstration_is_the_buffer(cls, data: Any) -> Any:
        if isinstance(data, dict) and "batch_size" in data:
            data = {"buffer_size": data["batch_size"], **data}
        return data
