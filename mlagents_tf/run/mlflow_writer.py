"""Statistics to MLflow (`stats_writers: [mlflow]`), by its own package."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import Any

from mlagents_tf.run.remote_writer import RemoteWriter, needed_package
from mlagents_tf.run.writers import kept_id
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import Histograms

EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
NOT_IN_A_NAME = re.compile(r"[^\w\-. :/]")


def mlflow_writer(settings: RunSettings) -> MLflowWriter:
    """The writer of a run; SettingsError if the package is not installed."""
    return MLflowWriter(needed_package("mlflow"), settings)


class MLflowWriter(RemoteWriter):
    """One MLflow run for a run here; the metrics of a behavior begin with its name.

    Args:
        mlflow: the package, or what has its `MlflowClient` and `entities.Metric`.
        settings: of the run, stored as the artifact `configuration.yaml`.
    """

    def __init__(self, mlflow: Any, settings: RunSettings) -> None:
        super().__init__(settings)
        self._mlflow = mlflow
        self._client: Any = None
        self._run_id = ""

    def _begin(self) -> None:
        client = self._client = self._mlflow.MlflowClient()
        self._run_id = kept_id(self._settings, "mlflow", self._created)
        client.update_run(self._run_id, status="RUNNING")
        client.log_text(self._run_id, dump_settings(self._settings), "configuration.yaml")

    def _log(
        self, behavior: str, step: int, means: Mapping[str, float], histograms: Histograms
    ) -> None:
        now = time.time_ns() // 1_000_000
        metrics = [
            self._mlflow.entities.Metric(
                NOT_IN_A_NAME.sub("_", f"{behavior}/{name}"), mean, now, step
            )
            for name, mean in means.items()
        ]
        self._client.log_batch(self._run_id, metrics=metrics)

    def _end(self) -> None:
        self._client.set_terminated(self._run_id)

    def _created(self) -> str:
        """A new run in the experiment that the environment variable names, or in MLflow's own."""
        name = os.environ.get(EXPERIMENT, "Default")
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        run = self._client.create_run(
            experiment, run_name=self._settings.checkpoint_settings.run_id
        )
        return str(run.info.run_id)
