"""Draws of seeds that are passed in: independent, and the same however they are compiled."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.ops.seeds import folded, integers, standard_normal, uniform

SEED = tf.constant([3, -5], tf.int32)


@pytest.mark.parametrize(
    ("draw", "near"),
    [
        (lambda seed: integers([33, 7], seed, 60), 0.0),
        (lambda seed: uniform([33, 7], seed), 0.0),
        (lambda seed: standard_normal([33, 7], folded(seed, 1)), 1e-4),
    ],
)
def test_they_are_the_same_compiled_and_eager(draw, near):
    compiled = tf.function(draw, jit_compile=True, autograph=False)
    np.testing.assert_allclose(compiled(SEED), draw(SEED), rtol=0, atol=near)


def test_every_number_folded_in_gives_other_draws():
    drawn = np.stack([integers([1000], folded(SEED, i), 1 << 30) for i in range(4)])
    assert len(np.unique(drawn)) > 3990
    np.testing.assert_array_equal(drawn[2], integers([1000], folded(SEED, 2), 1 << 30))


def test_normal_draws_have_the_moments_of_a_normal():
    x = standard_normal([100_000], SEED).numpy()
    found = [np.mean(x), np.mean(x**2), np.mean(x**3), np.mean(x**4)]
    np.testing.assert_allclose(found, [0, 1, 0, 3], atol=0.05)


def test_uniform_draws_leave_0_and_1_out(monkeypatch):
    ends = tf.constant([0, (1 << 23) - 1], tf.int32)
    monkeypatch.setattr("mlagents_tf.ops.seeds.integers", lambda *_: ends)
    assert uniform([2], SEED).numpy().tolist() == [0.5**24, 1 - 0.5**24]
    assert np.abs(standard_normal([2], SEED)).max() == pytest.approx(5.29, abs=0.05)
