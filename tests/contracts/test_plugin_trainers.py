"""The example package of trainers: A2C and DQN, found by their entry points, keep the contract."""

import numpy as np
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.errors import SettingsError
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.settings.load import load_settings
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld, check_trainer
from tests.example_package import EXAMPLE, installed_example
from tests.trainers.small import fill, small_settings

CONFIGURATIONS = sorted((EXAMPLE / "config").glob("*.yaml"))
DISCRETE = [name for name in SPECS if name.startswith("discrete")]
ONE = "discrete, one vector"
KEYS = {
    "a2c": {"buffer_size": 40},
    "dqn": {
        "batch_size": 16,
        "buffer_size": 200,
        "train_interval": 20,
        "buffer_init_steps": 0,
        "epsilon": 0.5,
    },
}


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    yield from installed_example(tmp_path, monkeypatch)


def made(trainer_type, spec, seed=0, **keys):
    hyperparameters = KEYS[trainer_type] | keys.pop("hyperparameters", {})
    settings = small_settings(trainer_type, hyperparameters=hyperparameters, **keys)
    return make_trainer("walker", spec, settings, seed)


def check(trainer_type, name):
    network = {"normalize": True}
    check_trainer(
        lambda _, spec, seed: made(trainer_type, spec, seed, network_settings=network),
        {name: SPECS[name]},
    )


@pytest.mark.parametrize(
    ("trainer_type", "name"),
    [("a2c", "hybrid, one vector"), ("a2c", ONE), ("dqn", "discrete, several vectors")],
)
def test_a_trainer_keeps_the_contract(trainer_type, name):
    check(trainer_type, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainer_type", "name"), [*(("a2c", n) for n in SPECS), *(("dqn", n) for n in DISCRETE)]
)
def test_a_trainer_keeps_the_contract_on_the_whole_matrix(trainer_type, name):
    check(trainer_type, name)


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_its_configurations_are_right(path):
    assert load_settings(path).settings.behaviors


def test_a_run_trains_with_it_and_is_evaluated(tmp_path, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")
    for trainer_type in ("a2c", "dqn"):
        config = tmp_path / f"{trainer_type}.yaml"
        config.write_text(
            f"default_settings: {{trainer_type: {trainer_type}, max_steps: 300, "
            f"hyperparameters: {KEYS[trainer_type]}}}"
        )
        common = ["--results-dir", str(tmp_path / "results")]
        run = ["--env", "toy-discrete", "--run-id", trainer_type, *common]
        assert main(["learn", str(config), *run]) == 0
        assert main(["learn", str(config), *run, "--resume", "--max-steps", "400"]) == 0
        assert main(["evaluate", str(tmp_path / "results" / trainer_type), "--episodes", "2"]) == 0


@pytest.mark.parametrize("trainer_type", ["a2c", "dqn"])
def test_what_a_trainer_cannot_learn_from_is_refused(trainer_type):
    signals = {"extrinsic": {}, "curiosity": {}}
    with pytest.raises(
        SettingsError, match=r"behaviors.walker: .* learns from reward_signals.extrinsic and has "
        r"no memory and no cloning \(received: reward_signals.curiosity\)"
    ):  # fmt: skip
        made(trainer_type, SPECS[ONE], reward_signals=signals)


def test_dqn_refuses_continuous_actions():
    with pytest.raises(SettingsError, match="walker: dqn chooses among options, and its actions"):
        made("dqn", SPECS["hybrid, one vector"])


def test_dqn_explores_less_and_less():
    spec = SPECS[ONE]
    trainer = made("dqn", spec, hyperparameters={"epsilon": 1.0, "epsilon_steps": 100})
    assert trainer.epsilon == 1.0
    trainer.steps = 50
    assert trainer.epsilon == pytest.approx(0.525)
    trainer.steps = 1000
    assert trainer.epsilon == pytest.approx(0.05)


def test_dqn_that_does_not_explore_takes_the_best_allowed_option():
    spec = SPECS[ONE]
    trainer = made("dqn", spec, hyperparameters={"epsilon": 0.0, "final_epsilon": 0.0})
    world = RandomWorld(spec, seed=0)
    trainer.observe(world.step)
    values = trainer.actor.outputs(world.step.obs).logits
    values = np.where(world.step.allowed_actions, values, -np.inf)
    best = [values[:, branch].argmax(axis=1) for branch in spec.actions.branch_slices()]
    np.testing.assert_array_equal(trainer.act(world.step).discrete, np.stack(best, axis=1))


def test_dqn_values_the_option_of_the_learning_network_by_the_target():
    spec = SPECS[ONE]
    trainer = made("dqn", spec)
    world = RandomWorld(spec, seed=0)
    trainer.observe(world.step)
    fill(trainer, world)
    batch = trainer.replay.sample(trainer.rng, 1, 16)
    batch = type(batch)(
        *(tuple(x[0] for x in leaf) if isinstance(leaf, tuple) else leaf[0] for leaf in batch)
    )
    for weight in trainer.network.target.heads.weights:
        weight.assign(weight + 0.1)  # so that both networks differ
    fast = np.array(trainer.network.values(trainer.network.policy, batch.next_obs))
    slow = np.array(trainer.network.values(trainer.network.target, batch.next_obs))
    rows = np.arange(16)
    fast = np.where(batch.next_allowed, fast, -np.inf)
    by_branch = [
        slow[:, branch][rows, fast[:, branch].argmax(axis=1)] for branch in trainer.branches
    ]
    np.testing.assert_allclose(trainer._next_values(batch), np.mean(by_branch, axis=0), rtol=1e-5)
