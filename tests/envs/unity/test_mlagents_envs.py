"""Our player, driven by ML-Agents' own package: the peer that nobody here has written.

The environment variable MLAGENTS_ENVS_PYTHON names a Python that has mlagents_envs.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.unity.decision_period import DecisionPeriod
from mlagents_tf.steps import Actions

PYTHON = os.environ.get("MLAGENTS_ENVS_PYTHON")
DRIVER = Path(__file__).parent / "mlagents_envs_driver.py"
SERVE = [sys.executable, "-m", "mlagents_tf", "serve"]
SECONDS = 100
GROUPS = {"toy-fuzz": [0, 1, 2, 3], "CooperativePushBlock": [1, 2, 3]}
pytestmark = [
    pytest.mark.skipif(
        not PYTHON, reason="MLAGENTS_ENVS_PYTHON names no Python that has mlagents_envs"
    ),
]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def drive(build, port, steps, *arguments):
    """What the driver saw."""
    command = [PYTHON, "-W", "ignore", str(DRIVER), build, str(port), str(steps), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def build(tmp_path):
    """Makes a script that stands where a build stands, and sees that none of them is left."""

    def make(*arguments):
        script = tmp_path / "Game.x86_64"
        script.write_text(f'#!/bin/sh\nexec {" ".join([*SERVE, *arguments])} "$@"\n')
        script.chmod(0o755)
        return str(tmp_path / "Game")

    yield make
    serving = [each for each in psutil.process_iter(["cmdline"]) if "-logFile" in cmdline(each)]
    assert not [each for each in serving if str(tmp_path) in cmdline(each)]


def cmdline(process):
    return " ".join(process.info["cmdline"] or ())


def play(env, steps):
    """What the driver must have seen."""
    ((name, spec),) = env.specs.items()
    totals, deciding, ended = [], [], 0
    step = env.reset({"scale": 1.0})[name]
    first = step.agent_ids.tolist()
    for number in range(steps):
        rows = step.num_deciding
        deciding.append(rows)
        ended += len(step.agent_ids) - rows
        seen = [step.rewards, step.group_rewards]
        seen += [obs / 255 if obs.dtype == np.uint8 else obs for obs in step.obs]
        totals.append([float(np.sum(each, dtype=np.float64)) for each in seen])
        continuous = np.full((rows, spec.actions.continuous_size), np.sin(number), np.float32)
        discrete = np.zeros((rows, spec.actions.num_branches), np.int32)
        discrete[:] = [number % size for size in spec.actions.discrete_branches]
        step = env.step({name: Actions(continuous, discrete)})[name]
    return first, deciding, ended, totals


@pytest.mark.parametrize(
    ("name", "steps", "arguments"),
    [
        ("3DBall", 1000, []),
        ("3DBall", 300, ["--decision-period", "3"]),
        ("3DBall", 300, ["--generation", "1"]),
        ("Basic", 300, []),
        ("Basic", 300, ["--generation", "1"]),
        ("PushBlock", 300, []),
        ("GridWorld", 60, []),
        ("GridWorld", 60, ["--png"]),
        ("Match3", 40, ["--png"]),
        ("Sorter", 300, []),
        ("toy-fuzz", 300, []),
        ("CooperativePushBlock", 60, []),
    ],
)
def test_a_build_for_its_trainer(build, name, steps, arguments):
    saw = drive(build(name, *arguments), free_port(), steps, "--echo")
    twin = make_env(name, num_areas=3, seed=5)
    if "--decision-period" in arguments:
        twin = DecisionPeriod(twin, 3)
    first, deciding, ended, totals = play(twin, steps)
    ((behavior, spec),) = twin.specs.items()
    assert saw["behavior"] == behavior
    assert saw["shapes"] == [list(obs.shape) for obs in spec.observations]
    assert saw["actions"] == [spec.actions.continuous_size, list(spec.actions.discrete_branches)]
    if "1" not in arguments:
        assert saw["types"] == [int(obs.observation_type) for obs in spec.observations]
    assert (saw["first"], saw["deciding"], saw["ended"]) == (first, deciding, ended)
    np.testing.assert_allclose(saw["totals"], totals, rtol=1e-4, atol=1e-3)
    assert saw["groups"] == GROUPS.get(name, [0])
    assert sum(saw["episodes"]) >= ended  # those of the last step are not looked at
    assert saw["echoes"] == ["hello"]
    assert len(saw["second"]) == len(first)
    assert set(saw["second"]).isdisjoint(first)


def test_the_editor_for_its_trainer():
    port = free_port()
    player = subprocess.Popen([*SERVE, "Basic", "--port", str(port)], stdout=subprocess.PIPE)
    assert drive("", port, 50)["behavior"] == "Basic"
    assert b"the trainer has ended the conversation" in player.communicate(timeout=20)[0]
    assert player.returncode == 0
