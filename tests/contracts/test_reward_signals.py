"""Every reward signal keeps the contract, and the contract notices who does not."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf import plugins
from mlagents_tf.errors import ContractError
from mlagents_tf.rewards.check_signal import SPECS, check_reward_signal
from mlagents_tf.rewards.rnd import RNDReward
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.rewards import RNDSettings
from mlagents_tf.specs import ObservationSpec, ObservationType, Spec
from tests.rewards.signals import small_signal, write_demo

NORMALIZED = {"network_settings": {"normalize": True}}
SIGNALS = {
    "extrinsic": {"strength": 0.5},
    "gail": {"use_actions": True, "use_vail": True, **NORMALIZED},
    "curiosity": NORMALIZED,
    "rnd": NORMALIZED,
}
# compiling takes seconds
FAST = [
    ("extrinsic", "continuous, one vector"),
    ("gail", "hybrid, one vector"),
    ("curiosity", "hybrid, several vectors"),
    ("rnd", "discrete, several vectors"),
]


def check(signal, name, folder, **keys):
    demo = write_demo(folder, SPECS[name])
    check_reward_signal(
        lambda spec, seed: small_signal(signal, spec, seed, demo, **keys), {name: SPECS[name]}
    )


def test_all_that_is_built_in_is_checked():
    assert SIGNALS.keys() == plugins.BUILT_IN[plugins.SIGNALS].keys()


@pytest.mark.parametrize(("signal", "name"), FAST)
def test_a_signal_keeps_the_contract(signal, name, tmp_path):
    check(signal, name, tmp_path, **SIGNALS[signal])


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_keeps_the_contract_on_the_whole_matrix(signal, name, tmp_path):
    if (signal, name) not in FAST:
        check(signal, name, tmp_path, **SIGNALS[signal])


@pytest.mark.slow
@pytest.mark.parametrize("use_actions", [False, True])
@pytest.mark.parametrize("use_vail", [False, True])
def test_every_kind_of_gail_keeps_the_contract(use_actions, use_vail, tmp_path):
    check("gail", "hybrid, several vectors", tmp_path, use_actions=use_actions, use_vail=use_vail)


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["gail", "curiosity", "rnd"])
def test_goals_are_looked_at(signal, tmp_path, monkeypatch):
    goal = ObservationSpec((2,), observation_type=ObservationType.GOAL_SIGNAL)
    spec = Spec((goal, ObservationSpec((3,))), SPECS["hybrid, one vector"].actions)
    monkeypatch.setitem(SPECS, "goals", spec)
    check(signal, "goals", tmp_path, **SIGNALS[signal])


class Column(RNDReward):
    """Keeps the contract; its faults are below."""

    def __init__(self, spec, seed):
        settings = RNDSettings(
            network_settings={"hidden_units": 4, "num_layers": 1, "normalize": True},
            learning_rate=0.01,
        )
        super().__init__("column", settings, spec, np.random.default_rng(seed))


class PaysAColumn(Column):
    def rewards(self, transitions):
        return super().rewards(transitions)[:, None]


class PaysNothingInNumbers(Column):
    def rewards(self, transitions):
        return super().rewards(transitions) * float("nan")


class PaysByChance(Column):
    def rewards(self, transitions):
        return super().rewards(transitions) + tf.constant(self.chance.normal(size=1), tf.float32)

    chance = np.random.default_rng(0)


class LooksAtWhatIsNotReal(Column):
    def loss(self, transitions, seed):
        return super().loss(transitions._replace(mask=tf.ones_like(transitions.mask)), seed)


class NormalisesWhatIsNotReal(Column):
    def loss(self, transitions, seed):
        self.network.inputs.observe(transitions.next_obs, 1.0 - transitions.mask)
        return super().loss(transitions, seed)


class Unlearns(Column):
    def __init__(self, *args):
        super().__init__(*args)
        self.learning_rate = -self.learning_rate


class ForgetsAStatistic(Column):
    tags = ("Losses/RND Loss", "Policy/Something")


class ReportsNaN(Column):
    def train(self, transitions, seed):
        return super().train(transitions, seed) * tf.constant([float("nan"), 1.0])


class FreezesACount(Column):
    count = 0

    def train(self, transitions, seed):
        self.count += 1
        return super().train(transitions, seed)

    def rewards(self, transitions):
        # compiled it stands still, and eagerly it would have gone on
        return super().rewards(transitions) + (1.0 if tf.inside_function() else 0.0) * self.count


class ForgetsItsMomentum(Column):
    def _variables(self):
        kept = ("network", "optimizer/0", "optimizer/1")  # the count and the rate
        return {n: v for n, v in super()._variables().items() if n.startswith(kept)}


class ForgetsItsPredictor(Column):
    def _variables(self):
        return {n: v for n, v in super()._variables().items() if "/predictor/" not in n}


class HandsOutItsMemory(Column):
    def __init__(self, *args):
        super().__init__(*args)
        self.trained = np.zeros(1)

    def train(self, transitions, seed):
        self.trained += 1
        return super().train(transitions, seed)

    def state(self):
        return super().state() | {"trained": self.trained}

    def load_state(self, state):
        super().load_state({name: array for name, array in state.items() if name != "trained"})
        self.trained = np.array(state["trained"])


class IsUndecided(Column):
    goes_on_after_the_end = None


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (PaysAColumn, r"rewards are float32 of shape \[32, 1\], they must be float32 of shape"),
        (PaysNothingInNumbers, "not all rewards are finite numbers"),
        (PaysByChance, "the same rows were paid differently when they were asked for again"),
        (LooksAtWhatIsNotReal, "rows of mask 0 changed the statistics of a gradient step"),
        (NormalisesWhatIsNotReal, "rows of mask 0 changed the statistics of a gradient step"),
        (Unlearns, "300 gradient steps on the same rows moved its loss from .* must fall"),
        (ForgetsAStatistic, r"it must hold 3 numbers: Losses/RND Loss, Policy/Something, skipped"),
        (ReportsNaN, "the statistic Losses/RND Loss is nan, not a finite number"),
        (FreezesACount, "rewards differ by up to 1 between compiled and eager: .* tf.Variable"),
        (ForgetsItsMomentum, "the step after loading a state led to another state"),
        (ForgetsItsPredictor, "a signal that loaded the state of another pays other rewards"),
        (HandsOutItsMemory, "learning on changed a state that was handed out before: trained"),
        (IsUndecided, "goes_on_after_the_end is None, not a bool"),
    ],
)
def test_a_broken_promise_is_named(fault, sentence):
    name = "discrete, one vector"
    with pytest.raises(ContractError, match=f"^{name}: .*{sentence}"):
        check_reward_signal(fault, {name: SPECS[name]})


def test_a_signal_that_learns_nothing_needs_nothing_but_rewards():
    class One(RewardSignal):
        def rewards(self, transitions):
            return tf.ones_like(transitions.rewards)

    settings = RNDSettings()
    check_reward_signal(lambda spec, seed: One("one", settings, spec, np.random.default_rng(seed)))
