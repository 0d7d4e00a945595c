import os
import signal
import threading

import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.run.checkpoints import find_commits
from mlagents_tf.run.stop import Stop
from tests.run.runs import learn


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / "results" / "r"


def newest_step(run_dir):
    return find_commits(run_dir)[0].step


def test_a_run_stops_with_a_commit_at_the_step_that_is_asked_for(tmp_path, run_dir, capsys):
    assert learn(tmp_path, "--stop-at", "300") == 0
    assert newest_step(run_dir) == 300
    printed = capsys.readouterr().out
    assert "Stopped at step 300 and saved. To go on: mlagents-tf learn " in printed
    assert "Exported" not in printed
    assert not (run_dir / "toy-discrete" / "saved_model").exists()


def test_the_step_to_stop_at_is_not_recorded(tmp_path, run_dir, capsys):
    learn(tmp_path, "--stop-at", "300")
    assert "stop_at:" not in (run_dir / "configuration.yaml").read_text()
    command = capsys.readouterr().out.rpartition("To go on: ")[2].split()
    assert command[0] == "mlagents-tf"
    assert main(command[1:]) == 0
    assert newest_step(run_dir) >= 1000


def test_a_resumed_run_that_is_past_the_step_trains_nothing(tmp_path, run_dir, capsys):
    learn(tmp_path, "--stop-at", "300")
    before = [commit.path.name for commit in find_commits(run_dir)]
    capsys.readouterr()
    assert learn(tmp_path, "--resume", "--stop-at", "200") == 0
    assert [commit.path.name for commit in find_commits(run_dir)] == before
    printed = capsys.readouterr().out
    assert printed.count("--stop-at 200 is not beyond that: nothing is trained.") == 1
    assert "--resume" in printed


def test_a_step_beyond_max_steps_lets_the_run_finish(tmp_path, run_dir, capsys):
    assert learn(tmp_path, "--max-steps", "200", "--stop-at", "5000") == 0
    assert "Done at step" in capsys.readouterr().out
    assert (run_dir / "toy-discrete" / "saved_model").exists()


@pytest.mark.parametrize("step", ["0", "-5"])
def test_a_step_before_the_first_is_refused(tmp_path, run_dir, capsys, step):
    assert learn(tmp_path, "--stop-at", step) == 2
    assert f"--stop-at is {step}: give the number of steps" in capsys.readouterr().err
    assert not run_dir.exists()


def test_a_signal_is_noted_and_the_handler_before_comes_back():
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        assert not stop.due(10**9)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.due(0)
        assert stop.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_a_script_a_second_interrupt_is_raised():
    with Stop(in_script=True) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.due(0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_off_the_main_thread_signals_are_left_alone():
    seen = []

    def enter():
        with Stop(at=5) as stop:
            seen.append((signal.getsignal(signal.SIGINT), stop.due(4), stop.due(5)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [(signal.getsignal(signal.SIGINT), False, True)]


def test_a_step_must_be_positive():
    with pytest.raises(SettingsError, match="1 or more"):
        Stop(0)
