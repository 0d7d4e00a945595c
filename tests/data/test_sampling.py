"""Draws have the distribution that training believes they have."""

import numpy as np
import pytest
from tensorflow_probability import distributions as tfd

from mlagents_tf.data.sampling import log_probs, sample_branches, sample_gaussian

BRANCHES = (slice(0, 2), slice(2, 5))
LOGITS = np.array([[0.0, 1.0, -1.0, 0.5, 2.0]], np.float32)
DRAWS = 40_000


def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def frequencies(options, count):
    return np.bincount(options, minlength=count) / len(options)


def draw(allowed=None, seed=0):
    many = None if allowed is None else np.repeat(np.array([allowed]), DRAWS, axis=0)
    rng = np.random.default_rng(seed)
    return sample_branches(np.repeat(LOGITS, DRAWS, axis=0), many, BRANCHES, rng)


def assert_drawn_from(options, probabilities):
    """Chi-square of the counts; 20 is beyond one in ten thousand at up to 2 degrees of freedom."""
    counts = np.bincount(options, minlength=len(probabilities))
    possible = probabilities > 0
    assert not counts[~possible].any()
    expected = DRAWS * probabilities[possible]
    assert ((counts[possible] - expected) ** 2 / expected).sum() < 20


def test_options_are_drawn_with_softmax_probabilities():
    taken = draw()
    for branch, options in enumerate(BRANCHES):
        assert_drawn_from(taken[:, branch], softmax(LOGITS[0, options]))


def test_branches_are_drawn_independently():
    taken = draw()
    joint = frequencies(taken[:, 0] * 3 + taken[:, 1], 6).reshape(2, 3)
    np.testing.assert_allclose(joint, np.outer(joint.sum(1), joint.sum(0)), atol=0.01)


def test_a_forbidden_option_is_never_taken_and_the_others_share_its_probability():
    taken = draw(allowed=[True, True, True, False, True])
    probabilities = softmax(LOGITS[0, 2:5]) * [1, 0, 1]
    assert_drawn_from(taken[:, 1], probabilities / probabilities.sum())


def test_the_only_allowed_option_is_taken_however_unlikely():
    logits = np.array([[-80.0, 80.0]], np.float32)
    allowed = np.array([[True, False]])
    for rng in (None, np.random.default_rng(0)):
        assert sample_branches(logits, allowed, (slice(0, 2),), rng).tolist() == [[0]]


def test_without_a_generator_the_likeliest_allowed_option_is_taken():
    assert sample_branches(LOGITS, None, BRANCHES, None).tolist() == [[1, 2]]
    allowed = np.array([[True, False, True, True, False]])
    assert sample_branches(LOGITS, allowed, BRANCHES, None).tolist() == [[0, 1]]


class ZeroNoise:
    """The generator on the one draw in eight million that is exactly 0."""

    def standard_exponential(self, shape, dtype):
        return np.zeros(shape, dtype)


def test_noise_of_exactly_zero_is_survived_quietly():
    assert sample_branches(LOGITS, None, BRANCHES, ZeroNoise()).tolist() == [[1, 2]]


def test_the_same_generator_state_draws_the_same():
    np.testing.assert_array_equal(draw(seed=3), draw(seed=3))
    assert (draw(seed=3) != draw(seed=4)).any()


def test_gaussian_draws_have_the_asked_mean_and_deviation():
    means = np.tile(np.array([[1.0, -2.0]], np.float32), (DRAWS, 1))
    drawn = sample_gaussian(means, np.array([0.5, 2.0], np.float32), np.random.default_rng(0))
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn.mean(0), [1.0, -2.0], atol=0.04)
    np.testing.assert_allclose(drawn.std(0), [0.5, 2.0], rtol=0.02)


@pytest.mark.parametrize("continuous_size", [0, 3])
@pytest.mark.parametrize("branches", [(), BRANCHES])
def test_log_probs_are_those_of_tensorflow_probability(continuous_size, branches):
    rng = np.random.default_rng(0)
    n, options = 6, 5 if branches else 0
    means, x = rng.standard_normal((2, n, continuous_size)).astype(np.float32)
    stds = np.exp(rng.standard_normal(continuous_size)).astype(np.float32)
    logits = rng.standard_normal((n, options)).astype(np.float32)
    allowed = rng.random((n, options)) < 0.7
    for branch in branches:
        allowed[:, branch.start] = True
    discrete = np.zeros((n, len(branches)), np.int32)
    expected = np.sum(tfd.Normal(means, stds).log_prob(x), axis=1)
    for branch in branches:
        forbidden = np.where(allowed[:, branch], logits[:, branch], -np.inf)
        expected += tfd.Categorical(forbidden).log_prob(0).numpy()
    found = log_probs(means, stds, x, logits, allowed, discrete, branches)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
