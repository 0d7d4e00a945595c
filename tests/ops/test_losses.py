"""Losses push where they should, stop where they must, and agree with ML-Agents."""

import numpy as np
import tensorflow as tf

from mlagents_tf.ops.losses import clipped_policy_loss, clipped_value_loss

ONE = tf.ones([1])


def gradient(loss, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(x)
    return tape.gradient(value, x).numpy()


def test_policy_loss_is_minus_the_mean_advantage_while_the_policy_is_unchanged():
    log_probs = tf.constant([-1.0, -2.0])
    loss = clipped_policy_loss(log_probs, log_probs, tf.constant([1.0, 4.0]), tf.ones(2), 0.2)
    np.testing.assert_allclose(loss, -2.5)


def test_policy_loss_has_no_gradient_past_the_clip():
    log_probs = tf.constant([0.5, -0.5])  # ratios 1.65 and 0.61, both pushed further out

    def loss(x):
        return clipped_policy_loss(x, tf.zeros(2), tf.constant([1.0, -1.0]), tf.ones(2), 0.2)

    np.testing.assert_allclose(loss(log_probs), -(1.2 - 0.8) / 2, rtol=1e-6)
    np.testing.assert_array_equal(gradient(loss, log_probs), [0.0, 0.0])


def test_policy_loss_pulls_a_ratio_back_from_beyond_the_clip():
    log_probs = tf.constant([0.5, -0.5])  # both too far on the wrong side

    def loss(x):
        return clipped_policy_loss(x, tf.zeros(2), tf.constant([-1.0, 1.0]), tf.ones(2), 0.2)

    np.testing.assert_allclose(
        gradient(loss, log_probs), [np.exp(0.5) / 2, -np.exp(-0.5) / 2], rtol=1e-6
    )


def test_policy_loss_treats_advantages_as_constants():
    advantages = tf.constant([1.0])
    with tf.GradientTape() as tape:
        tape.watch(advantages)
        loss = clipped_policy_loss(tf.zeros(1), tf.zeros(1), advantages, ONE, 0.2)
    assert tape.gradient(loss, advantages) is None


def test_policy_loss_divides_by_the_number_of_real_rows():
    loss = clipped_policy_loss(
        tf.zeros(4),
        tf.zeros(4),
        tf.constant([1.0, 3.0, 9.0, 9.0]),
        tf.constant([1.0, 1, 0, 0]),
        0.2,
    )
    np.testing.assert_allclose(loss, -2.0)


def test_policy_loss_agrees_with_ml_agents(golden):
    # one action dimension: per dimension (theirs) and per whole action (ours) are the same
    loss = clipped_policy_loss(
        golden["policy.log_probs"][:, 0],
        golden["policy.old_log_probs"][:, 0],
        golden["policy.advantages"],
        golden["policy.mask"].astype(np.float32),
        0.2,
    )
    np.testing.assert_allclose(loss, golden["policy.loss epsilon=0.2"], rtol=1e-6)


def value_loss(value, old_value, expected, epsilon=0.2):
    arrays = ([[x]] for x in (value, old_value, expected))
    return clipped_value_loss(*map(tf.constant, arrays), ONE, epsilon)


def test_value_loss_is_the_squared_error_while_values_move_little():
    np.testing.assert_allclose(value_loss(1.1, 1.0, 2.0), 0.81, rtol=1e-6)


def test_value_loss_counts_the_clipped_value_when_it_is_further_off():
    # moved from 1 to 2 at once, but only 1.2 is believed: (3 - 1.2)^2
    np.testing.assert_allclose(value_loss(2.0, 1.0, 3.0), 3.24, rtol=1e-6)


def test_value_loss_has_no_gradient_where_the_clipped_value_counts():
    def loss(x):
        return clipped_value_loss(x, tf.constant([[1.0]]), tf.constant([[3.0]]), ONE, 0.2)

    np.testing.assert_array_equal(gradient(loss, tf.constant([[2.0]])), [[0.0]])


def test_value_loss_clips_around_the_old_value_not_around_the_return():
    # around the return, as ML-Agents' trainer does by mistake, it would be the plain (0 - 3)^2
    np.testing.assert_allclose(value_loss(3.0, 1.0, 0.0), 9.0)
    np.testing.assert_allclose(value_loss(0.0, 1.0, 0.5), 0.25)
    np.testing.assert_allclose(value_loss(0.0, 2.0, 0.5), 1.3**2, rtol=1e-6)


def test_value_loss_is_a_mean_over_signals_and_real_rows():
    values, zeros = tf.constant([[1.0, 2.0, 9.0], [3.0, 0.0, 9.0]]), tf.zeros([2, 3])
    loss = clipped_value_loss(values, values, zeros, tf.constant([1.0, 1.0, 0.0]), 0.2)
    np.testing.assert_allclose(loss, ((1 + 4) / 2 + (9 + 0) / 2) / 2)


def test_value_loss_agrees_with_ml_agents_function(golden):
    # its trainer passes returns as old values by mistake; the function itself is right, as ours
    loss = clipped_value_loss(
        golden["value.values"][None],
        golden["value.old_values"][None],
        golden["value.returns"][None],
        golden["policy.mask"].astype(np.float32),
        0.2,
    )
    np.testing.assert_allclose(loss, golden["value.loss epsilon=0.2"], rtol=1e-6)
