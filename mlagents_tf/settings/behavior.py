"""Settings of one behavior, `behaviors.<name>` in YAML."""

from __future__ import annotations

from typing import Any

from pydantic import (
    Field,
    PositiveInt,
    SerializeAsAny,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mlagents_tf.settings.base import Settings, expected, integral, line_errors, near, validated
from mlagents_tf.settings.imitation import BehavioralCloningSettings
from mlagents_tf.settings.network import MemorySettings, NetworkSettings
from mlagents_tf.settings.ppo import HyperparameterSettings, PPOSettings
from mlagents_tf.settings.registry import (
    built_in_trainers,
    reward_signal_names,
    reward_signal_settings,
    trainer_names,
    trainer_settings,
)
from mlagents_tf.settings.rewards import ExtrinsicSettings, RewardSignalSettings

__all__ = [
    "BehaviorSettings",
    "BehavioralCloningSettings",
    "MemorySettings",
    "NetworkSettings",
    "SelfPlaySettings",
]


class SelfPlaySettings(Settings):
    """`self_play`: train against earlier selves."""

    save_steps: PositiveInt = Field(default=20_000, description="trainer steps between snapshots")
    team_change: PositiveInt = Field(
        default=100_000,
        description="trainer steps before the other team learns; absent: 5 save_steps",
    )
    swap_steps: PositiveInt = Field(default=2_000, description="steps between opponents")
    window: PositiveInt = Field(default=10, description="snapshots that are kept")
    play_against_latest_model_ratio: float = Field(
        default=0.5, ge=0, le=1, description="share of games against the newest policy"
    )
    initial_elo: float = Field(default=1200.0, description="rating at the beginning")

    @model_validator(mode="before")
    @classmethod
    def teams_change_every_five_snapshots(cls, data: Any) -> Any:
        if isinstance(data, dict) and "save_steps" in data and "team_change" not in data:
            try:
                data = {**data, "team_change": 5 * integral(data["save_steps"])}
            except PydanticCustomError:  # reported under its own name
                return data
        return data


THE_TRAINERS: Any = {}  # hyperparameters that are not given are the defaults of the trainer_type


def extrinsic_only() -> dict[str, RewardSignalSettings]:
    """The reward signals of a behavior that names none."""
    return {"extrinsic": ExtrinsicSettings()}


class BehaviorSettings(Settings):
    """Everything about training one behavior."""

    trainer_type: str = Field(
        default="ppo", description="the algorithm: ppo, sac, poca, bc or a plugin's"
    )
    hyperparameters: SerializeAsAny[HyperparameterSettings] = Field(
        default=THE_TRAINERS,
        validate_default=True,
        description="keys of the trainer_type; see the tables of the trainers",
    )
    network_settings: NetworkSettings = Field(
        default_factory=NetworkSettings, description="the policy's network"
    )
    reward_signals: dict[str, SerializeAsAny[RewardSignalSettings]] = Field(
        default_factory=extrinsic_only,
        description="what is maximised, by name; naming any replaces the default",
    )
    init_path: str | None = Field(default=None, description="weights to start from")
    keep_checkpoints: PositiveInt = Field(default=5, description="checkpoints that are kept")
    even_checkpoints: bool = Field(
        default=False, description="spread keep_checkpoints over max_steps"
    )
    max_steps: PositiveInt = Field(default=500_000, description="steps after which training ends")
    checkpoint_interval: PositiveInt = Field(
        default=500_000,
        validate_default=True,
        description="steps between checkpoints; with even_checkpoints max_steps/keep_checkpoints",
    )
    time_horizon: PositiveInt = Field(default=64, description="steps after which a story is cut")
    summary_freq: PositiveInt = Field(default=50_000, description="steps between summaries")
    threaded: bool = Field(default=False, description="act on while an update is computed")
    self_play: SelfPlaySettings | None = Field(default=None, description="absent: no self-play")
    behavioral_cloning: BehavioralCloningSettings | None = Field(
        default=None, description="absent: no cloning"
    )

    def networks(self) -> dict[str, NetworkSettings]:
        """The networks that are trained, by YAML path: the behavior's, then those of signals."""
        found = {"network_settings": self.network_settings}
        for name, signal in self.reward_signals.items():
            network = getattr(signal, "network_settings", None)
            if network is not None and not isinstance(signal, ExtrinsicSettings):
                found[f"reward_signals.{name}.network_settings"] = network
        return found

    @classmethod
    def hint(cls, key: str, value: Any) -> str:
        """Keys of the legacy layout stood here, one level higher."""
        if any(key in model.model_fields for model in built_in_trainers().values()):
            return " Write it under 'hyperparameters'."
        if key in NetworkSettings.model_fields:
            return " Write it under 'network_settings'."
        return super().hint(key, value)

    @model_validator(mode="before")
    @classmethod
    def hyperparameters_need_a_trainer_type(cls, data: Any) -> Any:
        if (
            isinstance(data, dict)
            and isinstance(data.get("hyperparameters"), dict)
            and "trainer_type" not in data
        ):
            raise ValueError(
                "hyperparameters are given without a trainer_type. "
                "Add 'trainer_type: ppo' (or sac, poca)."
            )
        return data

    @field_validator("trainer_type")
    @classmethod
    def the_trainer_is_known(cls, value: str) -> str:
        if trainer_settings(value) is None:
            raise ValueError(no_such_trainer(value, trainer_names()))
        return value

    @field_validator("hyperparameters", mode="before")
    @classmethod
    def hyperparameters_are_those_of_the_trainer(cls, value: Any, info: ValidationInfo) -> Any:
        trainer_type = info.data.get("trainer_type")
        if trainer_type is None:  # already reported
            return PPOSettings()
        return validated(trainer_settings(trainer_type) or PPOSettings, value)

    @field_validator("reward_signals", mode="before")
    @classmethod
    def reward_signals_are_known(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise expected("a section of keys")
        signals, faults = {}, []
        for name, given in value.items():
            if given is None:  # switched off, as a way not to inherit it
                continue
            try:
                signals[name] = reward_signal(name, given)
            except ValidationError as error:
                faults += line_errors(error, name)
        if faults:
            raise ValidationError.from_exception_data("reward_signals", faults)
        return signals

    @field_validator("reward_signals")
    @classmethod
    def there_is_something_to_learn(
        cls, value: dict[str, RewardSignalSettings], info: ValidationInfo
    ) -> dict[str, RewardSignalSettings]:
        if not value and info.data.get("trainer_type") != "bc":
            raise ValueError(
                "no reward signal is left to learn from. Add 'extrinsic: {}' for the "
                "environment's reward (a signal without a value is switched off)."
            )
        return value

    @field_validator("checkpoint_interval")
    @classmethod
    def even_checkpoints_decide_the_interval(cls, value: int, info: ValidationInfo) -> int:
        facts = info.data
        if facts.get("even_checkpoints") and {"max_steps", "keep_checkpoints"} <= facts.keys():
            return max(1, int(facts["max_steps"]) // int(facts["keep_checkpoints"]))
        return value

    @model_validator(mode="after")
    def cloning_alone_has_no_other_trainer(self) -> BehaviorSettings:
        if self.trainer_type == "bc" and self.behavioral_cloning is not None:
            raise ValueError(
                "behavioral_cloning stands beside a trainer that learns from rewards, and "
                "trainer_type bc clones already. Take it out, or set it to null where "
                "default_settings has it."
            )
        return self

    @model_validator(mode="after")
    def a_sequence_fits_a_minibatch(self) -> BehaviorSettings:
        sizes = {"hyperparameters": self.hyperparameters.batch_size}
        if self.behavioral_cloning is not None and self.behavioral_cloning.batch_size:
            sizes["behavioral_cloning"] = self.behavioral_cloning.batch_size
        length = getattr(self.network_settings.memory, "sequence_length", 1)
        for where, batch_size in sizes.items():
            if length > batch_size:
                raise ValueError(
                    f"network_settings.memory.sequence_length ({length}) is larger "
                    f"than {where}.batch_size ({batch_size}). "
                    "Lower sequence_length or raise batch_size."
                )
        return self


def no_such_trainer(name: str, known: list[str]) -> str:
    """The sentence about a trainer that nobody brings."""
    hint = near(name, known)
    everything = f" Known: {', '.join(sorted(known))}." if "Did you mean" in hint else ""
    return f"no such trainer (received '{name}').{hint}{everything}"


def reward_signal(name: str, value: Any) -> RewardSignalSettings:
    """The settings of one named signal; errors as pydantic reports them."""
    model = reward_signal_settings(name)
    if model is None:
        fault = ValueError(f"no such reward signal.{near(name, reward_signal_names())}")
        raise ValidationError.from_exception_data(
            name, [{"type": "value_error", "loc": (), "input": value, "ctx": {"error": fault}}]
        )
    return validated(model, value)
