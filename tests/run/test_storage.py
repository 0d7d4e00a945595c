import json
import math
import os
import zipfile

import numpy as np
import pytest

from mlagents_tf.errors import DataError, SettingsError, StorageError
from mlagents_tf.run import storage
from mlagents_tf.run.storage import (
    check_writable,
    load_arrays,
    load_json,
    original_name,
    safe_name,
    save_arrays,
    save_json,
    valid_run_id,
)

ODD_NAMES = ["a/b", "..", ".", "", "C:\\x", "nul", "COM1.txt", "nul .a", "x.", "x ", " x", ".x"]
ODD_NAMES += ["%41", "%", "checkpoints", "run_logs", "a\nb", "\t", "\ud800", "A?team=0", "\x7f"]


def test_arrays_come_back_with_their_names_dtypes_and_shapes(tmp_path):
    arrays = {
        "policy/dense/kernel:0": np.arange(6, dtype=np.float32).reshape(2, 3),
        "file": np.array(7),  # an argument name of numpy.savez
        "Ünï 🚀": np.zeros((0, 4), np.uint8),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "names": np.array(["a", "bcd"]),
        "a.npy": np.array([True, False]),
    }
    save_arrays(tmp_path / "weights.npz", arrays)
    loaded = load_arrays(tmp_path / "weights.npz")
    assert loaded.keys() == arrays.keys()
    for key, array in arrays.items():
        assert loaded[key].dtype == array.dtype
        np.testing.assert_array_equal(loaded[key], array)


def test_the_same_arrays_are_the_same_bytes(tmp_path):
    for name in "ab":
        save_arrays(tmp_path / name, {"x": np.arange(3)})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "array", [np.array([None]), np.zeros(2, "V2"), np.zeros(1, [("a", "f4")])], ids=str
)
def test_an_array_of_anything_but_numbers_and_text_is_refused(tmp_path, array):
    with pytest.raises(DataError, match="'x' has dtype"):
        save_arrays(tmp_path / "a.npz", {"x": array})
    assert not list(tmp_path.iterdir())


class Canary:
    """Whatever unpickles this creates a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_is_refused_and_never_run(tmp_path):
    canary = tmp_path / "canary"
    alone, hidden = tmp_path / "alone.npz", tmp_path / "hidden.npz"
    np.save(tmp_path / "p.npy", np.array([Canary(canary)]), allow_pickle=True)
    pickled = (tmp_path / "p.npy").read_bytes()
    alone.write_bytes(pickled[128:])
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("x.npy", pickled)
    for path in (alone, hidden, tmp_path / "p.npy"):
        with pytest.raises(DataError, match=path.name):
            load_arrays(path)
    assert not canary.exists()


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    save_arrays(path, {"x": np.arange(5), "y/z": np.ones((2, 2))})
    whole = path.read_bytes()
    for size in range(0, len(whole), 3):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.npz"):
            load_arrays(path)


def test_a_flipped_bit_of_an_array_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    save_arrays(path, {"x": np.full(4, 0x55, np.uint8)})
    data = bytearray(path.read_bytes())
    data[data.index(b"UUUU")] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="CRC"):
        load_arrays(path)


def test_a_shape_beyond_the_bytes_present_is_refused_before_memory_is_reserved(tmp_path):
    header = b"\x93NUMPY\x01\x00\x76\x00"
    text = str({"descr": "<f8", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header + text.ljust(117).encode() + b"\n")
    with pytest.raises(DataError, match="which is not its content"):
        load_arrays(tmp_path / "a.npz")


def test_a_compressed_archive_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(1000))
    with pytest.raises(DataError, match="compressed"):
        load_arrays(tmp_path / "a.npz")


def test_a_file_of_numpy_savez_can_be_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    np.testing.assert_array_equal(load_arrays(tmp_path / "a.npz")["x"], [0, 1, 2])


def test_generator_states_come_back_exactly_through_json(tmp_path):
    generator = np.random.default_rng(3)
    generator.integers(0, 5)
    save_json(tmp_path / "s.json", {"rng": generator.bit_generator.state, "n": np.int64(3)})
    other = np.random.default_rng(0)
    other.bit_generator.state = load_json(tmp_path / "s.json")["rng"]
    assert other.random() == generator.random()


def test_json_takes_numpy_values_and_long_integers(tmp_path):
    value = {"a": np.float32(0.5), "b": np.arange(3), "c": 2**300, "d": np.bool_(True)}
    save_json(tmp_path / "s.json", value)
    assert load_json(tmp_path / "s.json") == {"a": 0.5, "b": [0, 1, 2], "c": 2**300, "d": True}


@pytest.mark.parametrize("bad", [math.nan, np.float32(np.inf), np.array([1.0, math.nan])], ids=str)
def test_a_value_that_is_not_finite_is_named(tmp_path, bad):
    with pytest.raises(DataError, match=r"windows\.0\.reward.* is (nan|inf)"):
        save_json(tmp_path / "s.json", {"windows": [{"reward": bad}]})


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "[" * 100_000, "\xff"])
def test_json_that_is_damaged_or_hostile_is_an_error_of_data(tmp_path, text):
    (tmp_path / "s.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"s\.json"):
        load_json(tmp_path / "s.json")


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_else(tmp_path, monkeypatch):
    save_json(tmp_path / "s.json", 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(StorageError, match=r"s\.json: cannot write: No space left on device"):
        save_json(tmp_path / "s.json", 2)
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]
    assert json.loads((tmp_path / "s.json").read_text()) == 1


def test_the_writable_probe_creates_the_directory_and_leaves_it_empty(tmp_path):
    directory = tmp_path / "Ünï cödé 🚀" / ("x" * 200)
    check_writable(directory)
    assert not list(directory.iterdir())


def test_the_writable_probe_names_what_stands_in_the_way(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StorageError, match="results"):
        check_writable(tmp_path / "results" / "run")
    with pytest.raises(StorageError, match="results"):
        check_writable(tmp_path / "results")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_the_writable_probe_notices_a_read_only_directory(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        check_writable(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_odd_names_are_escaped_and_come_back(tmp_path, name):
    stored = safe_name(name)
    assert original_name(stored) == name
    (tmp_path / stored).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [stored]


def test_odd_names_stay_apart():
    assert len({safe_name(name) for name in ODD_NAMES}) == len(ODD_NAMES)


@pytest.mark.parametrize(
    "name", ["3DBall", "Name with spaces", "Ünï cödé 🚀", "x" * 200, "a.b-c_d"]
)
def test_plain_names_stay_as_they_are(name):
    assert safe_name(name) == name == original_name(name) == valid_run_id(name)


def test_very_long_names_fit_a_file_name_and_stay_apart(tmp_path):
    names = ["🚀" * 300, "🚀" * 301, "/" * 100]
    for name in names:
        (tmp_path / safe_name(name)).mkdir()
    assert len(list(tmp_path.iterdir())) == len(names)


@pytest.mark.parametrize("text", ["", "..", "a/b", "a\\b", "C:", ".hidden", "nul", "x" * 300])
def test_a_run_id_that_is_no_plain_name_is_refused(text):
    with pytest.raises(SettingsError, match="run id"):
        valid_run_id(text)
