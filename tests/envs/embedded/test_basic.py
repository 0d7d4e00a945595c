import numpy as np
import pytest

from mlagents_tf.envs.embedded.basic import Basic
from tests.envs.playing import discrete

LEFT, RIGHT = 1, 2


def test_seven_steps_right_bring_the_benchmark():
    env = Basic()
    env.reset()
    total = 0.0
    for _ in range(7):
        step = env.step({"Basic": discrete([RIGHT])})["Basic"]
        total += step.rewards[0]
    assert total == pytest.approx(1.0 - 7 * 0.01)
    assert step.terminated.tolist() == [True, False]


def test_three_steps_left_bring_the_small_prize():
    env = Basic()
    env.reset()
    rewards = [env.step({"Basic": discrete([LEFT])})["Basic"].rewards[0] for _ in range(3)]
    np.testing.assert_allclose(rewards, [-0.01, -0.01, 0.09])


def test_the_place_is_one_hot_of_twenty():
    env = Basic(num_areas=2)
    step = env.reset()["Basic"]
    assert step.obs[0].shape == (2, 20)
    assert step.obs[0].argmax(axis=1).tolist() == [10, 10]


def test_an_episode_has_no_time_limit():
    env = Basic()
    env.reset()
    for _ in range(2000):
        step = env.step({"Basic": discrete([0])})["Basic"]
    assert step.agent_ids.tolist() == [0]


def test_the_picture_shows_the_agent_moving_right():
    env = Basic()
    env.reset()
    before = env.render()
    env.step({"Basic": discrete([RIGHT])})
    assert before.shape == (80, 420, 3)
    assert (env.render() != before).any()
