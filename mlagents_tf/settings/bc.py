"""Hyperparameters of behavioral cloning as a trainer of its own (`offline_bc` of old files)."""

from __future__ import annotations

from typing import Any

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.settings.ppo import HyperparameterSettings, Schedule


class BCSettings(DemonstrationSettings, HyperparameterSettings):
    """Hyperparameters of `trainer_type: bc`, which learns from demonstrations alone.

    There is no environment, and so there are no steps: `max_steps`, `summary_freq` and
    `checkpoint_interval` count the rows learned from. Reward signals have no effect.
    """

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
    held_out: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="share of the episodes that is not learned from but measured on",
    )

    @model_validator(mode="before")
    @classmethod
    def the_demonstration_is_the_buffer(cls, data: Any) -> Any:
        if isinstance(data, dict) and "batch_size" in data:
            data = {"buffer_size": data["batch_size"], **data}
        return data
