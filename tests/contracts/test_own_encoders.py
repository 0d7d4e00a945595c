"""Trainers and signals keep their contracts with encoders of users, and with several images."""

from functools import partial

import numpy as np
import pytest

from mlagents_tf.rewards.check_signal import check_reward_signal
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.registry import reward_signal_settings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.check_trainer import check_trainer
from mlagents_tf.trainers.compiled import suits_xla
from mlagents_tf.trainers.signals import make_signals
from tests.rewards.signals import write_demo
from tests.trainers.small import small_settings

IMAGE = ObservationSpec((3, 6, 6), dtype="uint8")
SEES = {"two images and a vector": Spec((IMAGE, ObservationSpec((4,)), IMAGE), ActionSpec(1, (2,)))}
OWN = {"encoder": "tests.nn.own.MeanEncoder"}
BUILT_IN = {"vis_encode_type": "fully_connected"}


def made(behavior, spec, seed, *, trainer_type, keys):
    return make_trainer(behavior, spec, small_settings(trainer_type, **keys), seed)


@pytest.fixture(params=["eager", pytest.param("xla", marks=pytest.mark.slow)])
def _mode(request, monkeypatch):
    """Compiling takes longer than training."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", request.param)


@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("trainer_type", ["ppo", "sac", "bc"])
@pytest.mark.parametrize("network", [OWN, BUILT_IN], ids=["own", "built in"])
def test_a_trainer_keeps_the_contract(trainer_type, network, tmp_path):
    keys = {"network_settings": network}
    if trainer_type == "bc":
        (spec,) = SEES.values()
        keys["hyperparameters"] = {"demo_path": str(write_demo(tmp_path, spec))}
    check_trainer(partial(made, trainer_type=trainer_type, keys=keys), SEES)


@pytest.mark.usefixtures("_mode")
def test_ppo_with_signals_that_have_encoders_keeps_the_contract(tmp_path):
    (spec,) = SEES.values()
    network = {"network_settings": {"hidden_units": 8, "num_layers": 1, **OWN}}
    signals = {
        "extrinsic": {},
        "gail": {"demo_path": str(write_demo(tmp_path, spec)), **network},
        "curiosity": network,
        "rnd": network,
    }
    keys = {"network_settings": OWN, "reward_signals": signals}
    check_trainer(partial(made, trainer_type="ppo", keys=keys), SEES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["curiosity", "rnd"])
def test_a_signal_keeps_its_contract(name):
    def make_signal(spec, seed):
        network = {"hidden_units": 16, "num_layers": 1, **OWN}
        settings = reward_signal_settings(name)(network_settings=network, learning_rate=0.003)
        (signal,) = make_signals({name: settings}, spec, np.random.default_rng(seed))
        return signal

    check_reward_signal(make_signal, SEES)


def test_no_update_is_left_to_xla_where_a_network_may_have_convolutions():
    (spec,) = SEES.values()
    blind = Spec((ObservationSpec((4,)),), ActionSpec(1))

    def xla(network, spec=spec, **signals):
        settings = BehaviorSettings.model_validate(
            {"network_settings": network, "reward_signals": {"extrinsic": {}, **signals}}
        )
        return suits_xla(spec, settings)

    assert xla({}, blind)
    assert xla(BUILT_IN)
    assert not xla({})
    assert not xla(BUILT_IN | OWN)
    assert not xla(BUILT_IN, curiosity={})
    assert not xla(BUILT_IN, rnd={"network_settings": BUILT_IN | OWN})
    assert xla(BUILT_IN, rnd={"network_settings": BUILT_IN})
