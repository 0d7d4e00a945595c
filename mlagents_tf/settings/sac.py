"""Hyperparameters of SAC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from mlagents_tf.settings.base import number
from mlagents_tf.settings.ppo import HyperparameterSettings, Schedule


class SACSettings(HyperparameterSettings):
    """Hyperparameters of `trainer_type: sac`."""

    batch_size: PositiveInt = Field(default=128, description="transitions per gradient step")
    buffer_size: PositiveInt = Field(
        default=50_000, description="transitions that the replay holds"
    )
    learning_rate_schedule: Schedule = Field(
        default="constant", description="how the step size falls"
    )
    buffer_init_steps: NonNegativeInt = Field(
        default=0, description="steps before the first update"
    )
    init_entcoef: float = Field(default=1.0, gt=0, description="first entropy coefficient")
    save_replay_buffer: bool = Field(default=False, description="keep the replay in checkpoints")
    tau: float = Field(default=0.005, gt=0, le=1, description="how fast the target network follows")
    steps_per_update: float = Field(default=1.0, gt=0, description="steps per gradient step")
    train_interval: PositiveInt = Field(
        default=1, description="steps between updates; the gradient steps due are made together"
    )
    reward_signal_steps_per_update: float = Field(
        default=1.0, gt=0, description="the same for reward signals; absent: as steps_per_update"
    )
    critic: Literal["value_target", "q_target"] = Field(
        default="value_target", description="bootstrap from a value network or from two target Qs"
    )

    @model_validator(mode="before")
    @classmethod
    def reward_signals_update_with_the_policy(cls, data: Any) -> Any:
        if isinstance(data, dict) and "steps_per_update" in data:
            try:
                steps = number(data["steps_per_update"])
            except PydanticCustomError:  # reported under its own name
                return data
            if steps > 0:
                data = {"reward_signal_steps_per_update": steps, **data}
        return data
