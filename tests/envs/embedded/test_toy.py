import numpy as np
import pytest

from mlagents_tf.envs.embedded.toy import (
    DiscreteLine,
    HybridLine,
    ImageLine,
    LineWorld,
    MaskedLine,
    MemoryLine,
)
from mlagents_tf.steps import Actions
from tests.envs.playing import continuous, discrete, play


def straight(step):
    """Continuous: towards the side shown."""
    return continuous(step.obs[0])


def test_going_straight_takes_five_decisions_and_brings_0_96():
    returns, lengths = play(LineWorld(num_areas=3, seed=1), straight, 20)
    np.testing.assert_allclose(returns, 1.0 - 4 * 0.01, rtol=1e-5)
    assert set(lengths) == {5}


def test_the_wrong_end_costs_one():
    returns, _ = play(LineWorld(seed=1), lambda step: continuous(-step.obs[0]), 5)
    np.testing.assert_allclose(returns, -1.0 - 4 * 0.01, rtol=1e-5)


def test_options_are_left_and_right():
    returns, _ = play(
        DiscreteLine(num_areas=4, seed=1), lambda step: discrete(step.obs[0][:, 0] > 0), 5
    )
    np.testing.assert_allclose(returns, [0.96] * 4, rtol=1e-5)


def test_a_hybrid_agent_walks_both_lines_and_is_paid_the_mean():
    def half_right(step):  # the first line's right end, the second line's wrong one
        return Actions(step.obs[0][:, :1], (step.obs[0][:, 1:] < 0).astype(np.int32))

    returns, _ = play(HybridLine(num_areas=8, seed=1), half_right, 5)
    np.testing.assert_allclose(returns, [0.0 - 0.04] * 8, atol=1e-6)


def test_staying_is_masked_away_from_the_middle():
    env = MaskedLine()
    assert env.reset()["toy-masked"].allowed_actions.tolist() == [[True, True, True]]
    step = env.step({"toy-masked": discrete([1])})["toy-masked"]
    assert step.allowed_actions.tolist() == [[True, True, False]]
    assert step.obs[0][0, 1] == pytest.approx(0.2)


def test_an_image_lights_the_half_of_the_goal():
    env = ImageLine(num_areas=20, seed=1)
    step = env.reset()["toy-image"]
    assert step.obs[0].dtype == np.uint8
    right = step.obs[0][:, 0, :, 10:].all(axis=(1, 2))
    left = step.obs[0][:, 0, :, :10].all(axis=(1, 2))
    np.testing.assert_array_equal(right, env.sides[:, 0] > 0)
    np.testing.assert_array_equal(left, ~right)


def test_memory_is_needed_after_the_first_observation():
    env = MemoryLine(num_areas=5, seed=1)
    assert (np.abs(env.reset()["toy-memory"].obs[0]) == 1).all()
    assert (env.step({"toy-memory": discrete([0] * 5)})["toy-memory"].obs[0] == 0).all()
