"""Every trainer keeps the contract with all signals and cloning beside them."""

import pytest

from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.trainers.check_trainer import SPECS, check_trainer
from tests.rewards.signals import write_demo
from tests.trainers.small import small_settings

NETWORK = {"hidden_units": 8, "num_layers": 1, "normalize": True}
TRAINERS = ("ppo", "poca", "sac")
# every kind of action and of observation once
PAIRWISE = ("continuous, one vector", "discrete, several vectors", "hybrid, one vector")


def check(trainer_type, name, folder):
    demo = {"demo_path": str(write_demo(folder, SPECS[name]))}
    own = {"network_settings": NETWORK, "learning_rate": 0.01}
    settings = small_settings(
        trainer_type,
        network_settings=NETWORK,
        reward_signals={
            "extrinsic": {},
            "gail": {"use_vail": True, "use_actions": True, **demo, **own},
            "curiosity": own,
            "rnd": own,
        },
        behavioral_cloning={"steps": 10_000, "batch_size": 8, **demo},
    )
    check_trainer(
        lambda behavior, spec, seed: make_trainer(behavior, spec, settings, seed),
        {name: SPECS[name]},
    )


@pytest.mark.parametrize("trainer_type", TRAINERS)
def test_a_trainer_with_everything_keeps_the_contract(trainer_type, tmp_path, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")  # compiling takes longer than training
    check(trainer_type, PAIRWISE[-1], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRWISE)
@pytest.mark.parametrize("trainer_type", TRAINERS)
def test_a_trainer_with_everything_keeps_the_contract_compiled(trainer_type, name, tmp_path):
    check(trainer_type, name, tmp_path)
