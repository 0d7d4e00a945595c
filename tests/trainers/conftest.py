"""Reward signals and modes of tests."""

import pytest
import tensorflow as tf

from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.trainers import signals


class Bonus(RewardSignal):
    """One for every decision, for ever."""

    goes_on_after_the_end = True

    def rewards(self, transitions):
        return self.strength * tf.ones_like(transitions.rewards)


TWO_SIGNALS = {
    "extrinsic": {"gamma": 0.9, "strength": 2.0},
    "rnd": {"gamma": 0.5, "strength": 0.5},
}


@pytest.fixture
def two_signals(monkeypatch):
    monkeypatch.setattr(signals, "BUILT_IN", {**signals.BUILT_IN, "rnd": Bonus})
    return TWO_SIGNALS


@pytest.fixture
def eager(monkeypatch):
    """No compilation: for tests of few gradient steps."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
