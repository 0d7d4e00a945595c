"""Demonstrations as minibatches: what is drawn, how often, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.data.demo_rows import take_rows
from mlagents_tf.errors import DataError
from mlagents_tf.rewards.demonstrations import Demonstrations
from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.data.demo_files import SPECS, random_rows, two_episodes, write_file, write_rows

ONE = Spec((ObservationSpec((1,)),), ActionSpec(1))
HYBRID = Spec((ObservationSpec((4,)),), ActionSpec(2, (3, 2)))


def loaded(path, spec=ONE, **keys):
    demonstrations = Demonstrations(DemonstrationSettings(demo_path=str(path), **keys), spec)
    demonstrations.load()
    return demonstrations


def everything(demonstrations):
    return demonstrations.batch(tf.range(demonstrations.num_rows))


def test_rows_are_decisions_and_finals_are_left_out(tmp_path):
    rows = everything(loaded(write_file(tmp_path / "a.demo", two_episodes())))
    assert rows.obs[0].numpy().ravel().tolist() == [0, 1, 10]
    assert rows.continuous.numpy().ravel().tolist() == [-1, -2, -11]
    assert rows.terminated.numpy().tolist() == [0, 1, 0]


def test_all_columns_stand_side_by_side(tmp_path):
    written = random_rows(HYBRID, 50)
    rows = everything(loaded(write_rows(tmp_path / "a.demo", HYBRID, written), HYBRID))
    expected = take_rows(written, written.real)
    np.testing.assert_array_equal(rows.obs[0], expected.obs[0])
    for column in ("continuous", "discrete", "terminated"):
        np.testing.assert_array_equal(getattr(rows, column), getattr(expected, column))
    assert rows.discrete.dtype == tf.int32


def test_the_alignment_that_is_asked_for_is_taken_and_told(tmp_path):
    path = write_file(tmp_path / "a.demo", two_episodes())
    settings = DemonstrationSettings(demo_path=str(path), demo_action_alignment="same")
    demonstrations = Demonstrations(settings, ONE)
    (remark,) = demonstrations.load()
    assert everything(demonstrations).continuous.numpy().ravel().tolist() == [0, -1, 0]
    assert "action alignment 'same', as asked for" in remark


def test_what_the_expert_did_is_always_allowed(tmp_path):
    written = random_rows(HYBRID, 200, masks=True)
    real, branches = written.real, HYBRID.actions.discrete_branches
    taken = np.concatenate(
        [np.eye(size, dtype=bool)[written.discrete[real, b]] for b, size in enumerate(branches)], 1
    )
    assert (taken & ~written.allowed[real]).any()  # the file says otherwise
    rows = everything(loaded(write_rows(tmp_path / "a.demo", HYBRID, written), HYBRID))
    np.testing.assert_array_equal(rows.allowed, written.allowed[real] | taken)


def test_every_row_is_drawn_as_often_as_any_other(tmp_path):
    written = random_rows(SPECS["vector"], 40)
    written.obs[0][:, 0] = np.arange(40)
    demonstrations = loaded(
        write_rows(tmp_path / "a.demo", SPECS["vector"], written), SPECS["vector"]
    )
    draw = tf.function(lambda seed: demonstrations.draw(1000, seed).obs[0][:, 0], jit_compile=True)
    drawn = np.concatenate([draw(tf.constant([5, i])) for i in range(20)])
    counts = np.bincount(drawn.astype(int), minlength=40)[written.real]
    assert counts.sum() == 20_000  # nothing but real rows
    expected = 20_000 / len(counts)
    # chi-squared of about as many degrees of freedom as rows, within five deviations
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_squared - len(counts)) < 5 * np.sqrt(2 * len(counts))


def test_a_file_without_a_decision_is_refused(tmp_path):
    rows = random_rows(ONE, 3)
    rows.mask[:] = rows.last[:] = rows.terminated[:] = rows.interrupted[:] = False
    path = write_rows(tmp_path / "a.demo", ONE, rows)
    with pytest.raises(DataError, match=r"a\.demo: holds no decision to learn from\."):
        loaded(path)


def test_a_file_of_another_spec_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not fit the behavior"):
        loaded(write_file(tmp_path / "a.demo", two_episodes()), HYBRID)


def test_nothing_can_be_drawn_before_it_is_loaded(tmp_path):
    demonstrations = Demonstrations(DemonstrationSettings(demo_path="a.demo"), ONE)
    with pytest.raises(RuntimeError, match=r"not loaded yet: call the trainer's prepare\(\)"):
        demonstrations.draw(4, tf.constant([0, 0]))
