"""Statistics to Weights & Biases (`stats_writers: [wandb]`), by its own package."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Any

import yaml

from mlagents_tf.run.remote_writer import RemoteWriter, needed_package
from mlagents_tf.run.writers import kept_id
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import Histograms


def wandb_writer(settings: RunSettings) -> WandbWriter:
    """The writer of a run; SettingsError if the package is not installed."""
    return WandbWriter(needed_package("wandb"), settings)


class WandbWriter(RemoteWriter):
    """One run at Weights & Biases for a run here; the tags of a behavior stand below its name.

    Args:
        wandb: the package, or what has its `init` and `Histogram`.
        settings: of the run; what W&B calls its config.
    """

    def __init__(self, wandb: Any, settings: RunSettings) -> None:
        super().__init__(settings)
        self._wandb = wandb
        self._run: Any = None
        self._behaviors: set[str] = set()

    def _begin(self) -> None:
        chosen = self._settings.checkpoint_settings
        self._run = self._wandb.init(
            id=kept_id(self._settings, "wandb", lambda: uuid.uuid4().hex[:12]),
            resume="allow",
            name=chosen.run_id,
            dir=str(chosen.run_dir),
            config=yaml.safe_load(dump_settings(self._settings)),
        )

    def _log(
        self, behavior: str, step: int, means: Mapping[str, float], histograms: Histograms
    ) -> None:
        axis = f"{behavior}/Step"  # each behavior has steps of its own
        if behavior not in self._behaviors:
            self._behaviors.add(behavior)
            self._run.define_metric(axis, hidden=True)
            self._run.define_metric(f"{behavior}/*", step_metric=axis)
        finite = {f"{behavior}/{name}": mean for name, mean in means.items() if math.isfinite(mean)}
        shapes = {
            f"{behavior}/{name}": self._wandb.Histogram(values)
            for name, values in histograms.items()
        }
        self._run.log({axis: step, **finite, **shapes})

    def _end(self) -> None:
        self._run.finish()
