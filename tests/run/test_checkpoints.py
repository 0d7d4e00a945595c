import os
import random
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mlagents_tf.errors import DataError
from mlagents_tf.run import storage
from mlagents_tf.run.checkpoints import (
    commit,
    discard,
    find_commits,
    newest_valid,
    prune,
    set_aside,
)


def fill(step):
    """What a trainer writes: weights, state and a large optional file."""

    def write(directory):
        os.mkdir(directory / "3DBall")
        storage.save_json(directory / "run.json", {"step": step})
        storage.save_arrays(directory / "3DBall" / "weights.npz", {"w": np.full(9, step)})
        (directory / "3DBall" / "replay.hdf5").write_bytes(b"replay %d" % step)

    return write


def save(run_dir, step):
    return commit(run_dir, step, fill(step), optional=["replay.hdf5"])


def content(found):
    """The step that the files of a commit were written with."""
    (weight,) = set(storage.load_arrays(found.path / "3DBall" / "weights.npz")["w"])
    assert storage.load_json(found.path / "run.json") == {"step": weight}
    return weight


def no_warning(text):
    raise AssertionError(text)


def names(run_dir):
    return sorted(os.listdir(run_dir / "checkpoints"))


def test_the_newest_commit_is_the_one_of_the_highest_step(tmp_path):
    for step in (5, 20, 100):
        save(tmp_path, step)
    assert [found.step for found in find_commits(tmp_path)] == [100, 20, 5]
    assert content(newest_valid(tmp_path, no_warning)) == 100


def test_a_run_without_commits_has_no_newest(tmp_path):
    assert newest_valid(tmp_path, no_warning) is None
    assert find_commits(tmp_path / "missing") == []


def test_a_commit_in_a_directory_with_an_unusual_long_name(tmp_path):
    run_dir = tmp_path / "Ünï cödé 🚀" / ("r" * 200)
    save(run_dir, 1)
    assert content(newest_valid(run_dir, no_warning)) == 1


def test_a_second_commit_of_a_step_never_touches_the_first(tmp_path):
    first = commit(tmp_path, 7, fill(1))
    second = commit(tmp_path, 7, fill(2))
    first.verify()
    assert newest_valid(tmp_path, no_warning) == second
    assert content(second) == 2
    prune(tmp_path, keep=0)
    assert names(tmp_path) == ["step-7.1"]
    assert commit(tmp_path, 7, fill(3)).path.name == "step-7.2"


def test_pruning_keeps_the_newest_and_everything_where_keep_is_not_positive(tmp_path):
    for step in range(1, 13):
        save(tmp_path, step)
    prune(tmp_path, keep=0)
    assert len(names(tmp_path)) == 12
    prune(tmp_path, keep=2)
    assert names(tmp_path) == ["step-11", "step-12"]


def test_pruning_leaves_alone_what_is_not_ours(tmp_path):
    save(tmp_path, 5)
    save(tmp_path, 9)
    strangers = [
        "step-1",
        "step-02",
        "step-3-copy",
        "best",
        "set-aside-step-4",
        "backup.tmp-1-step-2",
    ]
    for name in strangers:
        (tmp_path / "checkpoints" / name).mkdir()
    (tmp_path / "checkpoints" / "step-2").write_text("a file")
    prune(tmp_path, keep=1)
    assert names(tmp_path) == sorted([*strangers, "step-2", "step-9"])


def test_a_damaged_commit_does_not_count_as_kept(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step)
    (tmp_path / "checkpoints/step-3/run.json").write_text("")
    prune(tmp_path, keep=1)
    assert names(tmp_path) == ["step-2", "step-3"]


def test_optional_files_stay_in_the_newest_commit_only(tmp_path):
    for step in (1, 2):
        save(tmp_path, step)
        prune(tmp_path, keep=5)
    newest, older = find_commits(tmp_path)
    older.verify()
    assert older.optional_file("3DBall/replay.hdf5") is None
    replay = newest.optional_file("3DBall/replay.hdf5")
    assert replay.read_bytes() == b"replay 2"


def test_a_damaged_optional_file_is_refused_and_the_commit_stays_good(tmp_path):
    newest = save(tmp_path, 1)
    (newest.path / "3DBall" / "replay.hdf5").write_bytes(b"replay 9")
    assert newest_valid(tmp_path, no_warning) == newest
    with pytest.raises(DataError, match=r"replay\.hdf5: its content does not have the hash"):
        newest.optional_file("3DBall/replay.hdf5")


