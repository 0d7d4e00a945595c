"""The names of ML-Agents' Optimizer API do what the trainer does."""

import numpy as np
import pytest

from mlagents_tf.errors import SettingsError
from mlagents_tf.rewards.signal import Transitions
from mlagents_tf.settings.rewards import ExtrinsicSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.optimizer_api import Optimizer
from mlagents_tf.trainers.ppo import Minibatch
from tests.trainers.small import small_trainer

SPEC = Spec((ObservationSpec((3,)),), ActionSpec(2, (2,)))
RNG = np.random.default_rng(0)
OBS = RNG.standard_normal((16, 3), np.float32)
SIGNALS = {"extrinsic": {}, "rnd": {"network_settings": {"hidden_units": 4}}}


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")


def optimizer(**keys):
    return Optimizer(small_trainer(SPEC, **keys))


def batch(count=16, advantage=1.0):
    column = np.zeros((count, 1), np.float32)
    return Minibatch(
        obs=(OBS[:count],),
        continuous=np.zeros((count, 2), np.float32),
        discrete=np.zeros((count, 1), np.int32),
        allowed=np.ones((count, 2), np.bool_),
        old_log_probs=np.full(count, -2.5, np.float32),
        advantages=np.full(count, advantage, np.float32),
        old_values=column,
        returns=column + 1,
        memories=np.zeros((count, 0), np.float32),
        mask=np.ones(count, np.float32),
    )


def test_values_along_a_trajectory_and_behind_it_are_those_of_the_network():
    api = optimizer(reward_signals=SIGNALS)
    values, following, memories = api.get_trajectory_value_estimates(
        batch(15), [OBS[15]], done=False, agent_id="agent"
    )
    _, expected = api.trainer.network.distribution_and_values((OBS,), None)
    for k, name in enumerate(("extrinsic", "rnd")):
        np.testing.assert_allclose(values[name], expected[k, :15], rtol=1e-5)
        np.testing.assert_allclose(following[name], expected[k, 15], rtol=1e-5)
    assert memories is None


def test_nothing_is_expected_behind_the_end_but_of_what_goes_on():
    api = optimizer(reward_signals=SIGNALS)
    _, following, _ = api.get_trajectory_value_estimates(batch(15), [OBS[15]], done=True)
    assert following["extrinsic"] == 0.0
    assert following["rnd"] != 0.0


def test_an_update_makes_what_had_an_advantage_likelier_and_brings_values_near_returns():
    api = optimizer()
    network = api.trainer.network

    def now():
        distribution, values = network.distribution_and_values((OBS,), None)
        likely = distribution.log_probs(batch().continuous, batch().discrete)
        return float(np.mean(likely)), float(np.mean(np.square(1.0 - np.array(values))))

    before = now()
    for _ in range(20):
        statistics = api.update(batch(), num_sequences=16)
    after = now()
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert statistics.keys() == {"Losses/Policy Loss", "Losses/Value Loss", "Policy/Entropy"}


def test_sequences_are_counted():
    with pytest.raises(SettingsError, match="num_sequences is 4, and the batch has 16 rows"):
        optimizer().update(batch(), num_sequences=4)


def test_signals_learn_from_transitions():
    api = optimizer(reward_signals=SIGNALS)
    rows = batch()
    transitions = Transitions(
        rows.obs,
        rows.continuous,
        rows.discrete,
        rows.advantages,
        np.zeros(16, np.float32),
        rows.obs,
        rows.mask,
    )
    losses = [api.update_reward_signals(transitions)["Losses/RND Loss"] for _ in range(10)]
    assert losses[-1] < losses[0]


def test_signals_are_made_anew_under_the_same_names_only():
    api = optimizer()
    api.create_reward_signals({"extrinsic": ExtrinsicSettings(strength=3.0)})
    assert api.trainer.signals[0].strength == 3.0
    assert api.reward_signals["extrinsic"] is api.trainer.signals[0]
    with pytest.raises(SettingsError, match=r"values extrinsic \(received curiosity\)"):
        api.create_reward_signals({"curiosity": ExtrinsicSettings()})


def test_modules_have_names_and_networks_with_memory_are_refused():
    modules = optimizer().get_modules()
    assert {"Optimizer", "actor", "critic", "value_heads"} <= modules.keys()
    with pytest.raises(SettingsError, match="for networks without memory"):
        optimizer(network_settings={"memory": {"memory_size": 4, "sequence_length": 4}})
