"""Statistics writers: which are active, and Weights & Biases and MLflow without their packages."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.plugins import WRITERS
from mlagents_tf.run.csv_writer import CsvWriter
from mlagents_tf.run.mlflow_writer import MLflowWriter
from mlagents_tf.run.tensorboard import TensorBoardWriter
from mlagents_tf.run.wandb_writer import WandbWriter
from mlagents_tf.run.writers import make_writers
from mlagents_tf.settings.load import load_text
from mlagents_tf.stats import REWARD, ForgivingWriters, StatSummary
from tests.run.runs import CONFIG, arguments

SUMMARIES = {
    REWARD: StatSummary(mean=2.5, std=0.5, min=2.0, max=3.0, count=2, sum=5.0),
    "Is Training": StatSummary(1.0, 0.0, 1.0, 1.0, 1, 1.0),
}
HISTOGRAMS = {f"{REWARD}_hist": np.array([2.0, 3.0])}


class FakeRun:
    """Of W&B: keeps what it is told."""

    def __init__(self):
        self.metrics, self.logged, self.finished = [], [], False

    def define_metric(self, name, **keys):
        self.metrics.append((name, keys.get("step_metric")))

    def log(self, values):
        self.logged.append(values)

    def finish(self):
        self.finished = True


class FakeWandb:
    """The package: its `init` may fail."""

    def __init__(self, error=None):
        self.error, self.runs, self.asked = error, [], []

    def init(self, **keys):
        self.asked.append(keys)
        if self.error:
            raise self.error
        self.runs.append(FakeRun())
        return self.runs[-1]

    def Histogram(self, values):  # noqa: N802
        return ("histogram", values.tolist())


class FakeMLflow:
    """The package and its client: everything that is called, in order."""

    def __init__(self, experiments=("Default",)):
        self.calls, self.experiments = [], list(experiments)
        self.entities = SimpleNamespace(Metric=lambda *fields: fields)

    def MlflowClient(self):  # noqa: N802
        return self

    def get_experiment_by_name(self, name):
        found = name in self.experiments
        return SimpleNamespace(experiment_id=f"id of {name}") if found else None

    def create_experiment(self, name):
        self.experiments.append(name)
        return f"id of {name}"

    def create_run(self, experiment, run_name):
        self.calls.append(("create", experiment, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

    def update_run(self, run_id, status):
        self.calls.append(("update", run_id, status))

    def log_text(self, run_id, text, name):
        self.calls.append(("text", run_id, name))

    def log_batch(self, run_id, metrics):
        self.calls.append(
            ("batch", run_id, [(name, value, step) for name, value, _, step in metrics])
        )

    def set_terminated(self, run_id):
        self.calls.append(("end", run_id))


def settings(folder, resume="false", more=""):
    return load_text(
        f"checkpoint_settings: {{results_dir: {folder}, run_id: first, resume: {resume}}}\n{more}"
    ).settings


def test_a_run_writes_events_and_tables_and_nothing_else(tmp_path):
    assert [type(w) for w in make_writers(settings(tmp_path))] == [TensorBoardWriter, CsvWriter]


def test_others_are_active_where_the_file_names_them(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb())
    asked = settings(tmp_path, more="stats_writers: [wandb, csv]")
    assert [type(w) for w in make_writers(asked)] == [TensorBoardWriter, CsvWriter, WandbWriter]


def test_an_unknown_writer_is_answered_with_a_near_name():
    with pytest.raises(SettingsError, match=r"stats_writers: no such statistics writer \(received "
                       r"'wandbb'\). Did you mean 'wandb'\?"):  # fmt: skip
        load_text("stats_writers: [wandbb]")


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_named_before_a_run_begins(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, name, None)
    text = CONFIG + f"stats_writers: [{name}]\n"
    assert main(arguments(tmp_path, text=text)) == 2
    said = capsys.readouterr().err
    assert f"stats_writers: {name} needs its package (" in said
    assert f"install it with: pip install 'mlagents-tf[{name}]'" in said


def test_wandb_gets_the_means_of_each_behavior_against_its_own_steps(tmp_path):
    package = FakeWandb()
    writer = WandbWriter(package, settings(tmp_path))
    writer.write("Ball", 100, SUMMARIES, HISTOGRAMS)
    writer.write("Ball", 200, SUMMARIES, {})
    writer.close()
    (run,) = package.runs
    assert run.metrics == [("Ball/Step", None), ("Ball/*", "Ball/Step")]
    assert run.logged == [
        {
            "Ball/Step": 100,
            f"Ball/{REWARD}": 2.5,
            f"Ball/{REWARD}_hist": ("histogram", [2.0, 3.0]),
        },
        {"Ball/Step": 200, f"Ball/{REWARD}": 2.5},
    ]
    assert run.finished
    assert package.asked[0]["name"] == "first"
    assert package.asked[0]["config"]["checkpoint_settings"]["run_id"] == "first"


def test_wandb_goes_on_with_the_run_that_is_resumed(tmp_path):
    package = FakeWandb()
    for resume in ("false", "true", "false"):
        WandbWriter(package, settings(tmp_path, resume)).write("Ball", 100, SUMMARIES, {})
    first, resumed, anew = (asked["id"] for asked in package.asked)
    assert first == resumed != anew


def test_mlflow_gets_the_means_and_the_configuration(tmp_path):
    package = FakeMLflow()
    writer = MLflowWriter(package, settings(tmp_path))
    writer.write("Ball?team=0", 100, SUMMARIES, HISTOGRAMS)
    writer.close()
    assert package.calls == [
        ("create", "id of Default", "first"),
        ("update", "abc", "RUNNING"),
        ("text", "abc", "configuration.yaml"),
        ("batch", "abc", [(f"Ball_team_0/{REWARD}", 2.5, 100)]),
        ("end", "abc"),
    ]
    kept = tmp_path / "first" / "run_logs" / "mlflow.json"
    assert json.loads(kept.read_text()) == {"id": "abc"}


def test_mlflow_makes_the_experiment_of_the_environment_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "balls")
    package = FakeMLflow()
    MLflowWriter(package, settings(tmp_path)).write("Ball", 100, SUMMARIES, {})
    MLflowWriter(package, settings(tmp_path, "true")).write("Ball", 200, SUMMARIES, {})
    assert package.experiments == ["Default", "balls"]
    assert [call[:2] for call in package.calls if call[0] == "create"] == [
        ("create", "id of balls")
    ]


def test_a_service_that_fails_costs_one_warning_and_is_left_alone(tmp_path):
    package, said = FakeWandb(OSError("no network")), []
    writers = ForgivingWriters([WandbWriter(package, settings(tmp_path))], said.append, pause=0.0)
    for step in (100, 200, 300):
        writers.write("Ball", step, SUMMARIES, {})
    writers.close()
    assert said == [
        "WandbWriter could not write the statistics of Ball at step 100: no network. "
        "Training goes on."
    ]
    assert len(package.asked) == 1


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Makes a package with a writer importable."""

    def make(source):
        info = tmp_path / "noting-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noting\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{WRITERS}]\nnotes = noting_writer:make\n")
        (tmp_path / "noting_writer.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)

    yield make
    sys.modules.pop("noting_writer", None)


def test_a_writer_of_a_package_sees_every_summary(install, tmp_path, monkeypatch):
    install(
        "class Notes:\n"
        "    def __init__(self, path): self.path = path\n"
        "    def write(self, behavior, step, summaries, histograms):\n"
        "        with self.path.open('a') as file: file.write(f'{behavior} {step}\\n')\n"
        "    def close(self): pass\n"
        "def make(settings): return Notes(settings.checkpoint_settings.run_dir / 'notes.txt')\n"
    )
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
    text = CONFIG.replace("max_steps: 1000", "max_steps: 200") + "stats_writers: [notes]\n"
    assert main(arguments(tmp_path, text=text)) == 0
    notes = tmp_path / "results" / "r" / "notes.txt"
    assert notes.read_text().splitlines() == ["toy-discrete 100", "toy-discrete 200"]


def test_a_writer_that_cannot_be_made_is_named_with_its_package(install, tmp_path):
    install("def make(settings): raise ValueError('no account')")
    asked = settings(tmp_path, more="stats_writers: [notes]")
    with pytest.raises(SettingsError, match=r"writer 'notes' of the package noting could not be "
                       r"made: ValueError: no account\. Take it out of stats_writers"):  # fmt: skip
        make_writers(asked)
