"""Hyperparameters of PPO and POCA."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, PositiveInt, model_validator

from mlagents_tf.settings.base import Settings

Schedule = Literal["linear", "constant"]


class HyperparameterSettings(Settings):
    """What every trainer has, `behaviors.<name>.hyperparameters` in YAML."""

    batch_size: PositiveInt = Field(default=1024, description="rows per gradient step")
    buffer_size: PositiveInt = Field(default=10_240, description="rows that the memory holds")
    learning_rate: float = Field(default=3e-4, gt=0, description="first step size of Adam")
    learning_rate_schedule: Schedule = Field(
        default="linear", description="how the step size falls"
    )

    @model_validator(mode="after")
    def a_minibatch_fits_the_buffer(self) -> HyperparameterSettings:
        if self.batch_size > self.buffer_size:
            raise ValueError(
                f"batch_size ({self.batch_size}) is larger than buffer_size ({self.buffer_size}): "
                "an update would see no full minibatch. Lower batch_size or raise buffer_size."
            )
        return self


class ClippedPolicySettings(HyperparameterSettings):
    """What PPO and POCA share."""

    batch_size: PositiveInt = Field(default=1024, description="rows per gradient step")
    buffer_size: PositiveInt = Field(default=10_240, description="rows collected between updates")
    beta: float = Field(default=5e-3, ge=0, description="weight of the entropy bonus")
    beta_schedule: Schedule = Field(
        default="linear", description="how beta falls to 1e-5; absent: as learning_rate_schedule"
    )
    epsilon: float = Field(default=0.2, gt=0, lt=1, description="clip range of the policy ratio")
    epsilon_schedule: Schedule = Field(
        default="linear", description="how epsilon falls to 0.1; absent: as learning_rate_schedule"
    )
    lambd: float = Field(default=0.95, ge=0, le=1, description="lambda of generalised advantages")
    num_epoch: PositiveInt = Field(default=3, description="passes over the buffer per update")
    clip_values: bool = Field(
        default=True,
        description="values move at most epsilon per update; false where returns are far from 1",
    )

    @model_validator(mode="before")
    @classmethod
    def schedules_follow_the_learning_rate(cls, data: Any) -> Any:
        schedule = data.get("learning_rate_schedule") if isinstance(data, dict) else None
        if schedule in get_args(Schedule):
            data = {"beta_schedule": schedule, "epsilon_schedule": schedule, **data}
        return data


class PPOSettings(ClippedPolicySettings):
    """Hyperparameters of `trainer_type: ppo`."""

    shared_critic: bool = Field(default=False, description="one body for the policy and the values")


class POCASettings(ClippedPolicySettings):
    """Hyperparameters of `trainer_type: poca`."""
