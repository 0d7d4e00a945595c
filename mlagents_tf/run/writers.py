"""Who writes statistics down: what every run has, and what `stats_writers` asks for."""

from __future__ import annotations

from collections.abc import Callable

from mlagents_tf import plugins
from mlagents_tf.errors import MlagentsTfError, SettingsError
from mlagents_tf.plugins import Plugin
from mlagents_tf.run.csv_writer import CsvWriter
from mlagents_tf.run.storage import load_json, make_directory, save_json
from mlagents_tf.run.tensorboard import TensorBoardWriter
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import StatsWriter

ALWAYS = ("tensorboard", "csv")
"""The others may send statistics to another machine, which a run does only if it is told to."""


def make_writers(settings: RunSettings) -> list[StatsWriter]:
    """One for each name; nothing is written yet.

    Raises:
        SettingsError: a package that one of them needs is not there, or cannot be used.
    """
    names = dict.fromkeys((*ALWAYS, *settings.stats_writers))
    found = [plugins.find(plugins.WRITERS, name) for name in names]
    return [_made(plugin, settings) for plugin in found if plugin is not None]


def _made(plugin: Plugin, settings: RunSettings) -> StatsWriter:
    make = plugin.load()
    try:
        writer: StatsWriter = make(settings)
    except MlagentsTfError:
        raise
    except Exception as error:  # whatever a foreign function does
        raise SettingsError(
            f"statistics writer '{plugin.name}' of the package {plugin.package} could not be made: "
            f"{type(error).__name__}: {error}. Take it out of stats_writers, or repair the package."
        ) from error
    return writer


def tensorboard(settings: RunSettings) -> StatsWriter:
    """Event files."""
    return TensorBoardWriter(settings.checkpoint_settings.run_dir)


def csv(settings: RunSettings) -> StatsWriter:
    """Tables."""
    return CsvWriter(settings.checkpoint_settings.run_dir)


def kept_id(settings: RunSettings, service: str, make: Callable[[], str]) -> str:
    """Under which id a service knows this run: the one of before where a run is resumed.

    Args:
        settings: of the run.
        service: names the file that keeps it, `run_logs/<service>.json`.
        make: a new one, for a run that begins.
    """
    logs = settings.checkpoint_settings.run_logs_dir
    path = logs / f"{service}.json"
    if settings.checkpoint_settings.resume and path.is_file():
        return str(load_json(path)["id"])
    made = make()
    make_directory(logs)
    save_json(path, {"id": made})
    return made
