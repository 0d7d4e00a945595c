"""Statistics to Weights & Biases (`stats_writers: [wandb]`), by its own package."""

from __future__ import annotations

import importlib
import math
import uuid
from collections.abc import Mapping
from typing import Any

import yaml

from mlagents_tf.errors import SettingsError
from mlagents_tf.run.writers import kept_id
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import NOT_WRITTEN, Histograms, StatSummary


def wandb_writer(settings: RunSettings) -> WandbWriter:
    """The writer of a run.

    Raises:
        SettingsError: the package is not installed.
    """
    try:
        wandb = importlib.import_module("wandb")
    except ImportError as error:
        raise SettingsError(
            f"stats_writers: wandb needs its package ({error}); "
            "install it with: pip install 'mlagents-tf[wandb]'"
        ) from error
    return WandbWriter(wandb, settings)


class WandbWriter:
    """One run at Weights & Biases for a run here; the tags of a behavior stand below its name.

    It is begun when there is something to write. If that fails, it is not tried again: training
    would wait for the network at every summary.

    Args:
        wandb: the package, or what has its `init` and `Histogram`.
        settings: of the run; what W&B calls its config.
    """

    def __init__(self, wandb: Any, settings: RunSettings) -> None:
        self._wandb = wandb
        self._settings = settings
        self._run: Any = None
        self._tried = False
        self._behaviors: set[str] = set()

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Log the means and histograms of a behavior against steps of its own."""
        if not self._tried:
            self._tried = True
            self._run = self._begin()
        if self._run is None:
            return
        axis = f"{behavior}/Step"
        if behavior not in self._behaviors:
            self._behaviors.add(behavior)
            self._run.define_metric(axis, hidden=True)
            self._run.define_metric(f"{behavior}/*", step_metric=axis)
        means = {
            f"{behavior}/{name}": summary.mean
            for name, summary in summaries.items()
            if name not in NOT_WRITTEN and math.isfinite(summary.mean)
        }
        shapes = {
            f"{behavior}/{name}": self._wandb.Histogram(values)
            for name, values in histograms.items()
        }
        self._run.log({axis: step, **means, **shapes})

    def close(self) -> None:
        """Send what is left."""
        if self._run is not None:
            self._run.finish()

    def _begin(self) -> Any:
        chosen = self._settings.checkpoint_settings
        return self._wandb.init(
            id=kept_id(self._settings, "wandb", lambda: uuid.uuid4().hex[:12]),
            resume="allow",
            name=chosen.run_id,
            dir=str(chosen.run_dir),
            config=yaml.safe_load(dump_settings(self._settings)),
        )
