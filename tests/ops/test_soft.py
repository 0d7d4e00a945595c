"""Quantities of SAC by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.ops.soft import (
    bootstrapped,
    entropy_coefficient_loss,
    half_squared_error,
    mean_over_branches,
)


def test_q_of_options_taken_is_the_mean_over_branches():
    q = tf.constant([[[1.0, 2.0, 10.0, 20.0, 30.0]]])  # branches of two and three options
    taken = tf.constant([[0.0, 1.0, 0.0, 0.0, 1.0]])
    np.testing.assert_allclose(mean_over_branches(q, taken, 2), [[(2 + 30) / 2]])


def test_q_of_a_policy_weighs_options_by_their_probabilities():
    q = tf.constant([[[1.0, 2.0, 10.0, 20.0, 30.0]]])
    probabilities = tf.constant([[0.25, 0.75, 0.5, 0.5, 0.0]])
    np.testing.assert_allclose(mean_over_branches(q, probabilities, 2), [[(1.75 + 15) / 2]])


def test_q_of_a_continuous_action_is_its_one_number():
    q = tf.constant([[[3.0], [4.0]], [[5.0], [6.0]]])  # two signals, two rows
    np.testing.assert_allclose(mean_over_branches(q, tf.ones([2, 1]), 0), [[3, 4], [5, 6]])


def test_every_signal_has_its_reward_and_discount_and_all_see_the_same_action():
    rewards = tf.constant([[1.0, 1.0], [0.0, 2.0]])
    ends = tf.constant([[0.0, 1.0], [0.0, 0.0]])  # the second signal goes on after the end
    gammas = tf.constant([[0.9], [0.5]])
    values = tf.constant([[10.0, 10.0], [4.0, 4.0]])
    found = bootstrapped(rewards, ends, gammas, values)
    np.testing.assert_allclose(found, [[1 + 9, 1], [0 + 2, 2 + 2]])


def test_nothing_flows_back_through_what_q_is_trained_towards():
    rewards, values = tf.ones([1, 1]), tf.ones([1, 1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([rewards, values])
        target = bootstrapped(rewards, tf.zeros([1, 1]), tf.constant([[0.9]]), values)
    assert tape.gradient(target, [rewards, values]) == [None, None]


def test_errors_are_squared_halved_and_averaged_over_signals_and_rows():
    values, targets = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[0.0, 2.0], [6.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch([values, targets])
        loss = half_squared_error(values, targets, tf.ones(2))
    np.testing.assert_allclose(loss, (1 + 0 + 9 + 4) / 4 / 2)
    towards_values, towards_targets = tape.gradient(loss, [values, targets])
    np.testing.assert_allclose(towards_values, [[1 / 4, 0], [-3 / 4, 2 / 4]])
    assert towards_targets is None


def test_errors_on_rows_that_are_masked_do_not_count():
    values, targets = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[0.0, 2.0], [6.0, 2.0]])
    loss = half_squared_error(values, targets, tf.constant([1.0, 0.0]))
    np.testing.assert_allclose(loss, (1 + 9) / 2 / 2)


def coefficient_gradient(entropies, targets, shares, mask=None):
    mask = mask or [1.0] * len(entropies)
    logs = tf.constant([0.5] * len(targets))
    with tf.GradientTape() as tape:
        tape.watch(logs)
        loss = entropy_coefficient_loss(
            logs,
            tf.constant(entropies),
            tf.constant(targets),
            tf.constant(shares),
            tf.constant(mask),
        )
    return float(loss), tape.gradient(loss, logs).numpy()


def test_a_coefficient_falls_with_entropy_to_spare_and_rises_without():
    # mean entropies 1 and -3 beside targets 0.25 and -2
    loss, gradient = coefficient_gradient([[0.5, -2.0], [1.5, -4.0]], [0.25, -2.0], [1.0, 1.0])
    np.testing.assert_allclose(gradient, [0.75, -1.0])
    assert loss == pytest.approx(0.5 * 0.75 - 0.5 * 1.0)


def test_entropies_of_rows_that_are_masked_do_not_count():
    _, gradient = coefficient_gradient([[0.5], [1.5], [99.0]], [0.25], [1.0], [1.0, 1.0, 0.0])
    np.testing.assert_allclose(gradient, [0.75])


def test_a_branch_counts_by_its_share():
    loss, gradient = coefficient_gradient([[1.0, 3.0]], [0.0, 0.0], [0.5, 0.5])
    np.testing.assert_allclose(gradient, [0.5, 1.5])
    assert loss == pytest.approx(0.5 * 2)


def test_a_coefficient_loss_says_nothing_to_the_policy():
    entropies = tf.constant([[1.0]])
    with tf.GradientTape() as tape:
        tape.watch(entropies)
        loss = entropy_coefficient_loss(
            tf.constant([1.0]), entropies, tf.constant([0.0]), tf.constant([1.0]), tf.ones(1)
        )
    assert tape.gradient(loss, entropies) is None