def test_leftovers_of_dead_processes_are_swept_and_others_kept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    parent = tmp_path / "checkpoints"
    alive = f".tmp-{os.getppid()}-step-1"
    for name in (f".tmp-{dead.pid}-step-3", f".tmp-{dead.pid}-gone-step-2", alive, ".tmp-x-step-1"):
        (parent / name).mkdir(parents=True)
    save(tmp_path, 4)
    assert names(tmp_path) == sorted([alive, ".tmp-x-step-1", "step-4"])


def test_an_error_while_writing_leaves_only_the_commits_before(tmp_path):
    save(tmp_path, 1)

    def write(directory):
        fill(2)(directory)
        raise RuntimeError("the weights are not finite")

    with pytest.raises(RuntimeError):
        commit(tmp_path, 2, write)
    assert names(tmp_path) == ["step-1"]


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_newest_commit_is_skipped_with_a_warning_that_names_the_file(tmp_path, seed):
    save(tmp_path, 1)
    newest = commit(tmp_path, 2, fill(2))
    rng = random.Random(seed)
    files = sorted(path for path in newest.path.rglob("*") if path.is_file())
    victim = files[seed % len(files)]
    data = bytearray(victim.read_bytes())
    if rng.random() < 0.5:
        data = data[: rng.randrange(len(data))]
    else:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    victim.write_bytes(data)
    warnings = []
    assert content(newest_valid(tmp_path, warnings.append)) == 1
    assert len(warnings) == 1
    assert "step-2" in warnings[0]
    assert "MANIFEST" in victim.name or victim.name in warnings[0]


def test_when_every_commit_is_damaged_the_error_lists_them_all(tmp_path):
    for step in (1, 2):
        (save(tmp_path, step).path / "run.json").unlink()
    (save(tmp_path, 3).path / "MANIFEST.json").unlink()
    with pytest.raises(DataError, match=r"(?s)step-3.*step-2.*step-1"):
        newest_valid(tmp_path, lambda text: None)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../x", "C:x", "..\\x", ""])
def test_a_manifest_cannot_name_files_outside_of_its_commit(tmp_path, name):
    found = save(tmp_path, 1)
    manifest = storage.load_json(found.path / "MANIFEST.json")
    manifest["files"][name] = manifest["files"]["run.json"]
    storage.save_json(found.path / "MANIFEST.json", manifest)
    with pytest.raises(DataError, match="outside"):
        found.verify()


def test_a_symbolic_link_in_a_commit_is_refused(tmp_path):
    found = save(tmp_path, 1)
    shutil.move(found.path / "run.json", tmp_path / "run.json")
    os.symlink(tmp_path / "run.json", found.path / "run.json")
    with pytest.raises(DataError, match="regular file"):
        found.verify()


def test_a_run_that_fell_back_keeps_its_new_commit_and_not_the_damaged_one(tmp_path):
    save(tmp_path, 1)
    weights = save(tmp_path, 9).path / "3DBall" / "weights.npz"
    weights.write_bytes(weights.read_bytes()[::-1])  # of the same size: only the hash shows it
    assert content(newest_valid(tmp_path, lambda text: None)) == 1
    save(tmp_path, 5)
    prune(tmp_path, keep=1)
    assert names(tmp_path) == ["set-aside-step-9", "step-5"]
    newest = newest_valid(tmp_path, no_warning)
    assert content(newest) == 5
    assert newest.optional_file("3DBall/replay.hdf5") is not None


def test_commits_set_aside_are_not_found_and_can_be_renamed_back(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step)
    moved = set_aside(tmp_path, after=1)
    assert [path.name for path in moved] == ["set-aside-step-3", "set-aside-step-2"]
    assert content(newest_valid(tmp_path, no_warning)) == 1
    save(tmp_path, 3)
    assert [path.name for path in set_aside(tmp_path, after=2)] == ["set-aside-step-3-1"]


def test_discarding_removes_every_commit_and_nothing_else(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2)
    (tmp_path / "checkpoints" / "notes.txt").write_text("mine")
    discard(tmp_path)
    assert names(tmp_path) == ["notes.txt"]


def test_a_pickle_in_place_of_a_weights_file_is_refused_even_with_a_fitting_manifest(tmp_path):
    class Canary:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "canary"),)

    def write(directory):
        np.save(directory / "weights.npz.npy", np.array([Canary()]), allow_pickle=True)
        os.rename(directory / "weights.npz.npy", directory / "weights.npz")

    found = commit(tmp_path, 1, write)
    found.verify()
    with pytest.raises(DataError, match=r"weights\.npz"):
        storage.load_arrays(found.path / "weights.npz")
    assert not (tmp_path / "canary").exists()
