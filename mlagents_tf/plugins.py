"""What this package and others bring under a name, by entry points: found here, and imported late.

Everything goes this way, what is built in too. setup.py declares it like any package does;
`BUILT_IN` says the same once more (a test compares them), because a checkout may run with the
metadata of an earlier installation or with none, and because looking through all installed packages
takes ten milliseconds, which only a name that is not ours needs to cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple, TypeVar

from mlagents_tf.errors import SettingsError

Kind = TypeVar("Kind")

TRAINERS = "mlagents_tf.trainers"
TRAINER_SETTINGS = "mlagents_tf.trainer_settings"
SIGNALS = "mlagents_tf.reward_signals"
SIGNAL_SETTINGS = "mlagents_tf.reward_signal_settings"
ENCODERS = "mlagents_tf.encoders"
WRITERS = "mlagents_tf.stats_writers"

OURS = "mlagents-tf"

KINDS: Mapping[str, str] = {
    TRAINERS: "trainer",
    TRAINER_SETTINGS: "trainer",
    SIGNALS: "reward signal",
    SIGNAL_SETTINGS: "reward signal",
    ENCODERS: "encoder",
    WRITERS: "statistics writer",
}
"""What messages call an entry of each group."""

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    TRAINERS: {
        "ppo": "mlagents_tf.trainers.ppo:PPOTrainer",
        "sac": "mlagents_tf.trainers.sac:SACTrainer",
        "poca": "mlagents_tf.trainers.poca:POCATrainer",
        "bc": "mlagents_tf.trainers.bc:BCTrainer",
    },
    TRAINER_SETTINGS: {
        "ppo": "mlagents_tf.settings.ppo:PPOSettings",
        "sac": "mlagents_tf.settings.sac:SACSettings",
        "poca": "mlagents_tf.settings.ppo:POCASettings",
        "bc": "mlagents_tf.settings.bc:BCSettings",
    },
    SIGNALS: {
        "extrinsic": "mlagents_tf.rewards.extrinsic:ExtrinsicReward",
        "curiosity": "mlagents_tf.rewards.curiosity:CuriosityReward",
        "gail": "mlagents_tf.rewards.gail:GAILReward",
        "rnd": "mlagents_tf.rewards.rnd:RNDReward",
    },
    SIGNAL_SETTINGS: {
        "extrinsic": "mlagents_tf.settings.rewards:ExtrinsicSettings",
        "curiosity": "mlagents_tf.settings.rewards:CuriositySettings",
        "gail": "mlagents_tf.settings.rewards:GAILSettings",
        "rnd": "mlagents_tf.settings.rewards:RNDSettings",
    },
    ENCODERS: {
        "simple": "mlagents_tf.nn.encoders:SimpleEncoder",
        "nature_cnn": "mlagents_tf.nn.encoders:NatureEncoder",
        "resnet": "mlagents_tf.nn.encoders:ResNetEncoder",
        "match3": "mlagents_tf.nn.encoders:Match3Encoder",
        "fully_connected": "mlagents_tf.nn.encoders:FullyConnectedEncoder",
    },
    WRITERS: {
        "tensorboard": "mlagents_tf.run.writers:tensorboard",
        "csv": "mlagents_tf.run.writers:csv",
        "wandb": "mlagents_tf.run.wandb_writer:wandb_writer",
        "mlflow": "mlagents_tf.run.mlflow_writer:mlflow_writer",
    },
}


class Plugin(NamedTuple):
    """An entry point: where something stands, and which package says so.

    Attributes:
        group: one of the groups above.
        name: as a configuration names it.
        value: `package.module:attribute`.
        package: its distribution.
    """

    group: str
    name: str
    value: str
    package: str

    def load(self, where: str = "") -> Any:
        """Imports what it names.

        Args:
            where: begins the error; the kind and name by default.

        Raises:
            SettingsError: it cannot be imported, for whatever reason.
        """
        try:
            return EntryPoint(self.name, self.value, self.group).load()
        except Exception as error:  # whatever a foreign module does when it is imported
            reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
            raise SettingsError(
                f"{self._says(where)}, which cannot be imported: {reason}. "
                "Repair or uninstall the package."
            ) from error

    def load_class(self, base: type[Kind]) -> type[Kind]:
        """The same, for a subclass of `base`.

        Raises:
            SettingsError: it cannot be imported, or is something else.
        """
        found = self.load()
        if not (isinstance(found, type) and issubclass(found, base)):
            raise SettingsError(
                f"{self._says()}, which is not a subclass of {base.__module__}.{base.__name__}. "
                "Repair or uninstall the package."
            )
        return found

    def _says(self, where: str = "") -> str:
        where = where or f"{KINDS[self.group]} '{self.name}'"
        return f"{where}: the package {self.package} says it is {self.value}"


def find(group: str, name: str) -> Plugin | None:
    """Who brings `name`, without importing it; None: nobody. What is built in wins.

    Raises:
        SettingsError: several packages do; names them.
    """
    if name in BUILT_IN[group]:
        return Plugin(group, name, BUILT_IN[group][name], OURS)
    found = [plugin for plugin in _of_others(group) if plugin.name == name]
    if len(found) > 1:
        packages = " and ".join(sorted(plugin.package for plugin in found))
        raise SettingsError(
            f"{KINDS[group]} '{name}': the packages {packages} all bring one (entry points of "
            f"{group}), and nothing says which is meant. Uninstall all but one of them."
        )
    return found[0] if found else None


def class_for_settings(group: str, name: str, base: type[Kind]) -> type[Kind]:
    """The class that goes with settings of this name, which a file has been read with.

    Raises:
        SettingsError: nobody brings it, or its package cannot be used.
    """
    plugin = find(group, name)
    if plugin is None:
        raise SettingsError(
            f"{KINDS[group]} '{name}': its package has settings for it, but no entry point of the "
            f"group {group} with this name, which would be its class."
        )
    return plugin.load_class(base)


def names(group: str) -> list[str]:
    """All names, those that are built in first; no package is imported."""
    others = {plugin.name for plugin in _of_others(group)}
    return [*BUILT_IN[group], *sorted(others - BUILT_IN[group].keys())]


def every(group: str) -> list[Plugin]:
    """All that any package declares, ours first, those that lose to others included."""
    ours = [Plugin(group, name, value, OURS) for name, value in BUILT_IN[group].items()]
    return [*ours, *sorted(_of_others(group), key=lambda plugin: (plugin.name, plugin.package))]


def built_in(group: str, base: type[Kind]) -> dict[str, type[Kind]]:
    """The classes of this package by name, imported."""
    return {
        plugin.name: plugin.load_class(base) for plugin in every(group) if plugin.package == OURS
    }


def _of_others(group: str) -> list[Plugin]:
    return [
        Plugin(group, point.name, point.value, point.dist.name if point.dist else "?")
        for point in entry_points(group=group)
        if point.dist is None or point.dist.name != OURS
    ]
