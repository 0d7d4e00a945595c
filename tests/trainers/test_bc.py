"""A policy from demonstrations alone."""

import numpy as np
import pytest

from mlagents_tf.data.demo_rows import empty_rows
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.stats import CLONING_LOSS, HELD_OUT_LOSS
from mlagents_tf.trainers.bc import held_out, in_order
from mlagents_tf.trainers.check_trainer import RandomWorld
from tests.data.demo_files import write_rows
from tests.trainers.small import small_trainer

SPEC = Spec((ObservationSpec((2,), "eyes"),), ActionSpec(1, (3,)))
EPISODES, LENGTH = 10, 12


@pytest.fixture
def demo(tmp_path):
    """Ten episodes of an expert that does what the first number says, and option 2 always."""
    rows = empty_rows(SPEC, EPISODES * (LENGTH + 1))
    position = np.arange(len(rows.mask)) % (LENGTH + 1)
    rng = np.random.default_rng(0)
    rows.obs[0][:] = rng.uniform(-1, 1, rows.obs[0].shape)
    rows.mask[:] = position < LENGTH
    rows.last[:] = rows.terminated[:] = position == LENGTH - 1
    rows.continuous[:, 0] = np.where(rows.mask, 0.5 * rows.obs[0][:, 0], 0.0)
    rows.discrete[:, 0] = np.where(rows.mask, 2, 0)
    return write_rows(tmp_path / "expert.demo", SPEC, rows)


def small_bc(demo, network_settings=None, **hyperparameters):
    keys = {"demo_path": str(demo), "batch_size": 9, "num_epoch": 2, "learning_rate": 0.01}
    trainer = small_trainer(
        SPEC,
        trainer_type="bc",
        hyperparameters=keys | hyperparameters,
        network_settings=network_settings or {},
        max_steps=20_000,
    )
    trainer.remarks = trainer.prepare()
    return trainer


def test_it_comes_to_do_what_the_expert_does(demo):
    trainer = small_bc(demo)
    first = trainer.update()
    while trainer.learned < 15_000:
        statistics = trainer.update()
    assert statistics[CLONING_LOSS] < 0.1 * first[CLONING_LOSS]
    assert statistics[HELD_OUT_LOSS] < 0.02
    trainer.actor.deterministic = True
    world = RandomWorld(SPEC, 1, num_agents=50)
    actions = trainer.act(world.step)
    deciding = world.step.deciding()
    expected = 0.5 * np.clip(deciding.obs[0][:, 0], -1, 1)
    inside = np.abs(deciding.obs[0]).max(axis=1) < 1
    np.testing.assert_allclose(actions.continuous[inside, 0], expected[inside], atol=0.1)
    assert (actions.discrete[deciding.allowed_actions[:, 2], 0] == 2).all()


def test_steps_are_rows_that_were_learned_from_and_count_when_a_step_is_observed(demo):
    trainer = small_bc(demo)
    trainer.update()
    rows = 2 * (9 * LENGTH // 9) * 9  # two passes over nine of ten episodes
    assert (trainer.steps, trainer.learned) == (0, rows)
    trainer.observe(RandomWorld(SPEC, 0).step)
    assert (trainer.steps, trainer.learned) == (rows, 0)


def test_an_update_can_be_bounded(demo):
    trainer = small_bc(demo, samples_per_update=30)
    trainer.update()
    assert trainer.learned == 27


def test_whole_episodes_are_held_out_evenly():
    stories = np.repeat(np.arange(10), 3)
    np.testing.assert_array_equal(np.unique(stories[held_out(stories, 0.2)]), [4, 9])
    np.testing.assert_array_equal(np.unique(stories[held_out(stories, 0.1)]), [9])
    assert not held_out(stories, 0.0).any()


def test_two_episodes_are_enough_to_hold_one_out_and_one_is_not():
    np.testing.assert_array_equal(held_out(np.array([0, 0, 1]), 0.01), [False, False, True])
    assert not held_out(np.zeros(5, np.int64), 0.5).any()


def test_nothing_is_said_about_what_is_not_held_out(demo):
    trainer = small_bc(demo, held_out=0.0)
    assert HELD_OUT_LOSS not in trainer.update()
    assert trainer.remarks[-1] == "0 episodes are held out: 0 pairs."


def test_what_is_held_out_does_not_reach_the_normaliser(demo):
    trainer = small_bc(demo, {"normalize": True})
    normalizer = trainer.network.policy.inputs.normalizer
    assert int(normalizer.rows.numpy()) == 1 + 9 * LENGTH


def test_minibatches_in_order_leave_out_what_does_not_fill_one():
    np.testing.assert_array_equal(in_order(np.arange(7), 3), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(in_order(np.arange(2), 3), [[0, 1]])
    assert in_order(np.arange(0), 3).shape == (0, 1)


def test_it_is_over_at_max_steps(demo):
    trainer = small_bc(demo)
    assert trainer.ready()
    trainer.steps = 20_000
    assert not trainer.ready()


def test_demonstrations_larger_than_memory_are_exchanged_and_what_is_held_out_stays_so(demo):
    trainer = small_bc(demo)
    trainer.demonstrations.most_bytes = 60 * 30  # about half of them
    trainer.prepare()
    seen = set()
    for _ in range(8):
        rows, apart = trainer._sequences()
        stories = trainer.demonstrations.stories
        assert set(stories[apart]) == {9}
        assert 9 not in stories[rows]
        seen |= set(stories[rows])
        trainer.update()
    assert seen == set(range(9))
    assert trainer._compiled_update.experimental_get_tracing_count() == 1
