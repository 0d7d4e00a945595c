"""What is no replay file of this very checkpoint is refused in one sentence, and nothing kept."""

import os

import h5py
import numpy as np
import pytest

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_file import load_replay
from mlagents_tf.errors import DataError
from tests.data.replays import ONE, filled, played
from tests.data.worlds import SPEC

ROWS = 150


def refusal(path, replay):
    """The sentence with which a file is refused; nothing is kept of it."""
    other = Replay(replay.spec, replay.capacity)
    other.load_state(replay.state())
    with pytest.raises(DataError) as refused:
        load_replay(path, other)
    assert (len(other), other.num_real, other.columns) == (0, 0, {})
    assert not h5py.h5f.get_obj_ids(types=h5py.h5f.OBJ_FILE)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.03, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(original, path, share):
    os.truncate(path, int(path.stat().st_size * share))
    assert refusal(path, original).startswith("not readable as HDF5: ")


@pytest.mark.parametrize(
    "content", [b"", b"no HDF5\n" * 1000, b"PK\3\4" * 1000, b"\x89HDF\r\n\x1a\n"]
)
def test_what_is_not_hdf5_is_refused(original, path, content):
    path.write_bytes(content)
    assert refusal(path, original).startswith("not readable as HDF5: ")


def test_a_missing_file_or_a_directory_is_refused(original, tmp_path):
    assert "No such file" in refusal(tmp_path / "nothing", original)
    assert "not readable as HDF5" in refusal(tmp_path, original)


def test_a_flipped_bit_never_does_worse_than_another_number(original, saved, tmp_path):
    content = bytearray(saved.read_bytes())
    rng = np.random.default_rng(0)
    outcomes = set()
    for place in rng.integers(0, len(content), 200).tolist() + list(range(0, 2000, 13)):
        content[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "r").write_bytes(content)
        replay = Replay(SPEC, ROWS)
        replay.load_state(original.state())
        try:
            load_replay(tmp_path / "r", replay)
            outcomes.add(replay.num_real)
        except DataError:
            outcomes.add("refused")
        content[place] = saved.read_bytes()[place]
    assert outcomes == {"refused", original.num_real}


def test_a_file_of_another_spec_is_refused(path):
    assert refusal(path, filled(ROWS, 400)) == (
        f"holds obs [2], [1]; continuous 1; discrete [2, 3] (fingerprint {SPEC.fingerprint()}), "
        f"but the behavior has obs [1]; continuous 1 (fingerprint {ONE.fingerprint()})."
    )


def test_a_file_of_another_checkpoint_is_refused(original, path):
    later = played(steps=61)
    assert later.num_answered > original.num_answered
    text = refusal(path, later)
    assert text == (
        f"belongs to another checkpoint: its 'first' is {original.first}, "
        f"the trainer's is {later.first}."
    )


def test_a_file_that_is_far_too_large_is_refused(original, path):
    with path.open("ab") as file:
        file.truncate(50 << 20)
    assert refusal(path, original).startswith("has 52428800 bytes, but its rows take at most ")


def replace(file, name, **kwargs):
    """Puts another dataset in the place of one."""
    data = file[name][:]
    del file[name]
    kwargs.setdefault("dtype", data.dtype)
    if "shape" in kwargs:
        return file.create_dataset(name, **kwargs)
    kwargs.setdefault("chunks", data.shape)
    return file.create_dataset(name, data=data, **kwargs)


def attribute(name, value):
    def damage(file):
        if value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = value

    return damage


def missing(file):
    del file["rewards"]


def extra(file):
    file["notes"] = np.zeros(3)


def many(file):
    for number in range(30):
        file[f"x{number}"] = np.zeros(1)


def group(file):
    del file["rewards"]
    file.create_group("rewards")


def hard_link_to_the_root(file):
    del file["rewards"]
    file["rewards"] = file["/"]


def soft_link(file):
    file.move("rewards", "other")
    file["rewards"] = h5py.SoftLink("/other")
    del file["next"]
    file.move("other", "next")


def external_link(file):
    del file["rewards"]
    file["rewards"] = h5py.ExternalLink("/etc/passwd", "/")


def virtual(file):
    del file["rewards"]
    layout = h5py.VirtualLayout((ROWS,), "<f4")
    layout[:] = h5py.VirtualSource("elsewhere.hdf5", "rewards", (ROWS,), "<f4")
    file.create_virtual_dataset("rewards", layout)


def external_storage(file):
    del file["rewards"]
    parts = [("/etc/passwd", 0, 4 * ROWS)]
    file.create_dataset("rewards", (ROWS,), "<f4", external=parts)


def compact(file):
    del file["rewards"]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((ROWS,))
    h5py.h5d.create(file.id, b"rewards", h5py.h5t.IEEE_F32LE, space, properties)


def committed_type(file):
    file["named"] = np.dtype("<f4")
    replace(file, "rewards", dtype=file["named"])
    del file["named"]


def object_type(file):
    replace(file, "rewards", shape=(ROWS,), dtype=h5py.string_dtype(), chunks=(ROWS,))


def reference_type(file):
    replace(file, "rewards", shape=(ROWS,), dtype=h5py.ref_dtype, chunks=(ROWS,))


def compound_type(file):
    replace(file, "rewards", shape=(ROWS,), dtype=[("a", "<f4"), ("b", "<i4")], chunks=(ROWS,))


def absurd_shape(file):
    replace(file, "rewards", shape=(2**40,), chunks=(2**18,))


def absurd_chunks(file):
    replace(file, "rewards", shape=(ROWS,), maxshape=(None,), chunks=(2**28,))


