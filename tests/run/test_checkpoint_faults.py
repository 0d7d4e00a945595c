import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from mlagents_tf.errors import StorageError
from mlagents_tf.run import checkpoints, storage
from mlagents_tf.run.checkpoints import newest_valid, prune
from tests.run.test_checkpoints import content, names, no_warning, save


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it reaches the disk."""


class FaultyOs:
    """`os`, counting the calls that change the disk and failing at the one chosen."""

    counted = ("open", "write", "fsync", "close", "replace", "rename", "unlink", "rmdir", "mkdir")

    def __init__(self, at, fault):
        self.at, self.fault, self.calls, self.dead = at, fault, 0, False
        for name in self.counted:
            setattr(self, name, self._counting(getattr(os, name)))

    def __getattr__(self, name):
        return getattr(os, name)

    def _counting(self, function):
        def call(*args, **kwargs):
            if self.dead:
                raise Killed
            self.calls += 1
            if self.calls == self.at:
                self._fail(function, args)
            return function(*args, **kwargs)

        return call

    def _fail(self, function, args):
        if function is os.write:  # some bytes arrive before it fails
            os.write(args[0], bytes(args[1])[: len(args[1]) // 2])
        if isinstance(self.fault, int):
            raise OSError(self.fault, os.strerror(self.fault))
        self.dead = True
        raise Killed

    def rmtree(self, path):
        """`shutil.rmtree` in counted steps, so that it can die half way."""
        for folder, _, files in os.walk(path, topdown=False):
            for name in files:
                self.unlink(os.path.join(folder, name))
            self.rmdir(folder)


def save_and_prune(run_dir, step, monkeypatch, faulty):
    """What happened to one save with faults: its error, or None."""
    with monkeypatch.context() as patch:
        patch.setattr(storage, "os", faulty)
        patch.setattr(storage, "shutil", faulty)
        patch.setattr(checkpoints, "os", faulty)
        try:
            save(run_dir, step)
            prune(run_dir, keep=2)
        except (StorageError, Killed) as error:
            return error
    return None


@pytest.mark.parametrize("fault", [28, 5, "killed"], ids=["ENOSPC", "EIO", "killed"])
def test_a_fault_at_any_file_operation_costs_at_most_the_commit_being_written(
    tmp_path, monkeypatch, fault
):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nothing here loses power
    total = count_operations(tmp_path / "counting", monkeypatch)
    assert total > 30
    for at in range(1, total + 1):
        run_dir = tmp_path / f"run-{at}"
        for step in (1, 2):
            save(run_dir, step)
            prune(run_dir, keep=2)
        error = save_and_prune(run_dir, 3, monkeypatch, FaultyOs(at, fault))
        newest = newest_valid(run_dir, no_warning)
        assert content(newest) == newest.step in (2, 3), at
        if isinstance(error, StorageError):
            assert str(run_dir) in str(error)
            assert "No space left" in str(error) or "Input/output error" in str(error)
        save(run_dir, 4)  # and the run goes on
        prune(run_dir, keep=2)
        assert content(newest_valid(run_dir, no_warning)) == 4
        assert set(names(run_dir)) <= {"step-2", "step-3", "step-4"}, at
        shutil.rmtree(run_dir)


def count_operations(run_dir, monkeypatch):
    """How many file operations a third save, and pruning to two, take."""
    for step in (1, 2):
        save(run_dir, step)
        prune(run_dir, keep=2)
    counting = FaultyOs(-1, 0)
    assert save_and_prune(run_dir, 3, monkeypatch, counting) is None
    return counting.calls


def test_a_write_that_takes_only_a_few_bytes_at_a_time_is_completed(tmp_path, monkeypatch):
    class ShortWrites(FaultyOs):
        def __init__(self):
            super().__init__(-1, 0)
            self.write = lambda descriptor, data: os.write(descriptor, bytes(data)[:7])

    assert save_and_prune(tmp_path, 1, monkeypatch, ShortWrites()) is None
    assert content(newest_valid(tmp_path, no_warning)) == 1


KILLING = """
    import os, random, signal, sys, time
    from pathlib import Path
    import numpy as np
    from mlagents_tf.run import checkpoints, storage

    def fill(step):
        def write(directory):
            storage.save_json(directory / "run.json", {"step": step})
            storage.save_arrays(directory / "weights.npz", {"w": np.full(1000, step)})
            (directory / "replay.hdf5").write_bytes(b"replay")
        return write

    def commit_for_ever(run_dir, step, report):
        while True:
            step += 1
            checkpoints.commit(run_dir, step, fill(step), optional=["replay.hdf5"])
            os.write(report, b"%d\\n" % step)
            checkpoints.prune(run_dir, keep=2)

    run_dir, rng, step = Path(sys.argv[1]), random.Random(0), 2
    warn = lambda text: sys.exit("unexpected warning: " + text)
    began = time.perf_counter()
    for first in (1, step):
        checkpoints.commit(run_dir, first, fill(first), optional=["replay.hdf5"])
    commit_seconds = (time.perf_counter() - began) / 2
    for kill in range(100):
        reading, report = os.pipe()
        child = os.fork()
        if child == 0:
            commit_for_ever(run_dir, step, report)
        os.close(report)
        time.sleep(rng.uniform(0, 4 * commit_seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with open(reading) as lines:
            reported = max([step, *map(int, lines.read().split())])
        newest = checkpoints.newest_valid(run_dir, warn)
        assert reported <= newest.step <= reported + 1, (reported, newest)
        assert set(storage.load_arrays(newest.path / "weights.npz")["w"]) == {newest.step}
        if kill % 10 == 9:  # children killed before they pruned left more than they keep
            checkpoints.prune(run_dir, keep=2)
            assert len(checkpoints.find_commits(run_dir)) == 2
        step = newest.step
    assert "tensorflow" not in sys.modules
    print("kills survived at steps up to", step)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_hundred_kills_never_cost_a_step_that_was_reported_as_committed(tmp_path):
    script = tmp_path / "killing.py"
    script.write_text(textwrap.dedent(KILLING))
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(re.findall(r"\d+", done.stdout)[0]) > 20
