"""SAC's update is the papers', on whatever the replay holds."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.errors import DataError, TrainingError
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.specs import ObservationSpec, ObservationType, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.check_trainer import RandomWorld, check_trainer
from tests.trainers.pencil_sac import PencilSAC, Signal
from tests.trainers.sac_worlds import (
    ONE_STEP,
    SPECS,
    TWO_VECTORS,
    Watched,
    copied,
    momentums,
    recorded_update,
    shaken,
    small_sac,
)
from tests.trainers.small import fill_and_update, small_settings, small_trainer


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """Plain graphs compile in half the time; the contract's tests compile with XLA."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


PAID = [Signal(lambda r: 2.0 * r, 0.9), Signal(lambda r: 0.5 + 0.0 * r, 0.5, True)]


LR, TAU = 0.01, 0.1
PENCIL = {
    "batch_size": 64,
    "buffer_size": 500,
    "train_interval": 120,
    "steps_per_update": 120,
    "learning_rate": LR,
    "tau": TAU,
}


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
@pytest.mark.parametrize("actions", SPECS)
def test_three_steps_are_those_of_pencil_and_paper(two_signals, actions, critic):
    trainer = small_trainer(
        SPECS[actions],
        trainer_type="sac",
        reward_signals=two_signals,
        hyperparameters=PENCIL | {"critic": critic},
        network_settings={"normalize": True, "num_layers": 2},
    )
    shaken(trainer)
    pencil = PencilSAC(trainer.weights(), trainer.spec.actions, PAID, TAU)
    world, ends = Watched(trainer), 0
    # later ones look more closely at the small than float32 does: Adam makes all steps as large
    for near in (1e-4, 1e-3, 1e-3):
        pencil.see(world.until_ready())
        statistics, [(batch, noise)] = recorded_update(trainer)
        ends += int(batch.terminated.sum())
        losses, _ = pencil.step(batch, noise[..., 0], noise[..., -1], LR)
        for tag, loss in zip(("Policy", "Value", "Q1", "Q2"), losses, strict=True):
            assert statistics[f"Losses/{tag} Loss"] == pytest.approx(loss, rel=near, abs=1e-6), tag
        for name, found in momentums(trainer).items():
            expected = pencil.moments[name][0]
            assert np.abs(found - expected).max() < near * np.abs(expected).max(), name
    assert ends
    for name, found in trainer.weights().items():
        # of up to 0.03 that Adam has moved; where a gradient is nearly 0 its sign is chance
        assert np.abs(found - pencil.w[name]).mean() < 1e-4, name


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
def test_eight_steps_at_once_are_eight_steps(critic):
    keys = {"critic": critic, "train_interval": 40, "steps_per_update": 5, "learning_rate": 0.01}
    together, apart = (small_sac(hyperparameters=keys) for _ in range(2))
    Watched(together).until_ready()
    Watched(apart).until_ready()
    statistics, steps = recorded_update(together)
    assert len(steps) == 8
    left = iter(steps)
    samples = []

    def sampled(_, count, size):
        samples.append(next(left))
        return tf.nest.map_structure(lambda leaf: leaf[None], samples[-1][0])

    class Scripted:
        def standard_normal(self, *_):
            return samples[-1][1][None]

    apart.replay.sample, apart.rng = sampled, Scripted()
    apart._compiled_updates = {1: apart._compiled_updates[1]}
    found = apart.update()
    assert len(samples) == 8
    assert found == pytest.approx(statistics, rel=1e-4)
    for name, array in together.weights().items():
        np.testing.assert_allclose(apart.weights()[name], array, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("actions", "coefficients"),
    [
        ("continuous", {"Policy/Continuous Entropy Coeff"}),
        ("discrete", {"Policy/Discrete Entropy Coeff"}),
        ("hybrid", {"Policy/Continuous Entropy Coeff", "Policy/Discrete Entropy Coeff"}),
    ],
)
def test_an_update_returns_ml_agents_statistics(eager, two_signals, actions, coefficients):
    trainer = small_sac(actions, reward_signals=two_signals, hyperparameters={"init_entcoef": 0.3})
    statistics = fill_and_update(trainer, RandomWorld(SPECS[actions], 0))
    assert set(statistics) == coefficients | {
        "Losses/Policy Loss",
        "Losses/Value Loss",
        "Losses/Q1 Loss",
        "Losses/Q2 Loss",
        "Policy/Entropy",
        "Policy/Learning Rate",
        "Policy/Extrinsic Reward",
        "Policy/Extrinsic Value Estimate",
        "Policy/Rnd Reward",
        "Policy/Rnd Value Estimate",
    }
    assert statistics["Policy/Rnd Reward"] == 0.5
    for tag in coefficients:
        assert statistics[tag] == pytest.approx(0.3, rel=1e-3)


def test_the_discrete_coefficient_is_a_mean_over_branches(eager):
    trainer = small_sac()
    logs = trainer.network.entropy_coefficients.logs
    logs.assign(np.log([0.2, 0.4, 0.7]).astype(np.float32))
    statistics = fill_and_update(trainer, RandomWorld(trainer.spec, 0))
    # before or after one step of 0.0003 in the logarithm
    assert statistics["Policy/Discrete Entropy Coeff"] == pytest.approx(0.3, rel=1e-3)
    assert statistics["Policy/Continuous Entropy Coeff"] == pytest.approx(0.7, rel=1e-3)


