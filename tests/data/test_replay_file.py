"""A replay comes back from its file as it was."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_file import save_replay
from mlagents_tf.data.replay_format import CHUNK_BYTES
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from tests.data.replays import ONE, filled, restored, rewards_of, transitions_of
from tests.data.worlds import SPEC

ROWS = 150


def test_every_row_comes_back(original, saved):
    assert original.end > 2 * ROWS
    replay = restored(saved, original)
    for name, column in replay.columns.items():
        assert column.dtype == original.columns[name].dtype
        np.testing.assert_array_equal(column, original.columns[name], err_msg=name)
    assert (replay.first, replay.end, replay.num_real) == (
        original.first,
        original.end,
        original.num_real,
    )


def test_the_same_rows_make_the_same_bytes(original, saved, tmp_path):
    save_replay(tmp_path / "again", original)
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("capacity", [10, 100, 151, 1000])
def test_a_ring_of_another_size_takes_the_newest_rows(original, saved, capacity):
    replay = restored(saved, original, capacity)
    assert len(replay) == min(capacity, ROWS)
    assert replay.num_real == len(transitions_of(replay))
    expected = rewards_of(original)
    assert rewards_of(replay) == expected[len(expected) - replay.num_real :]


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_a_replay_that_has_hardly_begun_comes_back(tmp_path, rows):
    replay = filled(20, rows - 1) if rows else Replay(ONE, 20)
    save_replay(tmp_path / "r", replay)
    again = restored(tmp_path / "r", replay)
    assert (len(again), again.num_real) == (rows, max(rows - 1, 0))
    assert rewards_of(again) == rewards_of(replay) if rows else True


def images(observations, size):
    spec = Spec((ObservationSpec((3, size, size), dtype="uint8"),), ActionSpec(0, (3,)))
    replay, rng = Replay(spec, observations), np.random.default_rng(0)
    for _ in range(observations + 5):
        step = make_step(np.arange(1), (rng.integers(0, 256, (1, 3, size, size), np.uint8),))
        replay.observe(step)
        replay.append(step, np.zeros((1, 0), np.float32), np.ones((1, 1), np.int32))
    return replay


@pytest.mark.parametrize(("observations", "size"), [(300, 84), (4, 700)])
def test_images_are_stored_as_bytes_in_several_chunks(tmp_path, observations, size):
    replay = images(observations, size)
    save_replay(tmp_path / "r", replay)
    with h5py.File(tmp_path / "r") as file:
        dataset = file["obs_0"]
        assert dataset.dtype == np.uint8
        assert dataset.chunks[0] < len(dataset)
        assert dataset.chunks[0] == 1 or np.prod(dataset.chunks) <= CHUNK_BYTES
    again = restored(tmp_path / "r", replay)
    np.testing.assert_array_equal(again.columns["obs_0"], replay.columns["obs_0"])


def test_any_program_can_read_it(original, saved):
    with h5py.File(saved) as file:
        assert set(file) == {
            *("obs_0", "obs_1", "continuous", "discrete", "allowed"),
            *("rewards", "terminated", "real", "next"),
        }
        assert file.attrs["format"].decode() == "mlagents_tf replay"
        assert file.attrs["spec"].decode() == SPEC.describe()
        assert file.attrs["spec_fingerprint"].decode() == SPEC.fingerprint()
        assert file.attrs["version"] == 1
        assert (file.attrs["first"], file.attrs["end"]) == (original.first, original.end)
        assert (file.attrs["capacity"], file.attrs["num_rows"]) == (ROWS, ROWS)
        at = np.arange(original.first, original.end) % ROWS
        np.testing.assert_array_equal(file["obs_0"], original.columns["obs_0"][at])
        (real,) = np.nonzero(file["real"][:])
        assert len(real) == file.attrs["num_real"] == original.num_real
        assert len(file["obs_0"][:][real + file["next"][:][real]]) == len(real)


def test_the_example_of_the_docs_reads_transitions(tmp_path, capsys):
    page = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    replay = filled(20, 100)
    save_replay(tmp_path / "replay.hdf5", replay)
    found = {}
    exec(example.replace('"replay.hdf5"', repr(str(tmp_path / "replay.hdf5"))), found)
    obs, actions, rewards, next_obs = found["transitions"]
    assert len(obs) == len(actions) == len(rewards) == replay.num_real
    np.testing.assert_array_equal(next_obs, obs + 1)
    assert capsys.readouterr().out == "obs [1]; continuous 1 19\n"


def test_a_full_disk_is_an_os_error_and_the_next_save_works(original, tmp_path):
    replay = images(30, 84)  # 600 kB
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in (100, 5000, 300_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                save_replay(tmp_path / "r", replay)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not h5py.h5f.get_obj_ids(types=h5py.h5f.OBJ_FILE)
    save_replay(tmp_path / "r", replay)
    assert restored(tmp_path / "r", replay).num_real == replay.num_real
