"""Trainers by their `trainer_type`, and all plugins as `mlagents-tf plugins` lists them."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from mlagents_tf import plugins
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.encoders import ImageEncoder
from mlagents_tf.plugins import Plugin
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.ppo import HyperparameterSettings
from mlagents_tf.settings.rewards import RewardSignalSettings
from mlagents_tf.specs import Spec
from mlagents_tf.trainers.trainer import Trainer

BASES: dict[str, Any] = {
    plugins.TRAINERS: Trainer,
    plugins.TRAINER_SETTINGS: HyperparameterSettings,
    plugins.SIGNALS: RewardSignal,
    plugins.SIGNAL_SETTINGS: RewardSignalSettings,
    plugins.ENCODERS: ImageEncoder,
}
"""What an entry of a group is a subclass of; statistics writers are made by any function."""


class Listed(NamedTuple):
    """An entry, and why it cannot be used; empty if it can."""

    plugin: Plugin
    problem: str


def make_trainer(behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> Trainer:
    """The trainer that `settings.trainer_type` names.

    Raises:
        SettingsError: an observation is of no kind that networks see, or the package that brings
            the trainer cannot be used.
    """
    for k, seen in enumerate(spec.observations):
        if not (seen.is_vector or seen.is_image or seen.is_entities):
            raise SettingsError(
                f"behavior {behavior}: observation {k} has shape {list(seen.shape)}, but networks "
                "see vectors, images and lists of entities; flatten it, or leave it out."
            )
    return trainer_class(settings.trainer_type)(behavior, spec, settings, seed)


def trainer_class(name: str) -> type[Trainer]:
    """The class of a trainer whose settings are known."""
    return plugins.class_for_settings(plugins.TRAINERS, name, Trainer)  # type: ignore[type-abstract]


def list_plugins() -> list[Listed]:
    """Every entry of every group; all are imported to see whether that works."""
    return [
        Listed(plugin, problem)
        for group in plugins.BUILT_IN
        for found in [plugins.every(group)]
        for plugin, problem in zip(found, _problems(found), strict=True)
    ]


def _problems(found: list[Plugin]) -> list[str]:
    """Of all entries of one group."""
    count = Counter(plugin.name for plugin in found)
    problems = []
    for plugin in found:
        built_in = plugin.name in plugins.BUILT_IN[plugin.group]
        if built_in and plugin.package != plugins.OURS:
            problems.append("not used: the name is that of one that is built in")
        elif not built_in and count[plugin.name] > 1:
            problems.append("not used: several packages bring this name")
        else:
            problems.append(_problem(plugin))
    return problems


def _problem(plugin: Plugin) -> str:
    try:
        if plugin.group in BASES:
            plugin.load_class(BASES[plugin.group])
        elif not callable(plugin.load()):
            return f"{plugin.value} cannot be called"
    except SettingsError as error:
        return str(error)
    return ""
