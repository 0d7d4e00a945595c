"""Running statistics against ML-Agents and float64."""

import numpy as np
import tensorflow as tf

from mlagents_tf.nn.normalizer import Normalizer


def fed(*batches, size=4):
    normalizer = Normalizer(size)
    for batch in batches:
        normalizer.update(tf.constant(batch), tf.ones(len(batch)))
    return normalizer


def test_before_any_row_the_mean_is_0_and_the_variance_1():
    found = Normalizer(2)(tf.constant([[1.0, -2.0]]))
    np.testing.assert_allclose(found, [[1.0, -2.0]])


def test_two_rows_by_hand():
    normalizer = fed(np.array([[3.0], [6.0]], np.float32), size=1)
    # with the start, worth one row at 0: mean (0 + 3 + 6) / 3; squares 1 + (9 + 0 + 9)
    np.testing.assert_allclose(normalizer.mean, [3.0])
    np.testing.assert_allclose(normalizer.variance_sum, [19.0], rtol=1e-6)
    assert int(normalizer.rows) == 3
    np.testing.assert_allclose(
        normalizer(tf.constant([[4.0]])), [[1.0 / np.sqrt(19 / 3)]], rtol=1e-6
    )


def test_statistics_agree_with_ml_agents(golden):
    normalizer = fed(*(golden[f"normalizer.batch{i}"] for i in range(3)))
    assert int(normalizer.rows) == golden["normalizer.steps"]
    np.testing.assert_allclose(normalizer.mean, golden["normalizer.mean"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        normalizer.variance_sum, golden["normalizer.variance_sum"], rtol=1e-5
    )
    found = normalizer(golden["normalizer.input"])
    np.testing.assert_allclose(found, golden["normalizer.output"], rtol=1e-5, atol=1e-6)


def test_many_batches_agree_with_float64():
    rng = np.random.default_rng(0)
    batches = [
        rng.normal([0, 100, -5, 0.01], [1, 20, 0.1, 0.001], (200, 4)).astype(np.float32)
        for _ in range(100)
    ]
    normalizer = fed(*batches)
    rows = np.concatenate([np.zeros((1, 4)), *batches]).astype(np.float64)
    sums = 1 + ((rows - rows.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(normalizer.mean, rows.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(normalizer.variance_sum, sums, rtol=1e-3)


def test_padding_rows_do_not_count():
    real = np.array([[1.0], [2.0]], np.float32)
    padded = Normalizer(1)
    padded.update(tf.constant([[1.0], [999.0], [2.0]]), tf.constant([1.0, 0.0, 1.0]))
    alone = fed(real, size=1)
    for a, b in zip(padded.weights, alone.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_no_real_rows_change_nothing():
    normalizer = fed(np.array([[1.0], [2.0]], np.float32), size=1)
    before = [weight.numpy().copy() for weight in normalizer.weights]
    normalizer.update(tf.constant([[999.0]]), tf.zeros(1))
    for weight, old in zip(normalizer.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_a_call_does_not_change_the_statistics_and_clips_at_five():
    normalizer = Normalizer(1)
    found = normalizer(tf.constant([[1000.0], [-1000.0]]))
    np.testing.assert_allclose(found, [[5.0], [-5.0]])
    assert int(normalizer.rows) == 1


def test_statistics_are_not_trained():
    assert Normalizer(3).trainable_variables == []


def test_rows_too_large_for_float32_squares_are_not_counted():
    normalizer = fed(np.full((3, 4), 1e25, np.float32), np.ones((2, 4), np.float32))
    assert int(normalizer.rows) == 3
    assert np.isfinite(normalizer.variance_sum).all()
    assert np.isfinite(normalizer.mean).all()
