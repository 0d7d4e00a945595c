import os
import signal
import socket
import subprocess
import sys

import pytest

from mlagents_tf.errors import StorageError
from mlagents_tf.run import lock
from mlagents_tf.run.lock import RunLock

HOLD = """
import sys, time
from pathlib import Path
from mlagents_tf.run.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the run directory `tmp_path / "run"`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"held"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_holds_the_run(tmp_path, holder):
    with pytest.raises(StorageError) as refusal, RunLock(tmp_path / "run"):
        pass
    assert f"process {holder.pid} on {socket.gethostname()}" in str(refusal.value)
    assert refusal.value.exit_code == 4


def test_a_killed_process_leaves_a_file_but_no_lock(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / ".lock").exists()
    with RunLock(tmp_path / "run"):
        pass


def test_two_locks_of_one_process_exclude_each_other(tmp_path):
    with RunLock(tmp_path):
        with pytest.raises(StorageError, match=f"process {os.getpid()}"), RunLock(tmp_path):
            pass
        with pytest.raises(StorageError, match="in use"), RunLock(tmp_path):
            pass
    with RunLock(tmp_path):
        pass


def test_a_stale_file_with_any_content_is_taken_over(tmp_path):
    (tmp_path / ".lock").write_bytes(b"\xff not json" * 100)
    with RunLock(tmp_path):
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()


def test_directories_with_unusual_long_names_can_be_locked(tmp_path):
    run_dir = tmp_path / "Ünï cödé 🚀" / ("r" * 200)
    with RunLock(run_dir), pytest.raises(StorageError, match="Ünï"), RunLock(run_dir):
        pass


def test_a_file_system_without_locks_costs_a_warning(tmp_path, monkeypatch):
    def unsupported(descriptor):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock, "_lock", unsupported)
    warnings = []
    with RunLock(tmp_path, warnings.append):
        assert "has no locks" in warnings[0]


def test_a_run_directory_that_is_a_file_is_an_error_of_storage(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(StorageError, match="run"), RunLock(tmp_path / "run"):
        pass