def no_storage(file):
    replace(file, "rewards", shape=(ROWS,), chunks=(ROWS,))


def scalar(file):
    replace(file, "rewards", shape=(), chunks=None)


def no_dataspace(file):
    del file["rewards"]
    file["rewards"] = h5py.Empty("f4")


def value(name, at, number):
    def damage(file):
        file[name][at] = number

    return damage


def first_real(file):
    return int(file["real"][:].argmax())


def next_of_the_future(file):
    file["next"][int(np.flatnonzero(file["real"][:])[-1])] = ROWS


def next_of_itself(file):
    file["next"][first_real(file)] = 0


def one_real_less(file):
    file["real"][first_real(file)] = 0


def two_names_of_one_dataset(file):
    del file["real"]
    file["real"] = file["next"]


DAMAGES = [
    (missing, "has no dataset 'rewards'."),
    (extra, "has an entry 'notes', which no replay has."),
    (many, "has 39 entries, expected 9."),
    (group, "'rewards' is not a dataset."),
    (hard_link_to_the_root, "'rewards' is not a dataset."),
    (soft_link, "'rewards' is a link to elsewhere, expected a dataset."),
    (external_link, "'rewards' is a link to elsewhere, expected a dataset."),
    (virtual, "dataset 'rewards' is virtual, expected chunked."),
    (external_storage, "dataset 'rewards' keeps its data in other files."),
    (compact, "dataset 'rewards' is compact, expected chunked."),
    (lambda f: replace(f, "rewards", chunks=None), "is contiguous, expected chunked."),
    (lambda f: replace(f, "rewards", compression="gzip"), "'rewards' is compressed or filtered"),
    (lambda f: replace(f, "rewards", compression="lzf"), "'rewards' is compressed or filtered"),
    (lambda f: replace(f, "rewards", fletcher32=True), "'rewards' is compressed or filtered"),
    (lambda f: replace(f, "rewards", dtype="<f8"), "is of type float64, expected float32."),
    (lambda f: replace(f, "rewards", dtype=">f4"), "is of type >f4, expected float32."),
    (lambda f: replace(f, "real", dtype="?"), "'real' is of type bool, expected uint8."),
    (object_type, "'rewards' is of type object, expected float32."),
    (reference_type, "'rewards' is of type object, expected float32."),
    (compound_type, "'rewards' is of type [('a', '<f4'), ('b', '<i4')], expected float32."),
    (committed_type, "'rewards' has a named type, expected float32."),
    (two_names_of_one_dataset, "'real' is of type int32, expected uint8."),
    (lambda f: replace(f, "rewards", shape=(ROWS, 1), chunks=(ROWS, 1)), "has shape (150, 1)"),
    (lambda f: replace(f, "rewards", shape=(149,), chunks=(149,)), "has shape (149,), expected"),
    (absurd_shape, "has shape (1099511627776,), expected (150,)."),
    (absurd_chunks, "has chunks (268435456,), expected (150,)."),
    (no_storage, "dataset 'rewards' stores 0 bytes, its rows take 600."),
    (scalar, "dataset 'rewards' is contiguous, expected chunked."),
    (no_dataspace, "dataset 'rewards' is contiguous, expected chunked."),
    (attribute("format", None), "has no attribute 'format'."),
    (attribute("format", np.bytes_(b"other")), "attribute 'format' is not 'mlagents_tf replay'."),
    (attribute("format", "x"), "attribute 'format' is not a text of fixed length."),
    (attribute("spec_fingerprint", np.bytes_(b"x" * 5000)), "'spec_fingerprint' is not a text"),
    (attribute("version", np.int64(2)), "is of format version 2, only 1 can be read."),
    (attribute("version", 1.5), "attribute 'version' is not a 64-bit integer."),
    (attribute("end", np.zeros(5, np.int64)), "attribute 'end' is not a single value."),
    (attribute("end", h5py.Empty("i8")), "attribute 'end' is not a single value."),
    (attribute("end", np.int64(7)), "belongs to another checkpoint: its 'end' is 7, the trainer's"),
    (attribute("num_rows", np.int64(149)), "its 'num_rows' is 149, the trainer's is 150."),
    (attribute("num_real", np.int64(-1)), "its 'num_real' is -1, the trainer's is "),
    (attribute("capacity", None), "has no attribute 'capacity'."),
    (value("obs_0", (3, 1), np.nan), "dataset 'obs_0' has a value that is not finite."),
    (value("rewards", 149, np.inf), "dataset 'rewards' has a value that is not finite."),
    (value("continuous", (0, 0), -np.inf), "dataset 'continuous' has a value that is not finite."),
    (value("discrete", (5, 1), 3), "dataset 'discrete' has the value 3, expected 0 to 2."),
    (value("discrete", (5, 0), -1), "dataset 'discrete' has the value -1, expected 0 to 1."),
    (value("allowed", (5, 4), 2), "dataset 'allowed' has the value 2, expected 0 to 1."),
    (value("terminated", 9, 255), "dataset 'terminated' has the value 255, expected 0 to 1."),
    (value("real", 9, 7), "dataset 'real' has the value 7, expected 0 to 1."),
    (next_of_the_future, "dataset 'next' has the value 150, expected 1 to "),
    (next_of_itself, "dataset 'next' has the value 0, expected 1 to "),
    (one_real_less, "real rows, expected "),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES, ids=[words[:50] for _, words in DAMAGES])
def test_damaged_and_hostile_files_are_refused(original, path, damage, words):
    with h5py.File(path, "r+") as file:
        damage(file)
    assert words in refusal(path, original)
