"""What a trainer needs to act while its update is computed elsewhere."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from tests.trainers.small import fill, small_trainer

HYBRID = SPECS["hybrid, one vector"]
ONE_MINIBATCH = {"batch_size": 64, "buffer_size": 64, "num_epoch": 1, "learning_rate": 1e-9}


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")


def filled(**keys):
    trainer, world = small_trainer(HYBRID, **keys), RandomWorld(HYBRID, 0, 8)
    trainer.observe(world.step)
    fill(trainer, world)
    return trainer, world


@pytest.mark.parametrize("trainer_type", ["ppo", "poca", "sac"])
def test_the_parts_of_an_update_make_the_whole(trainer_type):
    (one, _), (other, _) = (filled(trainer_type=trainer_type) for _ in range(2))
    statistics = one.update()
    update = other.begin_update()
    assert not other.ready()
    assert update.finish(update.compute()) == statistics
    for name, array in one.state().arrays.items():
        np.testing.assert_array_equal(other.state().arrays[name], array, err_msg=name)


def test_a_tape_takes_new_rows_while_the_old_ones_are_learned_from():
    (one, _), (other, world) = (filled(threaded=True) for _ in range(2))
    statistics = one.update()
    update = other.begin_update()
    fill(other, world)  # a whole tape
    assert update.finish(update.compute()) == statistics
    for name, array in one.weights().items():
        np.testing.assert_array_equal(other.weights()[name], array, err_msg=name)


def test_acting_notes_the_log_probabilities_of_the_weights_it_draws_with():
    trainer, _ = filled(threaded=True)
    rows = trainer.tape.rows()
    (noted,) = rows.log_probs
    distribution, _ = trainer.network.distribution_and_values(rows.obs, rows.allowed, None)
    expected = distribution.log_probs(rows.continuous, rows.discrete)
    real = rows.real
    np.testing.assert_allclose(noted[real], tf.gather(expected, real), rtol=1e-4, atol=1e-5)
    assert filled()[0].tape.rows().log_probs == ()


def policy_loss(change):
    """Of the one minibatch of an update, before any weight has changed."""
    trainer, _ = filled(threaded=True, hyperparameters=ONE_MINIBATCH)
    trainer.tape._columns["log_probs"][:] = change(trainer.tape._columns["log_probs"])
    return trainer.update()["Losses/Policy Loss"]


def test_the_ratio_is_taken_to_what_acting_noted():
    """Normalised advantages add up to 0: positive ones have the mean m, negative ones -m.

    With twice the probability a step counts at most 1.2-fold where it was good, 2-fold where it
    was bad: the loss is 2m - 1.2m. With half of it they are 0.5 and at least 0.8: 0.8m - 0.5m.
    """
    doubled = policy_loss(lambda noted: noted - np.log(2.0))
    halved = policy_loss(lambda noted: noted + np.log(2.0))
    assert doubled > 0.1
    assert doubled / halved == pytest.approx(0.8 / 0.3, rel=1e-3)
    assert policy_loss(lambda noted: noted) == pytest.approx(0.0, abs=1e-5)


def test_what_nobody_noted_is_computed():
    """As after a resume of a run that was not threaded."""
    assert policy_loss(lambda noted: np.nan * noted) == pytest.approx(0.0, abs=1e-5)
    trainer, _ = filled()
    threaded = small_trainer(HYBRID, threaded=True)
    threaded.load_state(trainer.state())
    assert np.isnan(threaded.tape.rows().log_probs[0][threaded.tape.rows().real]).all()


@pytest.mark.parametrize("name", ["hybrid, entities and goal", "discrete, image and vector"])
@pytest.mark.parametrize("threaded", [True, False])
def test_weights_that_change_meanwhile_are_not_acted_with(name, threaded):
    spec = SPECS[name]
    trainer = small_trainer(spec, threaded=threaded, network_settings={"normalize": True})
    obs = RandomWorld(spec, 0).step.obs
    before = trainer.actor.outputs(obs).logits
    for variable in trainer.network.trainable_variables:
        variable.assign_add(0.1 * tf.ones_like(variable))
    assert np.array_equal(trainer.actor.outputs(obs).logits, before) is threaded
    trainer.actor.refresh()
    assert not np.array_equal(trainer.actor.outputs(obs).logits, before)


def test_reward_signals_of_sac_are_owed_for_the_steps_that_were_learned_from():
    own = {"network_settings": {"hidden_units": 8, "num_layers": 1}}
    trainer, _ = filled(
        trainer_type="sac",
        threaded=True,
        reward_signals={"extrinsic": {}, "curiosity": own},
        hyperparameters={
            "steps_per_update": 1,
            "train_interval": 80,
            "reward_signal_steps_per_update": 2,
        },
    )
    owed = trainer.credit
    update = trainer.begin_update()  # 64 of the gradient steps that are due
    assert (owed - trainer.credit, owed - trainer.signal_credit) == (64, 64)
    statistics = update.finish(update.compute())
    assert {"Losses/Q1 Loss", "Losses/Curiosity Forward Loss"} <= statistics.keys()
