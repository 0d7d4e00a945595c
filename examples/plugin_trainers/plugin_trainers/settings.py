"""What stands under `hyperparameters`. `mlagents-tf validate` reads it: nothing here is heavy."""

from __future__ import annotations

from typing import Any

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mlagents_tf.settings.ppo import HyperparameterSettings, Schedule


class A2CSettings(HyperparameterSettings):
    """Hyperparameters of `trainer_type: a2c`."""

    buffer_size: PositiveInt = Field(default=80, description="rows of an update")
    learning_rate: float = Field(default=1e-3, gt=0, description="first step size of Adam")
    beta: float = Field(default=1e-3, ge=0, description="weight of the entropy bonus")
    lambd: float = Field(default=1.0, ge=0, le=1, description="lambda of generalised advantages")
    max_grad_norm: float = Field(default=0.5, gt=0, description="longer gradients are shortened")

    @model_validator(mode="before")
    @classmethod
    def an_update_is_one_minibatch(cls, data: Any) -> Any:
        if isinstance(data, dict):
            data = {"batch_size": data.get("buffer_size", 80), **data}
        return data


class DQNSettings(HyperparameterSettings):
    """Hyperparameters of `trainer_type: dqn`."""

    batch_size: PositiveInt = Field(default=64, description="transitions per gradient step")
    buffer_size: PositiveInt = Field(
        default=50_000, description="transitions that the replay holds"
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="first step size of Adam")
    learning_rate_schedule: Schedule = Field(
        default="constant", description="how the step size falls"
    )
    buffer_init_steps: NonNegativeInt = Field(
        default=1000, description="steps before the first update"
    )
    train_interval: PositiveInt = Field(default=256, description="steps between updates")
    gradient_steps: PositiveInt = Field(default=128, description="gradient steps of an update")
    tau: float = Field(
        default=1.0, gt=0, le=1, description="how far the target follows after an update; 1: all"
    )
    max_grad_norm: float = Field(default=10.0, gt=0, description="longer gradients are shortened")
    epsilon: float = Field(default=1.0, ge=0, le=1, description="first share of random decisions")
    final_epsilon: float = Field(default=0.05, ge=0, le=1, description="last share of them")
    epsilon_steps: PositiveInt = Field(
        default=10_000, description="steps in which epsilon falls, linearly"
    )
    save_replay_buffer: bool = Field(default=False, description="keep the replay in checkpoints")
