"""Statistics to MLflow (`stats_writers: [mlflow]`), by its own package."""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from mlagents_tf.errors import SettingsError
from mlagents_tf.run.writers import kept_id
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import NOT_WRITTEN, Histograms, StatSummary

EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
NOT_IN_A_NAME = re.compile(r"[^\w\-. :/]")


def mlflow_writer(settings: RunSettings) -> MLflowWriter:
    """The writer of a run.

    Raises:
        SettingsError: the package is not installed.
    """
    try:
        mlflow = importlib.import_module("mlflow")
    except ImportError as error:
        raise SettingsError(
            f"stats_writers: mlflow needs its package ({error}); "
            "install it with: pip install 'mlagents-tf[mlflow]'"
        ) from error
    return MLflowWriter(mlflow, settings)


class MLflowWriter:
    """One MLflow run for a run here; the metrics of a behavior begin with its name.

    It is begun when there is something to write. If that fails, it is not tried again: training
    would wait for the network at every summary.

    Args:
        mlflow: the package, or what has its `MlflowClient` and `entities.Metric`.
        settings: of the run, stored as the artifact `configuration.yaml`.
    """

    def __init__(self, mlflow: Any, settings: RunSettings) -> None:
        self._mlflow = mlflow
        self._settings = settings
        self._client: Any = None
        self._run_id = ""
        self._tried = False

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Log the means of a behavior; MLflow has no histograms."""
        if not self._tried:
            self._tried = True
            self._begin()
        if not self._run_id:
            return
        now = time.time_ns() // 1_000_000
        metrics = [
            self._mlflow.entities.Metric(
                NOT_IN_A_NAME.sub("_", f"{behavior}/{name}"), summary.mean, now, step
            )
            for name, summary in summaries.items()
            if name not in NOT_WRITTEN
        ]
        self._client.log_batch(self._run_id, metrics=metrics)

    def close(self) -> None:
        """Say that the run has ended."""
        if self._run_id:
            self._client.set_terminated(self._run_id)

    def _begin(self) -> None:
        client = self._client = self._mlflow.MlflowClient()
        run_id = kept_id(self._settings, "mlflow", self._created)
        client.update_run(run_id, status="RUNNING")
        client.log_text(run_id, dump_settings(self._settings), "configuration.yaml")
        self._run_id = run_id

    def _created(self) -> str:
        """A new run in the experiment that the environment variable names, or in MLflow's own."""
        name = os.environ.get(EXPERIMENT, "Default")
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        run = self._client.create_run(
            experiment, run_name=self._settings.checkpoint_settings.run_id
        )
        return str(run.info.run_id)
