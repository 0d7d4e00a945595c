"""Demonstrations that a run will learn from, opened before anything expensive is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from mlagents_tf.data.demos import open_demos
from mlagents_tf.envs.registry import list_envs
from mlagents_tf.errors import DataError
from mlagents_tf.settings.bc import BCSettings
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.specs import Spec


def check_demonstrations(settings: RunSettings) -> None:
    """Opens every demonstration that may be learned from; only heads are read.

    Raises:
        DataError: one is missing, damaged at its head, foreign, or of an older format; names the
            key and the file.
    """
    for section, behavior in trainable(settings).items():
        for key, demonstration in demonstrations(behavior):
            # Absolute, because the directory a relative path begins in is often not the expected.
            path = Path(demonstration.demo_path).absolute()
            try:
                open_demos([path])
            except DataError as error:
                where = f"{section}.{key}.demo_path"
                raise DataError(f"{where}: {error}{hint(demonstration.demo_path, path)}") from None


def without_env(settings: RunSettings) -> bool:
    """Whether everything is learned from demonstrations, so that there is nothing to act in."""
    chosen = settings.checkpoint_settings
    every = settings.behaviors.values()
    return bool(every) and not chosen.inference and all(b.trainer_type == "bc" for b in every)


def demonstrated_specs(settings: RunSettings) -> dict[str, Spec]:
    """Specs of behaviors that are learned from demonstrations alone, as their files have them."""
    return {
        name: open_demos([Path(cast(BCSettings, behavior.hyperparameters).demo_path)])[0].spec
        for name, behavior in settings.behaviors.items()
    }


def trainable(settings: RunSettings) -> Mapping[str, BehaviorSettings]:
    """Sections whose behavior the environment has, or might have if it is not an embedded one."""
    listed = {f"behaviors.{name}": behavior for name, behavior in settings.behaviors.items()}
    default = settings.default_settings
    others = {} if default is None else {"default_settings": default}
    embedded = {row.name: row.behaviors for row in list_envs(toys=True)}
    names = embedded.get(settings.env_settings.env_path or "")
    if names is None:
        return listed | others
    keys = {f"behaviors.{name.partition('?')[0]}" for name in names}
    own = {key: section for key, section in listed.items() if key.partition("?")[0] in keys}
    return own if keys <= set(own) else own | others


def demonstrations(behavior: BehaviorSettings) -> Iterator[tuple[str, DemonstrationSettings]]:
    """What a behavior learns from, with the path below the behavior."""
    sections = {
        "hyperparameters": behavior.hyperparameters,
        **{f"reward_signals.{name}": signal for name, signal in behavior.reward_signals.items()},
        "behavioral_cloning": behavior.behavioral_cloning,
    }
    for key, section in sections.items():
        if isinstance(section, DemonstrationSettings):
            yield key, section


def hint(given: str, path: Path) -> str:
    """Where a relative path that leads nowhere was looked for."""
    if path.exists() or Path(given).is_absolute():
        return ""
    return f" '{given}' is relative to the working directory, not to the configuration."
