"""A run that was stopped and resumed is the run that was never stopped, bit for bit."""

import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.toy import DiscreteLine, HybridLine, LineWorld
from mlagents_tf.run import learn as learn_module
from tests.rewards.signals import write_demo
from tests.run.exact import differences, run_until, traces
from tests.run.runs import TwoWorlds

ROOT = Path(__file__).parents[2]

PPO = """
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 64, buffer_size: 600, num_epoch: 2}
  network_settings: {hidden_units: 32, num_layers: 2, normalize: true}
  max_steps: 3000
  time_horizon: 40
  summary_freq: 250
  checkpoint_interval: 700
"""


SAC = """
default_settings:
  trainer_type: sac
  hyperparameters:
    batch_size: 32
    buffer_size: 1000
    buffer_init_steps: 200
    steps_per_update: 30
    save_replay_buffer: true
    critic: {critic}
  network_settings: {{hidden_units: 16, num_layers: 1, normalize: true}}
  max_steps: 3000
  summary_freq: 250
  checkpoint_interval: 700
"""
VALUE_TARGET, Q_TARGET = SAC.format(critic="value_target"), SAC.format(critic="q_target")
STATE = tuple(f"trainer.npz:{part}/" for part in ("network", "optimizer", "memory/agents"))
LEARNED = """
  reward_signals:
    extrinsic: {strength: 1.0}
    gail:
      demo_path: DEMO
      use_actions: true
      use_vail: true
      network_settings: {hidden_units: 8, num_layers: 1, normalize: true}
    curiosity: {strength: 0.1, network_settings: {hidden_units: 8, num_layers: 1, normalize: true}}
    rnd: {strength: 0.1, network_settings: {hidden_units: 8, num_layers: 1, normalize: true}}
  behavioral_cloning: {demo_path: DEMO, steps: 2500, batch_size: 16}
"""
SIGNALS = (
    *(f"trainer.npz:signals/{name}/network/" for name in ("gail", "curiosity", "rnd")),
    *(f"trainer.npz:signals/{name}/optimizer/" for name in ("gail", "curiosity", "rnd")),
    "trainer.npz:signals/gail/network/bottleneck/bottleneck/beta",
    "trainer.npz:cloning/",
)
MEMORY = ("normalize: true}", "normalize: true, memory: {memory_size: 8, sequence_length: 8}}")
REMEMBERED = ("trainer.npz:memory/agents/columns/memories",)
REPLAY = tuple(f"replay.hdf5:{column}" for column in ("obs_0", "rewards", "next"))


class Case(NamedTuple):
    """A run of `areas` areas.

    Attributes:
        parts: beginnings of names that the arrays of a checkpoint must have.
        stop: falls between two updates, with episodes and memory unfinished.
        beside: the same as `parts`, of what is no trainer's.
        agents: that an area begins with.
    """

    name: str
    config: str
    env: str
    areas: int
    parts: tuple[str, ...] = (*STATE, "trainer.npz:memory/rows/obs_0")
    stop: int = 1500
    beside: tuple[str, ...] = ()
    agents: int = 1

    def __str__(self) -> str:
        return self.name

    @property
    def tick(self) -> int:
        """The environment step that leads to `stop`."""
        return self.stop // (self.areas * self.agents)


