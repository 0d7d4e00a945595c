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
PLAYER = """#!{python}
import sys
sys.path.insert(0, {root!r})
from mlagents_tf.envs.registry import make_env
from tests.envs.unity.players import ThreadPlayer
port = int(sys.argv[sys.argv.index("--mlagents-port") + 1])
ThreadPlayer(make_env({name!r}, num_areas=5, seed=3), port).run()
"""


@pytest.fixture
def player(tmp_path):
    """Makes a build that plays an embedded environment."""

    def make(name):
        path = tmp_path / "player"
        path.write_text(PLAYER.format(python=sys.executable, root=str(ROOT), name=name))
        path.chmod(0o755)
        return str(path)

    return make


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


def played(python, package, build, path):
    """What `hands.py` writes down."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run(python, Path(__file__).with_name("hands.py"), package, build, str(port), str(path))
    with np.load(path) as seen:
        return [seen[each] for each in sorted(seen)]


@mlagents
@pytest.mark.parametrize("name", ["3DBall", "Basic", "GridWorld", "Match3", "Sorter", "toy-fuzz"])
def test_a_script_sees_the_same(player, tmp_path, name):
    build = player(name)
    ours = played(sys.executable, "mlagents_tf.envs.unity", build, tmp_path / "ours.npz")
    theirs = played(THEIRS, "mlagents_envs", build, tmp_path / "theirs.npz")
    assert len(ours) == len(theirs) > 1000
    for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert one.dtype.kind == other.dtype.kind, index
        np.testing.assert_array_equal(one, other, err_msg=str(index))


@pytest.mark.parametrize("script", ["random_agent.py", "random_agent_release_1.py"])
def test_the_examples_play_three_episodes(player, script):
    printed = run(sys.executable, EXAMPLES / script, player("3DBall"))
    assert printed.count("Episode ") == 3


@mlagents
def test_the_example_plays_with_mlagents_once_its_imports_are_replaced(player, tmp_path):
    text = (EXAMPLES / "random_agent.py").read_text(encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(text.replace("mlagents_tf.envs.unity", "mlagents_envs"), encoding="utf-8")
    assert run(THEIRS, script, player("3DBall")).count("Episode ") == 3