@pytest.mark.parametrize("ending", ["terminated", "interrupted", "neither"])
def test_only_a_terminated_task_is_worth_nothing_afterwards(eager, ending):
    keys = {"batch_size": 1, "train_interval": 1, "steps_per_update": 1}
    trainer = small_sac("continuous", hyperparameters=keys)
    shaken(trainer)
    rng, ids = np.random.default_rng(0), np.arange(1)
    now, then = (tuple(rng.standard_normal((1, n), np.float32) for n in (3, 2)) for _ in range(2))
    trainer.observe(make_step(ids, now))
    taken = trainer.act(make_step(ids, now)).continuous
    flags = {ending: np.ones(1, np.bool_)} if ending != "neither" else {}
    trainer.observe(make_step(ids, then, np.full(1, 2.0, np.float32), **flags))

    network = trainer.network
    q1, q2 = (
        critic(network.policy.inputs(now), taken)[0, 0, 0].numpy()
        for critic in (network.q1, network.q2)
    )
    later = 0.99 * network.targets[0](network.policy.inputs(then))[0, 0, 0].numpy()
    assert abs(later) > 0.1
    backup = 2.0 if ending == "terminated" else 2.0 + later
    statistics = trainer.update()
    assert statistics["Losses/Q1 Loss"] == pytest.approx((q1 - backup) ** 2 / 2, rel=1e-4)
    assert statistics["Losses/Q2 Loss"] == pytest.approx((q2 - backup) ** 2 / 2, rel=1e-4)


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
def test_a_reward_that_is_not_a_number_stops_training_with_the_last_good_weights(eager, critic):
    trainer = small_sac(hyperparameters={"critic": critic})
    shaken(trainer)  # targets are far from what they follow
    world = Watched(trainer)
    world.until_ready()
    trainer.update()
    world.until_ready()
    before = copied(trainer.weights())
    trainer.replay.columns["rewards"][:] = np.nan
    with pytest.raises(TrainingError, match="behavior walker: 1 of 1 gradients were not finite"):
        trainer.update()
    for name, array in trainer.weights().items():
        assert np.isfinite(array).all(), name
        if name.startswith("target_"):  # goes on towards what is good
            source = before[name.removeprefix("target_")]
            expected = before[name] + 0.005 * (source - before[name])
            np.testing.assert_allclose(array, expected, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(array, before[name], err_msg=name)
    for slot in trainer.optimizer.variables:
        assert np.isfinite(slot.numpy()).all()


def test_a_trainer_that_was_stopped_by_one_bad_reward_can_go_on_without_it(eager):
    trainer = small_sac(hyperparameters={"batch_size": 16})
    world = Watched(trainer)
    world.until_ready()
    rewards = trainer.replay.columns["rewards"]
    good = rewards.copy()
    rewards[:] = np.inf
    with pytest.raises(TrainingError):
        trainer.update()
    assert not trainer.ready()
    rewards[:] = good
    world.until_ready()
    assert all(np.isfinite(value) for value in trainer.update().values())


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
def test_goals_are_trained_with(eager, critic):
    kinds = (ObservationType.GOAL_SIGNAL, ObservationType.DEFAULT)
    observations = tuple(
        ObservationSpec(o.shape, observation_type=kind)
        for o, kind in zip(TWO_VECTORS, kinds, strict=True)
    )
    spec = Spec(observations, SPECS["hybrid"].actions)
    keys = {"trainer_type": "sac", "hyperparameters": ONE_STEP | {"critic": critic}}
    trainer = small_trainer(spec, network_settings={"normalize": True}, **keys)
    before = copied(trainer.weights())
    fill_and_update(trainer, RandomWorld(spec, 0))
    for name, array in trainer.weights().items():
        assert np.isfinite(array).all(), name
        assert (array != before[name]).any(), name


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
def test_every_weight_is_trained_and_every_target_follows(eager, critic):
    trainer = small_sac(
        network_settings={"normalize": True, "num_layers": 2}, hyperparameters={"critic": critic}
    )
    before = copied(trainer.weights())
    fill_and_update(trainer, RandomWorld(trainer.spec, 0))
    for name, array in trainer.weights().items():
        assert (array != before[name]).any(), name


def test_xla_graph_and_eager_agree_on_an_update(monkeypatch):
    results = {}
    for mode in ("xla", "graph", "eager"):
        monkeypatch.setenv("MLAGENTS_TF_MODE", mode)
        trainer = small_sac(
            "discrete",
            hyperparameters={"critic": "q_target"},
            network_settings={"normalize": True},
        )
        statistics = fill_and_update(trainer, RandomWorld(trainer.spec, 0))
        results[mode] = statistics | copied(trainer.weights())
    for mode in ("graph", "eager"):
        for name, value in results["xla"].items():
            np.testing.assert_allclose(
                results[mode][name], value, rtol=1e-4, atol=1e-4, err_msg=f"{mode}: {name}"
            )


def test_the_variant_with_two_target_qs_keeps_the_contract_of_trainers():
    hyperparameters = {"critic": "q_target", "train_interval": 40, "steps_per_update": 20}
    settings = small_settings(
        "sac", hyperparameters=hyperparameters, network_settings={"normalize": True}
    )
    check_trainer(
        lambda behavior, spec, seed: make_trainer(behavior, spec, settings, seed),
        {"discrete": SPECS["discrete"]},
    )


def test_weights_of_the_other_variant_are_refused():
    one, other = (small_sac(hyperparameters={"critic": c}) for c in ("value_target", "q_target"))
    with pytest.raises(DataError) as caught:
        other.load_weights(one.weights())
    message = str(caught.value)
    assert "target_value/dense_0/kernel: was [5, 8], is now absent" in message
    assert "target_q1/dense_0/kernel: was absent, is now [7, 8]" in message
    assert "critic" in message.splitlines()[-1]
