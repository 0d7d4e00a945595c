"""How SAC acts and what it remembers and normalises by."""

import numpy as np

from mlagents_tf.trainers.check_trainer import RandomWorld
from tests.trainers.sac_worlds import Watched, copied, shaken, small_sac


def test_the_actor_acts_with_the_new_weights_after_an_update(eager):
    trainer = small_sac(
        network_settings={"normalize": True}, hyperparameters={"learning_rate": 0.1}
    )
    world = Watched(trainer)
    world.until_ready()
    obs = world.world.step.obs
    before = trainer.actor.outputs(obs)[0].copy()
    trainer.update()
    assert np.abs(trainer.actor.outputs(obs)[0] - before).max() > 0.1
    means, log_stds, logits, _ = trainer.network.policy(obs)
    for found, wanted in zip(
        trainer.actor.outputs(obs)[:3], (means, np.exp(log_stds), logits), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_deterministic_trainer_takes_the_likeliest_actions():
    trainer = small_sac(network_settings={"deterministic": True})
    shaken(trainer)
    step = RandomWorld(trainer.spec, 0).step
    means, _, logits, _ = trainer.network.policy(step.obs)
    actions = trainer.act(step)
    np.testing.assert_allclose(actions.continuous, np.tanh(means), rtol=1e-4, atol=1e-5)
    allowed = np.where(step.allowed_actions, logits, -np.inf)
    for branch, options in enumerate(trainer.spec.actions.branch_slices()):
        np.testing.assert_array_equal(
            actions.discrete[:, branch], allowed[:, options].argmax(axis=1)
        )


def test_actions_are_drawn_squashed_and_remembered_as_they_were_sent():
    trainer = small_sac("continuous")
    head = trainer.network.policy.heads
    head.means.bias.assign([0.5, -2.0])
    head.log_stds_of.bias.assign(np.log([0.5, 0.1]).astype(np.float32))
    head.means.kernel.assign(np.zeros((8, 2)))
    head.log_stds_of.kernel.assign(np.zeros((8, 2)))
    trainer.actor.refresh()
    step = RandomWorld(trainer.spec, 0, num_agents=90).step
    trainer.observe(step)
    actions = trainer.act(step).continuous
    drawn = np.arctanh(actions.astype(np.float64))
    np.testing.assert_allclose(drawn.mean(axis=0), [0.5, -2.0], atol=0.15)
    np.testing.assert_allclose(drawn.std(axis=0), [0.5, 0.1], rtol=0.25)
    np.testing.assert_array_equal(trainer.replay.columns["continuous"][:90], actions)


def test_a_step_in_which_nobody_decides_has_no_actions():
    trainer = small_sac()
    world = RandomWorld(trainer.spec, 0)
    trainer.observe(world.step)
    trainer.act(world.step)
    ended = world.step._replace(interrupted=np.ones(6, np.bool_))
    trainer.observe(ended)
    actions = trainer.act(ended)
    assert actions.continuous.shape == (0, 2)
    assert actions.discrete.shape == (0, 2)
    assert trainer.steps == 6


def test_the_normaliser_sees_every_observation_once(eager):
    keys = {"network_settings": {"normalize": True}, "hyperparameters": {"buffer_size": 300}}
    trainer = small_sac(**keys)
    world = Watched(trainer)
    for turn in range(6):
        seen = world.until_ready()
        trainer.update()
        assert_statistics_of(seen, trainer)
        if turn == 2:
            for _ in range(3):  # some are seen between an update and a checkpoint
                world.turn()
            state, columns = trainer.state(), copied(trainer.replay.columns)
            trainer = small_sac(seed=9, **keys)
            trainer.load_state(state)
            for name, column in trainer.replay.put_back().items():
                column[:] = columns[name]
            world.trainer = trainer
    assert len(seen) > 300  # the ring has gone round


def assert_statistics_of(rows, trainer):
    """Of all rows, beside one at 0 with a variance of 1."""
    normalizer = trainer.network.policy.inputs.normalizer
    rows = np.concatenate([np.zeros((1, 5)), rows.astype(np.float64)])
    assert int(normalizer.rows) == len(rows)
    np.testing.assert_allclose(normalizer.mean, rows.mean(axis=0), atol=1e-5)
    expected = 1 + len(rows) * rows.var(axis=0)
    np.testing.assert_allclose(normalizer.variance_sum, expected, rtol=1e-5)


def test_the_normaliser_learns_from_what_was_seen_before_the_first_update(eager):
    trainer = small_sac(
        network_settings={"normalize": True}, hyperparameters={"buffer_init_steps": 120}
    )
    world = Watched(trainer)
    seen = world.until_ready()
    assert trainer.steps > 120
    trainer.update()
    assert_statistics_of(seen, trainer)
