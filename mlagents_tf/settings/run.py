"""Settings of a run: the root of the configuration."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from mlagents_tf import plugins
from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.base import Settings, near
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.evaluation import EvaluationSettings
from mlagents_tf.settings.names import base_name, team_of
from mlagents_tf.settings.parameters import Parameter

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class EnvSettings(Settings):
    """`env_settings`: the environment and its processes."""

    env_path: str | None = Field(
        default=None, description="what to train in; absent: the Unity Editor"
    )
    env_args: tuple[str, ...] | None = Field(default=None, description="arguments for the player")
    base_port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="worker i listens on base_port + i; absent: 5005, or the next free one",
    )
    listen: str = Field(
        default="127.0.0.1", description="address at which players are heard: this machine alone"
    )
    receive_limit_mib: int = Field(
        default=256, ge=1, le=2047, description="largest message of a player, in MiB"
    )
    num_envs: PositiveInt = Field(default=1, description="environment processes")
    num_areas: PositiveInt | None = Field(
        default=None, description="areas of each environment; absent: the scene's own count"
    )
    timeout_wait: PositiveInt = Field(default=60, description="seconds to wait for the environment")
    seed: int = Field(default=-1, ge=-1, le=2**31 - 1, description="-1: a random one")
    max_lifetime_restarts: int = Field(
        default=10, ge=-1, description="restarts of a worker; -1: no limit"
    )
    restarts_rate_limit_n: int = Field(
        default=1, ge=-1, description="restarts per period; -1: no limit"
    )
    restarts_rate_limit_period_s: PositiveInt = Field(
        default=60, description="the period, in seconds"
    )

    @model_validator(mode="after")
    def the_editor_is_one_environment(self) -> EnvSettings:
        if self.num_envs > 1 and self.env_path is None:
            raise ValueError(
                f"num_envs ({self.num_envs}) must be 1 without env_path: "
                "there is only one Editor. Name an environment with --env."
            )
        return self


class EngineSettings(Settings):
    """`engine_settings`: how a Unity player draws and how fast it runs."""

    width: PositiveInt = Field(default=84, description="pixels")
    height: PositiveInt = Field(default=84, description="pixels")
    quality_level: NonNegativeInt = Field(default=5, description="Unity's quality level")
    time_scale: float = Field(default=20.0, gt=0, description="game seconds per second")
    target_frame_rate: int = Field(default=-1, ge=-1, description="-1: no limit")
    capture_frame_rate: NonNegativeInt = Field(default=60, description="frames per game second")
    no_graphics: bool = Field(default=False, description="no window and no rendering")
    no_graphics_monitor: bool = Field(default=False, description="render the first worker only")


class CheckpointSettings(Settings):
    """`checkpoint_settings`: the name of the run and what it starts from."""

    run_id: str = Field(default="ppo", description="name of the run and of its directory")
    initialize_from: str | None = Field(default=None, description="run id to take weights from")
    load_model: bool = Field(default=False, description="old name of resume")
    resume: bool = Field(default=False, description="continue the run of this id")
    strict_resume: bool = Field(
        default=False,
        description="refuse a resume that loses replay, episodes or demonstrations",
    )
    force: bool = Field(default=False, description="begin anew where there is a run of this id")
    train_model: bool = Field(default=False, description="accepted and without effect")
    inference: bool = Field(default=False, description="act only: no updates and no checkpoints")
    results_dir: str = Field(default="results", min_length=1, description="directory of all runs")

    @field_validator("run_id", "initialize_from")
    @classmethod
    def a_run_id_is_a_directory_name(cls, value: str | None) -> str | None:
        if value is not None and not is_directory_name(value):
            raise ValueError(
                f"'{value}' cannot name a directory. Use letters, digits, '-', '_' and '.', "
                "and no name that an operating system reserves."
            )
        return value

    @property
    def run_dir(self) -> Path:
        """Where this run writes."""
        return Path(self.results_dir) / self.run_id

    @property
    def run_logs_dir(self) -> Path:
        """Where this run writes its logs."""
        return self.run_dir / "run_logs"

    @property
    def initialize_dir(self) -> Path | None:
        """The run that weights are taken from."""
        return Path(self.results_dir) / self.initialize_from if self.initialize_from else None


def is_directory_name(name: str) -> bool:
    """True if every operating system takes it as the name of one directory."""
    if not 0 < len(name) <= 200 or RESERVED.fullmatch(name):
        return False
    if name[0] in " ." or name[-1] in " ." or ".." in name:
        return False
    return name.isprintable() and not set(name) & set('/\\:*?"<>|')


class TorchSettings(Settings):
    """`torch_settings`, read because old files have it."""

    device: str | None = Field(
        default=None, description="cpu, cuda, cuda:0; used if tf_settings says auto"
    )


class TFSettings(Settings):
    """`tf_settings`: TensorFlow."""

    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="auto: a GPU if there is one"
    )


class RunSettings(Settings):
    """Everything the user asked for, the root of the configuration file."""

    behaviors: dict[str, BehaviorSettings] = Field(
        default_factory=dict, description="settings by behavior name"
    )
    default_settings: BehaviorSettings | None = Field(
        default=None, description="base of every behavior, and the settings of those not listed"
    )
    env_settings: EnvSettings = Field(
        default_factory=EnvSettings, description="the environment and its processes"
    )
    engine_settings: EngineSettings = Field(
        default_factory=EngineSettings, description="how a Unity player draws and runs"
    )
    evaluation: EvaluationSettings | None = Field(
        default=None, description="playing the present policies now and then; absent: never"
    )
    environment_parameters: dict[str, Parameter] = Field(
        default_factory=dict, description="a number, a sampler or a curriculum by name"
    )
    checkpoint_settings: CheckpointSettings = Field(
        default_factory=CheckpointSettings, description="the run and what it starts from"
    )
    torch_settings: TorchSettings = Field(
        default_factory=TorchSettings, description="read because old files have it"
    )
    tf_settings: TFSettings = Field(default_factory=TFSettings, description="TensorFlow")
    stats_writers: tuple[str, ...] = Field(
        default=(), description="more than TensorBoard and CSV: wandb, mlflow or a plugin's"
    )
    debug: bool = Field(default=False, description="log more")

    @classmethod
    def hint(cls, key: str, value: Any) -> str:
        """A section that is not known is likely to be a behavior."""
        hint = super().hint(key, value)
        if isinstance(value, dict) and "Did you mean" not in hint:
            return f" If it is a behavior, write it under 'behaviors'.{hint}"
        return hint

    @field_validator("stats_writers")
    @classmethod
    def statistics_writers_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if plugins.find(plugins.WRITERS, name) is None:
                hint = near(name, plugins.names(plugins.WRITERS))
                raise ValueError(f"no such statistics writer (received '{name}').{hint}")
        return value

    @property
    def device(self) -> Literal["auto", "cpu", "gpu"]:
        """Where to train: `tf_settings.device`, or what `torch_settings.device` amounts to."""
        asked = self.torch_settings.device
        if self.tf_settings.device != "auto" or not asked:
            return self.tf_settings.device
        return "cpu" if asked.startswith("cpu") else "gpu"

    def for_behavior(self, name: str) -> BehaviorSettings:
        """The settings of a behavior of the environment; `Name?team=0` is looked up as `Name`.

        Raises:
            SettingsError: it is not listed, others are, and there are no default_settings.
        """
        known = self.behaviors.get(name) or self.behaviors.get(base_name(name))
        if known is not None:
            return known
        if self.default_settings is not None:
            return self.default_settings
        if not self.behaviors:
            return BehaviorSettings()
        listed = ", ".join(sorted(self.behaviors))
        hint = near(base_name(name), self.behaviors)
        raise SettingsError(
            f"the environment has behavior '{name}', but the configuration has only: {listed}."
            f"{hint if 'Did you mean' in hint else ''} "
            f"Add 'behaviors.{name}', or 'default_settings' for all that are not listed."
        )

    def trainer_name(self, behavior: str, made: Collection[str] = ()) -> str:
        """What the trainer of a behavior of the environment is called.

        With `self_play` all teams have one trainer, which is called as their behavior is without
        them. Otherwise each team has its own; team 0 need not be named.

        Args:
            behavior: as the environment has it.
            made: names of trainers of the run; earlier versions named team 0, too.
        """
        if behavior in made:
            return behavior
        shared = self.for_behavior(behavior).self_play is not None
        return base_name(behavior) if shared or team_of(behavior) == 0 else behavior
