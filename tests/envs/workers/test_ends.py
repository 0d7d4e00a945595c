"""However workers or their parent end, no process and no memory is left."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pytest

from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import EnvError
from tests.envs.workers.faulty import Talker
from tests.envs.workers.playing import environment_processes, gone, make_workers, play

ROOT = Path(__file__).parents[3]
SEGMENTS = Path("/dev/shm")

SCRIPT = """
import sys, time
from functools import partial
from mlagents_tf.envs.workers.workers import Workers
from mlagents_tf.errors import EnvError
from tests.envs.workers.faulty import Sleeper, Talker, WithPlayer

def main():
    env = Workers([{makers}], notify=print)
    env.reset()
    print("running", flush=True)
    {then}

{call}
"""
GUARDED = 'if __name__ == "__main__":\n    main()'


def run_script(path, makers, then="time.sleep(1000)", call=GUARDED):
    path.write_text(SCRIPT.format(makers=makers, then=then, call=call))
    return subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=path.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def segments():
    return set(SEGMENTS.glob("psm_*")) if SEGMENTS.is_dir() else set()


def left_since(before):
    """Segments that have come and stay; other processes of this machine make some for a moment."""
    left = segments() - before
    until = time.monotonic() + 3
    while left and time.monotonic() < until:
        time.sleep(0.1)
        left &= segments()
    return left


def test_close_ends_every_process_and_may_be_called_twice(tmp_path):
    before = segments()
    closed = tmp_path / "closed"
    env = make_workers(partial(Talker, str(closed)), partial(make_env, "GridWorld"))
    env.reset()
    assert len(environment_processes()) == 2
    assert not left_since(before)  # unlinked as soon as both sides have them
    env.close()
    assert closed.read_text() == "closed"
    env.close()
    assert not environment_processes()
    with pytest.raises(EnvError, match="the workers are closed"):
        env.reset()
    with pytest.raises(EnvError, match="the workers are closed"):
        env.step({})


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_that_is_terminated_closes_its_environment(tmp_path):
    closed = tmp_path / "closed"
    env = make_workers(partial(Talker, str(closed)))
    steps = env.reset()
    environment_processes()[0].terminate()
    play(env, steps, 2)
    assert env.remarks == ["Restarting worker[0] after 'its process exited with code 143'"]
    assert closed.read_text() == "closed"
    env.close()


def test_a_script_that_forgets_to_close_ends_in_good_order(tmp_path):
    closed = tmp_path / "closed"
    process = run_script(tmp_path / "forgets.py", f"partial(Talker, {str(closed)!r})", "pass")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "running\n", "")
    assert closed.read_text() == "closed"


def test_a_script_without_the_main_guard_is_told_so(tmp_path):
    process = run_script(tmp_path / "unguarded.py", "Talker", call="main()")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert 'lacks `if __name__ == "__main__":` around its call' in err.splitlines()[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_workers_and_their_players_end_when_the_parent_is_killed(tmp_path):
    before = segments()
    closed = tmp_path / "closed"
    makers = f"partial(Talker, {str(closed)!r}), WithPlayer, partial(Sleeper, 0.0)"
    process = run_script(tmp_path / "victim.py", makers)
    assert process.stdout.readline() == "running\n"
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 5  # three workers, a player, the tracker of shared memory
    process.kill()
    process.communicate()
    assert all([gone(child) for child in children])
    assert closed.read_text() == "closed"
    assert not left_since(before)


@pytest.mark.slow  # it is given five seconds to close
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_worker_that_is_stuck_ends_too_when_the_parent_is_killed(tmp_path):
    then = "env.step({name: no_actions(env.specs[name].actions, 1) for name in env.specs})"
    then = "from mlagents_tf.steps import no_actions\n    " + then
    process = run_script(tmp_path / "victim.py", "partial(WithPlayer, True)", then)
    assert process.stdout.readline() == "running\n"
    time.sleep(0.3)  # by now it is stuck in its step
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    assert all([gone(child, 12) for child in children])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupt_of_all_reaches_the_parent_alone(tmp_path):
    env = make_workers(partial(make_env, "3DBall"))
    steps = env.reset()
    for child in environment_processes():
        os.kill(child.pid, signal.SIGINT)
    play(env, steps, 20)
    assert env.remarks == []
    env.close()