CASES = [
    Case("ppo-continuous", PPO, "3DBall", 12),
    Case("ppo-discrete", PPO, "GridWorldVector", 9),
    Case("ppo-hybrid", PPO, "toy-hybrid", 5),
    Case("sac-continuous", Q_TARGET, "3DBall", 12, STATE + REPLAY),
    Case("sac-discrete", VALUE_TARGET, "GridWorldVector", 9, STATE + REPLAY),
    Case("sac-hybrid", VALUE_TARGET, "toy-hybrid", 5, STATE + REPLAY),
    Case(
        "poca-memory",
        PPO.replace("trainer_type: ppo", "trainer_type: poca").replace(*MEMORY),
        "DungeonEscape",
        4,
        (*STATE, *REMEMBERED, "trainer.npz:memory/rows/memories", "trainer.npz:memory/groups"),
        agents=3,
    ),
    Case("ppo-signals", PPO + LEARNED, "toy-hybrid", 5, STATE + SIGNALS),
    Case(
        "ppo-memory",
        PPO.replace(*MEMORY),
        "toy-memory",
        5,
        (*STATE, *REMEMBERED, "trainer.npz:memory/rows/memories"),
    ),
    Case(
        "sac-memory",
        VALUE_TARGET.replace(*MEMORY),
        "toy-memory",
        5,
        (*STATE, *REMEMBERED, *REPLAY, "replay.hdf5:memories", "replay.hdf5:begins"),
    ),
    Case("sac-signals", Q_TARGET + LEARNED, "toy-hybrid", 5, STATE + REPLAY + SIGNALS),
]
# in its second lesson when it is stopped, with returns that the next one counts
LESSONS = (
    PPO
    + """
environment_parameters:
  gravity: {sampler_type: gaussian, sampler_parameters: {mean: 9.81, st_dev: 2}}
  scale:
    curriculum:
      - name: small
        value: 0.5
        completion_criteria: {behavior: 3DBall, threshold: -5, min_lesson_length: 20}
      - name: mixed
        value: {sampler_type: uniform, sampler_parameters: {min_value: 0.5, max_value: 1.5}}
        completion_criteria: {behavior: 3DBall, threshold: -5, min_lesson_length: 100}
      - {name: large, value: 2}
"""
)
CASES.append(Case("ppo-lessons", LESSONS, "3DBall", 12))
# the teams have changed places once when it is stopped; opponents remember what they saw
SELF_PLAY = PPO.replace(*MEMORY) + (
    "  self_play: {save_steps: 200, team_change: 1100, swap_steps: 130, window: 3}\n"
)
OPPONENTS = (
    "self_play.npz:ladders/Tennis/snapshots/2/",
    "self_play.npz:ladders/Tennis/memories/Tennis?team=0/columns/memories",
    "self_play.npz:matches/Tennis?team=1/",
    "self_play.json",
)
CASES.append(Case("ppo-self-play", SELF_PLAY, "Tennis", 12, (*STATE, *REMEMBERED), 1500, OPPONENTS))
by_name = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(params=["graph", pytest.param("xla", marks=pytest.mark.slow)])
def mode(request, monkeypatch):
    """How updates are compiled."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", request.param)
    return request.param


@pytest.fixture(autouse=True)
def nothing_is_exported(monkeypatch):
    monkeypatch.setattr(learn_module, "export_trainer", lambda *_: "nothing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exact")


@pytest.fixture(scope="module")
def in_one_go(folder):
    """The traces of a run that is never stopped, by case and mode; each is trained once."""

    @cache
    def trained(case, mode):
        run_id = f"{case.name}-{mode}"
        assert main(arguments(case, folder, run_id=run_id)) == 0
        return traces(folder / "results" / run_id)

    return trained


def arguments(case, folder, *more, run_id="r"):
    config = folder / f"{case.name}.yaml"
    demo = folder / "expert.demo"
    if "DEMO" in case.config and not demo.exists():
        write_demo(folder, HybridLine.spec)
    config.write_text(case.config.replace("DEMO", str(demo)))
    return [
        *("learn", str(config), "--env", case.env, "--num-areas", str(case.areas)),
        *("--results-dir", str(folder / "results"), "--run-id", run_id, "--seed", "7", *more),
    ]


def check_it_resumes_exactly(case, folder, expected, capsys):
    capsys.readouterr()
    assert main(arguments(case, folder, "--resume")) == 0
    assert "not exact" not in capsys.readouterr().out
    assert differences(expected, traces(folder / "results" / "r")) == []


@by_name
def test_the_traces_that_are_compared_are_all_there(case, in_one_go, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    found = in_one_go(case, "graph")
    rows = found[f"{case.env}/statistics.csv"].splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(250, 3001, 250))
    events = found[f"{case.env}/events"]
    updates = [step for step, tag, _ in events if tag == "Losses/Policy Loss"]
    assert updates == sorted(set(updates))
    assert updates[0] < case.stop < updates[-1]
    for part in case.parts:
        assert any(name.startswith(f"{case.env}/{part}") for name in found)
    for part in case.beside:
        assert any(name.startswith(part) for name in found)
    assert found[f"{case.env}/trainer.json"].keys() >= {"steps", "generator"}
    assert found["run.json"].keys() >= {"steps", "statistics"}
    assert {"env.json", "env.npz:/ids"} <= found.keys()


@by_name
def test_stopping_at_a_step_changes_nothing(case, mode, tmp_path, in_one_go, capsys):
    assert main(arguments(case, tmp_path, "--stop-at", str(case.stop))) == 0
    check_it_resumes_exactly(case, tmp_path, in_one_go(case, mode), capsys)


def one_and_the_rest_slow(**kinds):
    """Parameters (case, *kind), of which only the first are in the default suite."""
    chosen = [(case, name, kind) for case in CASES for name, kind in kinds.items()]
    return [
        pytest.param(case, *kind, marks=[pytest.mark.slow] * bool(index), id=f"{case}-{name}")
        for index, (case, name, kind) in enumerate(chosen)
    ]


@pytest.mark.parametrize(("case", "number"), one_and_the_rest_slow(SIGTERM=(signal.SIGTERM,)))
def test_a_signal_changes_nothing(case, number, mode, tmp_path, in_one_go, capsys):
    assert run_until(number, case.tick, arguments(case, tmp_path)) == 143
    check_it_resumes_exactly(case, tmp_path, in_one_go(case, mode), capsys)


@pytest.mark.parametrize(
    ("case", "number", "code"), one_and_the_rest_slow(SIGKILL=(9, -9), SIGINT=(2, 130))
)
def test_a_process_that_ends_early_changes_nothing(
    case, number, code, mode, tmp_path, in_one_go, capsys
):
    # past 1800: what was learned and logged since the commit at 1400 must come again
    tick = 1900 // (case.areas * case.agents)
    program = [sys.executable, "-m", "tests.run.exact", str(number), str(tick)]
    ended = subprocess.run([*program, *arguments(case, tmp_path)], cwd=ROOT, check=False)
    assert ended.returncode == code
    check_it_resumes_exactly(case, tmp_path, in_one_go(case, mode), capsys)


@pytest.mark.slow
def test_stopping_twice_and_stopping_at_a_checkpoint_change_nothing(
    tmp_path, in_one_go, monkeypatch, capsys
):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    case = next(case for case in CASES if case.name == "sac-hybrid")
    assert main(arguments(case, tmp_path, "--stop-at", "700")) == 0
    assert main(arguments(case, tmp_path, "--resume", "--stop-at", "1801")) == 0
    check_it_resumes_exactly(case, tmp_path, in_one_go(case, "graph"), capsys)


def test_stopping_when_one_of_two_behaviors_is_finished_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
    config = tmp_path / "two.yaml"
    steps = "behaviors: {toy-discrete: {max_steps: 800}, toy-continuous: {max_steps: 1400}}"
    config.write_text(PPO.replace("batch_size: 64", "batch_size: 300") + steps)

    def run(run_id, **options):
        env = TwoWorlds(DiscreteLine(4, 1), LineWorld(4, 2))
        return mlagents_tf.learn(
            config, env, run_id=run_id, results_dir=tmp_path, seed=7, **options
        ).run_dir

    whole = run("whole")
    run("parts", stop_at=2000)  # 1000 steps each
    assert differences(traces(whole), traces(run("parts", resume=True))) == []


def test_a_difference_is_seen_to_the_last_bit():
    one = {"a": np.zeros(2, np.float32), "b": "text"}
    assert differences(one, {"a": np.zeros(2, np.float32), "b": "text"}) == []
    assert differences(one, {"a": np.array([0.0, -0.0], np.float32), "b": "text"}) == ["a"]
    assert differences(one, {"a": np.zeros(2), "c": 1}) == ["a", "b", "c"]
