"""The environment's reward, times its strength."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.rewards.extrinsic import ExtrinsicReward
from mlagents_tf.rewards.signal import RewardSignal, Transitions
from mlagents_tf.settings.rewards import ExtrinsicSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.signals import make_signals


def transitions(rewards):
    zeros = tf.zeros(len(rewards))
    return Transitions(
        obs=(tf.zeros([len(rewards), 1]),),
        continuous=tf.zeros([len(rewards), 1]),
        discrete=tf.zeros([len(rewards), 0], tf.int32),
        rewards=tf.constant(rewards),
        terminated=zeros,
        next_obs=(tf.zeros([len(rewards), 1]),),
        mask=tf.ones_like(zeros),
    )


SPEC = Spec((ObservationSpec((1,)),), ActionSpec(1))


def make(signal, **settings):
    return signal("own", ExtrinsicSettings(**settings), SPEC, np.random.default_rng(0))


def test_rewards_are_scaled_by_the_strength():
    signal = make(ExtrinsicReward, strength=0.5)
    np.testing.assert_allclose(signal.rewards(transitions([1.0, -4.0])), [0.5, -2.0])


def test_nothing_is_to_be_earned_beyond_the_end():
    assert not ExtrinsicReward.goes_on_after_the_end


def test_settings_become_signals_in_their_order():
    settings = {"extrinsic": ExtrinsicSettings(gamma=0.8, strength=3.0)}
    (signal,) = make_signals(settings, SPEC, np.random.default_rng(0))
    assert isinstance(signal, ExtrinsicReward)
    assert (signal.name, signal.gamma, signal.strength) == ("extrinsic", 0.8, 3.0)
    assert signal.label == "Extrinsic"


def test_a_signal_without_rewards_says_what_is_missing():
    class Silent(RewardSignal):
        pass

    with pytest.raises(NotImplementedError, match=r"Silent must define rewards\(\)"):
        make(Silent).rewards(transitions([1.0]))
