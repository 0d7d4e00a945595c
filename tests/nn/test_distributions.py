"""Densities and entropies against TensorFlow Probability and ML-Agents."""

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from mlagents_tf.nn.distributions import ActionDistribution, masked_logits
from mlagents_tf.specs import ActionSpec

NONE = tf.zeros([16, 0])
NO_OPTIONS = tf.zeros([16, 0], tf.int32)


def gaussian(means, stds):
    spec = ActionSpec(means.shape[-1])
    return ActionDistribution(spec, tf.constant(means), tf.math.log(stds), NONE[: len(means)])


def categorical(logits, branches=None):
    spec = ActionSpec(0, branches or (logits.shape[-1],))
    return ActionDistribution(spec, NONE[: len(logits)], tf.zeros([0]), tf.constant(logits))


def test_gaussian_log_probs_are_summed_over_dimensions():
    found = gaussian(np.zeros((1, 2), np.float32), np.ones(2, np.float32)).log_probs(
        tf.constant([[1.0, 2.0]]), NO_OPTIONS[:1]
    )
    np.testing.assert_allclose(found, [-(1 + 4) / 2 - np.log(2 * np.pi)], rtol=1e-6)


def test_gaussian_log_probs_agree_with_ml_agents(golden):
    # theirs adds 1e-7 to deviation and variance; at deviations above a half that is 1e-6
    found = gaussian(golden["gaussian.mean"], golden["gaussian.std"]).log_probs(
        golden["gaussian.x"], NO_OPTIONS
    )
    expected = golden["gaussian.log_prob"].sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_gaussian_entropy_is_a_mean_over_dimensions_as_in_ml_agents(golden):
    found = gaussian(golden["gaussian.mean"], golden["gaussian.std"]).entropy()
    expected = golden["gaussian.entropy (mean over dims)"][:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_two_equal_dimensions_have_the_entropy_of_one():
    one = gaussian(np.zeros((1, 1), np.float32), np.ones(1, np.float32))
    two = gaussian(np.zeros((1, 2), np.float32), np.ones(2, np.float32))
    np.testing.assert_allclose(one.entropy(), [0.5 * np.log(2 * np.pi * np.e)], rtol=1e-6)
    np.testing.assert_allclose(two.entropy(), one.entropy())


def test_categorical_log_probs_agree_with_ml_agents(golden):
    # theirs adds 1e-7 to probabilities before the logarithm
    found = categorical(golden["categorical.logits"]).log_probs(
        NONE, golden["categorical.index"][:, None].astype(np.int32)
    )
    np.testing.assert_allclose(found, golden["categorical.log_prob"], rtol=1e-5, atol=1e-5)


def test_categorical_entropy_agrees_with_ml_agents(golden):
    found = categorical(golden["categorical.logits"]).entropy()
    np.testing.assert_allclose(found, golden["categorical.entropy"][:, 0], rtol=1e-5)


def test_masked_probabilities_agree_with_ml_agents(golden):
    logits = masked_logits(golden["categorical.logits"], golden["masked.allowed"] > 0)
    np.testing.assert_allclose(tf.nn.softmax(logits), golden["masked.probs"], atol=1e-6)


def test_forbidden_options_have_no_probability_and_add_no_entropy():
    logits = masked_logits(tf.constant([[1.0, 1.0, 9.0]]), tf.constant([[True, True, False]]))
    distribution = categorical(logits)
    np.testing.assert_allclose(distribution.entropy(), [np.log(2)], rtol=1e-6)
    found = distribution.log_probs(NONE[:1], tf.constant([[1]]))
    np.testing.assert_allclose(found, [-np.log(2)], rtol=1e-6)


def test_the_gradient_of_a_masked_entropy_is_finite():
    logits = tf.constant([[1.0, 2.0, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        masked = masked_logits(logits, tf.constant([[True, False, True]]))
        distribution = ActionDistribution(ActionSpec(0, (3,)), NONE[:1], tf.zeros([0]), masked)
        entropy = tf.reduce_sum(distribution.entropy())
    gradient = tape.gradient(entropy, logits).numpy()
    assert np.isfinite(gradient).all()
    assert gradient[0, 1] == 0


def test_a_hybrid_action_is_as_likely_as_both_its_parts_together():
    rng = np.random.default_rng(0)
    means, x = rng.standard_normal((2, 4, 2)).astype(np.float32)
    stds = np.array([0.5, 2.0], np.float32)
    logits = rng.standard_normal((4, 5)).astype(np.float32)
    options = np.array([[0, 2], [1, 0], [1, 1], [0, 0]], np.int32)
    spec = ActionSpec(2, (2, 3))
    hybrid = ActionDistribution(spec, tf.constant(means), tf.math.log(stds), tf.constant(logits))
    parts = [tfd.Normal(means[:, i], stds[i]).log_prob(x[:, i]) for i in range(2)]
    branches = [tfd.Categorical(logits[:, :2]), tfd.Categorical(logits[:, 2:])]
    parts += [branch.log_prob(options[:, i]) for i, branch in enumerate(branches)]
    np.testing.assert_allclose(hybrid.log_probs(x, options), sum(parts), rtol=1e-5)
    # beta of ML-Agents' files is tuned to this: mean over dimensions, sum over branches
    expected = np.mean(0.5 * np.log(2 * np.pi * np.e) + np.log(stds))
    expected = expected + sum(branch.entropy() for branch in branches)
    np.testing.assert_allclose(hybrid.entropy(), expected, rtol=1e-5)
