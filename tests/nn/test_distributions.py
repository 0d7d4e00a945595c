"""Densities and entropies against TensorFlow Probability and ML-Agents."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
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


def squashed(means, log_stds, noise):
    spec = ActionSpec(means.shape[-1])
    distribution = ActionDistribution(spec, means, log_stds, NONE[: len(means)])
    return distribution.sample_tanh(noise)


def squashed_by_probability(means, log_stds, noise):
    """The same by TensorFlow Probability, in float64."""
    means, log_stds, noise = (tf.cast(x, tf.float64) for x in (means, log_stds, noise))
    drawn = means + tf.exp(log_stds) * noise
    distribution = tfd.TransformedDistribution(tfd.Normal(means, tf.exp(log_stds)), tfb.Tanh())
    # its bijector remembers what it has just mapped, so that no arctanh rounds
    actions = distribution.bijector.forward(drawn)
    return actions, tf.reduce_sum(distribution.log_prob(actions), axis=-1)


FAR_OUT = np.linspace(-10, 10, 81).astype(np.float32)[:, None]


@pytest.mark.parametrize("log_std", [-3.0, 0.0, 2.0])
def test_squashed_draws_are_those_of_tensorflow_probability(log_std):
    # drawn values are -10 to 10, where float32 has tanh(x) = 1 and an arctanh would be infinite
    noise = np.random.default_rng(0).standard_normal((81, 2)).astype(np.float32)
    log_stds = np.full((81, 2), log_std, np.float32)
    means = FAR_OUT - np.exp(log_stds) * noise
    actions, log_probs = squashed(means, log_stds, noise)
    expected_actions, expected = squashed_by_probability(means, log_stds, noise)
    np.testing.assert_allclose(actions, expected_actions, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_probs, expected, rtol=1e-5, atol=2e-5)
    assert np.abs(actions).max() == 1


def test_gradients_of_squashed_draws_are_those_of_tensorflow_probability():
    rng = np.random.default_rng(0)
    noise, spread = rng.standard_normal((2, 81, 2)).astype(np.float32)
    log_stds = 0.5 * spread
    means = FAR_OUT - np.exp(log_stds) * noise
    found = []
    for draw in (squashed, squashed_by_probability):
        inputs = [tf.constant(means), tf.constant(log_stds)]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            actions, log_probs = draw(*inputs, noise)
        found.append(
            [tape.gradient(x, y).numpy() for x in (actions, log_probs) for y in inputs],
        )
    for ours, theirs in zip(*found, strict=True):
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_a_draw_in_the_middle_by_hand():
    actions, log_probs = squashed(tf.zeros([1, 2]), tf.zeros([1, 2]), tf.zeros([1, 2]))
    np.testing.assert_array_equal(actions, [[0, 0]])
    np.testing.assert_allclose(log_probs, [-np.log(2 * np.pi)], rtol=1e-6)  # tanh has slope 1


def test_squashed_densities_integrate_to_1():
    noise = np.linspace(-8, 8, 4001).astype(np.float32)[:, None]
    ones = np.ones_like(noise)
    actions, log_probs = squashed(0.3 * ones, -0.5 * ones, noise)
    total = np.trapezoid(np.exp(log_probs), actions[:, 0])
    np.testing.assert_allclose(total, 1, rtol=1e-3)


def test_branches_are_normalised_apart():
    logits = np.log(np.array([[1.0, 3.0, 2.0, 2.0, 4.0]], np.float32))
    first, second = categorical(logits, (2, 3)).branch_log_probs()
    np.testing.assert_allclose(np.exp(first), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(np.exp(second), [[0.25, 0.25, 0.5]], rtol=1e-6)


def test_a_forbidden_option_has_probability_0_and_no_part_in_entropy_or_gradient():
    logits = tf.constant([[1.0, 1.0, 50.0, 1.0, 2.0]])
    allowed = tf.constant([[True, True, False, False, True]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        masked = masked_logits(logits, allowed)
        spec = ActionSpec(0, (3, 2))
        branches = ActionDistribution(spec, NONE[:1], NONE[:1], masked).branch_log_probs()
        entropies = [-tf.reduce_sum(tf.exp(p) * p, axis=-1) for p in branches]
        total = sum(entropies) + tf.reduce_sum(tf.exp(branches[0][:, 0]))
    np.testing.assert_allclose(np.exp(branches[0]), [[0.5, 0.5, 0]], rtol=1e-6)
    np.testing.assert_array_equal(np.exp(branches[1]), [[0, 1]])
    np.testing.assert_allclose(entropies, [[np.log(2)], [0]], rtol=1e-6)
    gradient = tape.gradient(total, logits).numpy()
    # of the probability 1/2: p (1 - p) and -p (1 - p)
    np.testing.assert_allclose(gradient, [[0.25, -0.25, 0, 0, 0]], atol=1e-7)
