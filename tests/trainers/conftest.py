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


def stand_in_for(name, signal, monkeypatch):
    """Makes trainers take the class `signal` for the reward signal called `name`."""
    found = signals.signal_class
    monkeypatch.setattr(
        signals, "signal_class", lambda other: signal if other == name else found(other)
    )


TWO_SIGNALS = {
    "extrinsic": {"gamma": 0.9, "strength": 2.0},
    "rnd": {"gamma": 0.5, "strength": 0.5},
}


@pytest.fixture
def two_signals(monkeypatch):
    stand_in_for("rnd", Bonus, monkeypatch)
    return TWO_SIGNALS


@pytest.fixture
def eager(monkeypatch):
    """No compilation: for tests of few gradient steps."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
