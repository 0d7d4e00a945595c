"""What writers to a service of somebody else's have in common."""

from __future__ import annotations

import abc
import importlib
from collections.abc import Mapping
from typing import Any

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import NOT_WRITTEN, Histograms, StatSummary


def needed_package(name: str) -> Any:
    """The package `name`, which is the name of a writer and of an extra, too.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingsError(
            f"stats_writers: {name} needs its package ({error}); "
            f"install it with: pip install 'mlagents-tf[{name}]'"
        ) from error


class RemoteWriter(abc.ABC):
    """A run at a service, which is begun when there is something to write.

    If that fails, it is not tried again: training would wait for the network at every summary.

    Args:
        settings: of the run.
    """

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._tried = self._begun = False

    @abc.abstractmethod
    def _begin(self) -> None:
        """Begin the run, or go on with it."""

    @abc.abstractmethod
    def _log(
        self, behavior: str, step: int, means: Mapping[str, float], histograms: Histograms
    ) -> None:
        """Send statistics by tag, of a behavior at one of its steps."""

    @abc.abstractmethod
    def _end(self) -> None:
        """Say that the run has ended, and send what is left."""

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Send the means of a behavior, and histograms where the service has them."""
        if not self._tried:
            self._tried = True
            self._begin()
            self._begun = True
        if self._begun:
            means = {
                name: summary.mean for name, summary in summaries.items() if name not in NOT_WRITTEN
            }
            self._log(behavior, step, means, histograms)

    def close(self) -> None:
        """End the run, if it was begun."""
        if self._begun:
            self._end()
