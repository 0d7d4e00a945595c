"""Random network distillation: a network that never changes, and one that learns to foresee it."""

import numpy as np
import tensorflow as tf

from mlagents_tf.rewards.check_signal import SPECS, random_transitions
from tests.rewards.pencil import Pencil, check_gradients, mean, shaken
from tests.rewards.signals import small_signal

SEED = tf.constant([1, 2], tf.int32)
SPEC = SPECS["hybrid, several vectors"]
ROWS = random_transitions(SPEC, 0)


class PencilRND(Pencil):
    """Both networks by the book."""

    def errors(self, obs):
        x = self.inputs(obs)
        return ((self.body("predictor", x) - self.body("target", x)) ** 2).sum(axis=1)


def test_a_step_is_that_of_pencil_and_paper():
    signal = shaken(small_signal("rnd", SPEC, network_settings={"normalize": True}))
    pencil = PencilRND(signal, SPEC.actions)
    pencil.see(ROWS.next_obs, ROWS.mask)
    expected = mean(pencil.errors(ROWS.next_obs), ROWS.mask)
    np.testing.assert_allclose(signal.train(ROWS, SEED), [expected, 0], rtol=1e-4)
    assert signal.tags == ("Losses/RND Loss",)
    checked = check_gradients(signal, pencil, lambda: mean(pencil.errors(ROWS.next_obs), ROWS.mask))
    assert {name.split("/")[0] for name in checked} == {"predictor"}


def test_the_target_never_changes():
    signal = small_signal("rnd", SPEC)
    before = {name: np.array(array) for name, array in signal.state().items()}
    for _ in range(5):
        signal.train(ROWS, SEED)
    changed = {n for n, array in signal.state().items() if (array != before[n]).any()}
    assert not {name for name in changed if name.startswith("network/target/")}
    assert {name for name in changed if name.startswith("network/predictor/")}


def test_both_networks_start_differently():
    state = small_signal("rnd", SPEC).state()
    kernels = [state[f"network/{part}/dense_0/kernel"] for part in ("target", "predictor")]
    assert (kernels[0] != kernels[1]).all()


def test_the_reward_is_for_what_is_seen_next_and_nothing_before_the_first_step():
    signal = shaken(small_signal("rnd", SPEC, strength=0.5))
    assert not signal.rewards(ROWS).numpy().any()
    signal.train(ROWS, SEED)
    expected = 0.5 * PencilRND(signal, SPEC.actions).errors(ROWS.next_obs)
    np.testing.assert_allclose(signal.rewards(ROWS), expected, rtol=1e-4)
    elsewhere = ROWS._replace(obs=ROWS.next_obs, rewards=-ROWS.rewards, discrete=1 - ROWS.discrete)
    np.testing.assert_array_equal(signal.rewards(elsewhere), signal.rewards(ROWS))


def test_an_end_is_no_reason_to_expect_nothing_new():
    assert small_signal("rnd", SPEC).goes_on_after_the_end is True
