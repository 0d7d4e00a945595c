"""Scripts play with our interface, and with ML-Agents' by its name alone; they see the same.

The environment variable MLAGENTS_ENVS_PYTHON names a Python that has `mlagents_envs`.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "low_level"
THEIRS = os.environ.get("MLAGENTS_ENVS_PYTHON")
mlagents = pytest.mark.skipif(
    not THEIRS, reason="MLAGENTS_ENVS_PYTHON names no Python with mlagents_envs"
)
BUILD = """#!/bin/sh
exec {python} -m mlagents_tf serve {name} --generation {generation} \\
    --num-areas 5 --seed 3 --png "$@"
"""


@pytest.fixture
def build(tmp_path):
    """Makes a build that serves an embedded environment."""

    def make(name, generation=3):
        path = tmp_path / "build"
        path.write_text(BUILD.format(python=sys.executable, name=name, generation=generation))
        path.chmod(0o755)
        return str(path)

    return make


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def run(python, script, *arguments):
    """What a script prints."""
    done = subprocess.run(
        [python, str(script), *arguments],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def played(python, package, scene, path):
    """What `hands.py` writes down."""
    hands = Path(__file__).with_name("hands.py")
    run(python, hands, package, scene, free_port(), str(path))
    with np.load(path) as seen:
        return [seen[each] for each in sorted(seen)]


@mlagents
@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("3DBall", 1),
        ("Basic", 1),
        ("3DBall", 2),
        ("Basic", 3),
        ("GridWorld", 3),
        ("Match3", 3),
        ("Sorter", 3),
        ("toy-fuzz", 3),
    ],
)
def test_a_script_sees_the_same(build, tmp_path, name, generation):
    path = build(name, generation)
    ours = played(sys.executable, "mlagents_tf.envs.unity", path, tmp_path / "ours.npz")
    theirs = played(THEIRS, "mlagents_envs", path, tmp_path / "theirs.npz")
    assert len(ours) == len(theirs) > 1000
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert one.dtype.kind == other.dtype.kind, index
        np.testing.assert_array_equal(one, other, err_msg=str(index))


@pytest.mark.parametrize("script", ["random_agent.py", "random_agent_release_1.py"])
def test_the_examples_play_three_episodes(build, script):
    printed = run(sys.executable, EXAMPLES / script, build("3DBall"), free_port())
    assert printed.count("Episode ") == 3


@mlagents
def test_the_example_plays_with_mlagents_once_its_imports_are_replaced(build, tmp_path):
    text = (EXAMPLES / "random_agent.py").read_text(encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(text.replace("mlagents_tf.envs.unity", "mlagents_envs"), encoding="utf-8")
    assert run(THEIRS, script, build("3DBall"), free_port()).count("Episode ") == 3
