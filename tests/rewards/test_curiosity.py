"""Curiosity's losses and reward are the paper's."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.rewards.check_signal import SPECS, random_transitions
from tests.rewards.pencil import Pencil, check_gradients, mean, shaken, swish
from tests.rewards.signals import small_signal

SEED = tf.constant([1, 2], tf.int32)
HYBRID = SPECS["hybrid, several vectors"]


class PencilCuriosity(Pencil):
    """Encoder, forward and inverse model by the book."""

    def encoding(self, obs):
        return self.body("encoder", self.inputs(obs))

    def perceptron(self, name, *parts):
        hidden = swish(self.dense(f"{name}_hidden/{name}_hidden", np.concatenate(parts, axis=1)))
        return self.dense(f"{name}_output/{name}_output", hidden)

    def surprise(self, rows):
        following = self.encoding(rows.next_obs)
        foreseen = self.perceptron("forward", self.encoding(rows.obs), self.action(rows))
        return 0.5 * ((foreseen - following) ** 2).sum(axis=1)

    def mistake(self, rows):
        told = self.perceptron("inverse", self.encoding(rows.obs), self.encoding(rows.next_obs))
        size, count = self.actions.continuous_size, np.arange(len(told))
        found = ((told[:, :size] - np.array(rows.continuous)) ** 2).sum(axis=1)
        for branch, options in enumerate(self.actions.branch_slices()):
            odds = np.exp(told[:, size:][:, options])
            shares = odds / odds.sum(axis=1, keepdims=True)
            found = found - np.log(shares[count, np.array(rows.discrete)[:, branch]])
        return found

    def loss(self, rows):
        forward, inverse = mean(self.surprise(rows), rows.mask), mean(self.mistake(rows), rows.mask)
        return 10 * (0.2 * forward + 0.8 * inverse)


@pytest.mark.parametrize(
    "name", ["continuous, several vectors", "discrete, one vector", "hybrid, several vectors"]
)
def test_a_step_is_that_of_pencil_and_paper(name):
    spec = SPECS[name]
    signal = shaken(small_signal("curiosity", spec, network_settings={"normalize": True}))
    rows, pencil = random_transitions(spec, 0), PencilCuriosity(signal, spec.actions)
    pencil.see(rows.obs, rows.mask)
    expected = [mean(x, rows.mask) for x in (pencil.surprise(rows), pencil.mistake(rows))]
    np.testing.assert_allclose(signal.train(rows, SEED), [*expected, 0], rtol=1e-4)
    assert signal.tags == ("Losses/Curiosity Forward Loss", "Losses/Curiosity Inverse Loss")
    # a slope of the whole loss: the encoder is also moved by what it makes of next observations
    checked = check_gradients(signal, pencil, lambda: pencil.loss(rows))
    assert {name.split("/")[0] for name in checked} == {
        *("encoder", "inverse_hidden", "inverse_output", "forward_hidden", "forward_output")
    }


def test_the_reward_is_the_scaled_surprise_up_to_1():
    signal = shaken(small_signal("curiosity", HYBRID, strength=0.2))
    rows = random_transitions(HYBRID, 0)
    signal.train(rows, SEED)
    scaled = 0.2 * PencilCuriosity(signal, HYBRID.actions).surprise(rows)
    assert scaled.min() < 1 < scaled.max()
    np.testing.assert_allclose(signal.rewards(rows), np.minimum(scaled, 1), rtol=1e-4)


def test_nothing_is_paid_before_the_first_step():
    signal = small_signal("curiosity", HYBRID)
    rows = random_transitions(HYBRID, 0)
    assert not signal.rewards(rows).numpy().any()
    signal.train(rows, SEED)
    assert signal.rewards(rows).numpy().all()


def test_an_end_does_not_stop_curiosity():
    assert small_signal("curiosity", HYBRID).goes_on_after_the_end is True
