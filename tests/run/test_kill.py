import os
import random
import signal
import time

import pytest

from mlagents_tf.run.checkpoints import find_commits, newest_valid
from tests.run.runs import SAC_CONFIG, start

KILLS = int(os.environ.get("MLAGENTS_TF_KILLS", "5"))
LONG = "1000000"


def wait_for(process, text):
    """Reads what the process prints until a line has `text`."""
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"the process ended with {process.wait()} and never said {text!r}")


def kill(process):
    process.kill()
    process.communicate()


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "results" / "r"


def newest_step(run_dir):
    newest = newest_valid(run_dir, warn=print)
    return -1 if newest is None else newest.step


def test_a_run_killed_at_any_moment_resumes_at_the_last_commit(tmp_path, run_dir):
    rng = random.Random(0)
    process = start(tmp_path, "--max-steps", LONG)
    wait_for(process, "Step: 400")
    resumed_at = 0
    for _ in range(KILLS):
        time.sleep(rng.uniform(0, 1.0))
        kill(process)
        listed = [commit.step for commit in find_commits(run_dir)]
        assert newest_step(run_dir) in listed[:2]  # the last, or the last but one
        assert newest_step(run_dir) >= resumed_at  # nothing committed is ever lost
        process = start(tmp_path, "--max-steps", LONG, "--resume")
        line = wait_for(process, "Resuming from step")
        resumed_at = int(line.rstrip(".\n").rsplit(" ", 1)[1])
    kill(process)


@pytest.mark.slow
def test_a_replay_comes_through_a_kill_at_any_moment(tmp_path, run_dir):
    config = SAC_CONFIG.replace("checkpoint_interval: 100", "checkpoint_interval: 10")
    config = config.replace("buffer_size: 300", "buffer_size: 100000")
    rng = random.Random(0)
    process = start(tmp_path, "--max-steps", LONG, text=config)
    wait_for(process, "Step: 100")
    for _ in range(KILLS):
        time.sleep(rng.uniform(0, 1.0))
        kill(process)
        committed = newest_step(run_dir)
        process = start(tmp_path, "--max-steps", LONG, "--resume", "--strict-resume", text=config)
        assert f"Resuming from step {committed}." in wait_for(process, "Resuming from step")
    kill(process)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_saves_and_tells_how_to_go_on(tmp_path, run_dir, number, code):
    process = start(tmp_path, "--max-steps", LONG)
    wait_for(process, "Step: 400")
    process.send_signal(number)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == code
    stopped_at = newest_step(run_dir)
    assert f"Stopped at step {stopped_at} and saved. To go on: mlagents-tf learn " in rest
    assert "--resume" in rest


def test_a_second_interrupt_leaves_at_once_with_the_last_commit_intact(tmp_path, run_dir):
    process = start(tmp_path, "--max-steps", LONG)
    wait_for(process, "Step: 400")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    assert newest_step(run_dir) > 0


def test_two_processes_cannot_train_one_run(tmp_path):
    first = start(tmp_path, "--max-steps", LONG)
    wait_for(first, "Step: 100")
    second = start(tmp_path, "--resume")
    printed = second.communicate(timeout=60)[0]
    kill(first)
    assert second.returncode == 4
    assert f"in use by process {first.pid}" in printed
