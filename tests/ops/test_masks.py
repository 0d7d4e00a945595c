"""Only real rows count."""

import numpy as np
import tensorflow as tf

from mlagents_tf.ops.masks import masked_mean, normalized

MASK = tf.constant([1.0, 1.0, 0.0])


def test_a_masked_mean_divides_by_the_real_rows():
    np.testing.assert_allclose(masked_mean(tf.constant([1.0, 3.0, 100.0]), MASK), 2.0)


def test_a_masked_mean_is_taken_over_the_last_axis():
    x = tf.constant([[1.0, 3.0, 9.0], [2.0, 6.0, 9.0]])
    np.testing.assert_allclose(masked_mean(x, MASK), [2.0, 4.0])


def test_the_mean_of_no_rows_is_zero():
    np.testing.assert_allclose(masked_mean(tf.constant([5.0, 7.0]), tf.zeros(2)), 0.0)


def test_normalized_rows_have_mean_0_and_deviation_1_and_others_are_0():
    np.testing.assert_allclose(normalized(tf.constant([2.0, 6.0, 100.0]), MASK), [-1, 1, 0])


def test_normalising_equal_numbers_gives_zeros():
    np.testing.assert_array_equal(normalized(tf.fill([3], 0.7), tf.ones(3)), [0, 0, 0])
