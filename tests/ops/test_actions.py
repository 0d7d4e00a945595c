"""Actions as vectors."""

import numpy as np
import tensorflow as tf

from mlagents_tf.ops.actions import action_vector, one_hot_branches

DISCRETE = tf.constant([[1, 0], [0, 2]])


def test_options_taken_are_1_and_branches_stand_side_by_side():
    expected = [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(one_hot_branches(DISCRETE, (2, 3)), expected)


def test_continuous_dimensions_stand_before_them():
    continuous = tf.constant([[0.5], [-0.25]])
    expected = [[0.5, 0, 1, 1, 0, 0], [-0.25, 1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(action_vector(continuous, DISCRETE, (2, 3)), expected)


def test_either_kind_may_be_missing():
    nothing = tf.zeros([2, 0], tf.int32)
    assert one_hot_branches(nothing, ()).shape == (2, 0)
    np.testing.assert_array_equal(action_vector(tf.ones([2, 1]), nothing, ()), np.ones((2, 1)))
    assert action_vector(tf.zeros([2, 0]), DISCRETE, (2, 3)).shape == (2, 5)
