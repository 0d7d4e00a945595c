"""Decisions read from files by number are those that are read in order."""

import numpy as np
import pytest

from mlagents_tf.data import demo_file
from mlagents_tf.data.demo_index import DemoIndex, rows_that_fit
from mlagents_tf.data.demos import load_demos, open_demos
from mlagents_tf.errors import DataError
from mlagents_tf.specs import ObservationSpec, Spec
from tests.data.demo_files import SPECS, pair, random_rows, two_episodes, write_file, write_rows


def index_of(*paths, spec=None, alignment="auto"):
    files = open_demos(paths)
    return DemoIndex(files, spec or files[0].spec, alignment)


def assert_same_decisions(found, demos):
    """Every decision, in the order of `demos`."""
    rows, real = demos.rows, demos.rows.real
    for one, other in zip(found.obs, rows.obs, strict=True):
        np.testing.assert_array_equal(one, other[real])
        assert one.dtype == other.dtype
    for name in found._fields[1:]:
        np.testing.assert_array_equal(getattr(found, name), getattr(rows, name)[real], name)


@pytest.mark.parametrize("alignment", ["auto", "same"])
@pytest.mark.parametrize("kind", SPECS)
def test_all_decisions_of_two_files(tmp_path, monkeypatch, kind, alignment):
    monkeypatch.setattr(demo_file, "CHUNK_RECORDS", 7)
    spec = SPECS[kind]
    for seed, name in enumerate("ab"):
        write_rows(tmp_path / f"{name}.demo", spec, random_rows(spec, 40, seed, masks=True))
    demos = load_demos(tmp_path, alignment=alignment)
    index = index_of(tmp_path, alignment=alignment)
    numbers = np.arange(index.num_rows)
    assert index.remarks == demos.remarks
    assert_same_decisions(index.read(numbers), demos)
    stories = (np.cumsum(demos.rows.last) - demos.rows.last)[demos.rows.real]
    np.testing.assert_array_equal(index.stories(numbers), stories)


def test_decisions_by_hand_in_any_order_and_twice(tmp_path):
    found = index_of(write_file(tmp_path / "a.demo", two_episodes())).read(np.array([2, 0, 2, 1]))
    np.testing.assert_array_equal(found.obs[0][:, 0], [10, 0, 10, 1])
    np.testing.assert_array_equal(found.continuous[:, 0], [-11, -1, -11, -2])
    np.testing.assert_array_equal(found.terminated, [0, 0, 0, 1])


def test_stories_of_a_single_observation_have_no_decision(tmp_path):
    pairs = [pair(0, 0, done=True), pair(1, 0), pair(2, -2), pair(9, 0, done=True), pair(3, 0)]
    index = index_of(write_file(tmp_path / "a.demo", [*pairs, pair(4, -4, done=True)]))
    found = index.read(np.arange(index.num_rows))
    np.testing.assert_array_equal(found.obs[0][:, 0], [1, 2, 3])
    np.testing.assert_array_equal(index.stories(np.arange(3)), [0, 0, 1])


def test_images_take_the_dtype_of_the_behavior(tmp_path):
    spec = SPECS["visual"]
    path = write_rows(tmp_path / "a.demo", spec, random_rows(spec))
    floats = Spec(tuple(ObservationSpec(obs.shape) for obs in spec.observations), spec.actions)
    index = index_of(path, spec=floats)
    assert_same_decisions(index.read(np.arange(index.num_rows)), load_demos(path, spec=floats))


def test_a_file_of_another_spec_is_refused(tmp_path):
    path = write_rows(tmp_path / "a.demo", SPECS["vector"], random_rows(SPECS["vector"]))
    with pytest.raises(DataError, match="does not fit the behavior"):
        index_of(path, spec=SPECS["discrete"])


def test_a_cut_is_noticed_before_anything_is_drawn(tmp_path):
    path = write_rows(tmp_path / "a.demo", SPECS["hybrid"], random_rows(SPECS["hybrid"]))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.demo: byte \d+: pair \d+ of 40 has a message of"):
        index_of(path)


def test_a_damaged_image_is_noticed_when_it_is_drawn(tmp_path):
    path = write_rows(tmp_path / "a.demo", SPECS["hybrid"], random_rows(SPECS["hybrid"]))
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT", len(data) // 2) + 8] ^= 1
    path.write_bytes(data)
    index = index_of(path)
    index.read(np.array([0]))
    sentence = r"a\.demo: byte \d+: pair (19|20|21) of 40 has observation 1 with a PNG"
    with pytest.raises(DataError, match=sentence):
        index.read(np.arange(index.num_rows))


def test_a_file_that_has_shrunk_since_is_an_error(tmp_path):
    path = write_rows(tmp_path / "a.demo", SPECS["vector"], random_rows(SPECS["vector"]))
    index = index_of(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"a\.demo: byte \d+: pair \d+ of 40 has"):
        index.read(np.arange(index.num_rows))


def test_a_file_that_states_a_billion_pairs_reserves_nothing(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes(), number_steps=1 << 30)
    with pytest.raises(DataError, match="pair 6 of 1073741824 has"):
        index_of(path)


def test_how_many_rows_fit():
    image = Spec((ObservationSpec((3, 84, 84), dtype="uint8"),), SPECS["vector"].actions)
    assert rows_that_fit(image, 1 << 30) == 50_688  # of 21168 + 8 + 7 bytes each
    assert rows_that_fit(image, 1) == 1
