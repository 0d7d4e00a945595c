"""POCA with memory: the policy learns from sequences, the critic from whole groups."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from tests.trainers.small import fill, fill_and_update, small_trainer

LENGTH = 4
MEMORY = {"memory": {"memory_size": 6, "sequence_length": LENGTH}, "normalize": True}
HYBRID = SPECS["hybrid, one vector"]


@pytest.fixture
def _eager(monkeypatch):
    """Compiling takes longer than an update."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", "eager")


def remembering(**keys):
    return small_trainer(HYBRID, trainer_type="poca", network_settings=MEMORY, **keys)


def filled(trainer):
    """Rows of a full tape, after an update with others."""
    world = RandomWorld(HYBRID, 0)
    fill_and_update(trainer, world)
    trainer.abandon()
    world = RandomWorld(HYBRID, 1)
    trainer.observe(world.step)
    fill(trainer, world)
    return trainer.tape.group_rows()


@pytest.mark.usefixtures("_eager")
def test_sequences_show_the_policy_that_acted():
    trainer = remembering()
    rows = filled(trainer)
    evaluated = trainer._evaluated(tf.nest.map_structure(tf.convert_to_tensor, rows))
    policy, told = trainer.network.policy, rows.rows
    real = told.real
    means, log_stds, logits, after = policy.call(
        tuple(obs[real] for obs in told.obs), tf.constant(told.memories[real])
    )
    z = (told.continuous[real] - means) / tf.exp(log_stds)
    expected = tf.reduce_sum(-0.5 * z**2 - log_stds - 0.5 * np.log(2 * np.pi), axis=-1)
    logits = tf.where(told.allowed[real], logits, -1e8)
    for branch, options in enumerate(HYBRID.actions.branch_slices()):
        chosen = told.discrete[real, branch]
        log_probs = tf.nn.log_softmax(logits[:, options])
        expected += tf.gather(log_probs, chosen, batch_dims=1)
    found = tf.gather(evaluated.log_probs, real)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    # what is remembered behind a decision is what stands before the next one of the story
    goes_on = real[told.mask[np.minimum(real + 1, len(told.mask) - 1)] > 0]
    behind = after.numpy()[np.isin(real, goes_on)]
    np.testing.assert_allclose(told.memories[goes_on + 1], behind, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("_eager")
def test_a_minibatch_holds_sequences_for_the_policy_and_whole_groups_for_the_critic():
    trainer = remembering()
    rows = filled(trainer)
    order, count = trainer._minibatches(rows)
    acting = order[:count, :16].reshape(count, -1, LENGTH)
    assert (acting % LENGTH == np.arange(LENGTH)).all()
    assert rows.rows.mask[acting].any(axis=-1).all()
    size = trainer.tape.num_places
    together = {tuple(members) for members in rows.moments.members}
    groups = order[:count, 16:].reshape(-1, size)
    assert {tuple(members) for members in groups} <= together
    assert order.shape[1] == 16 + 16 // size * size


@pytest.mark.usefixtures("_eager")
def test_moments_are_shuffled_until_there_are_enough():
    trainer = remembering(hyperparameters={"num_epoch": 8})
    rows = filled(trainer)
    order, count = trainer._minibatches(rows)
    first = order[:count, 16:].reshape(-1, trainer.tape.num_places).max(axis=1)
    real = {max(m) for m in rows.moments.members if (m >= 0).any() and rows.rows.mask[m].any()}
    assert set(first.tolist()) == real, "every moment comes before one comes twice too often"


def test_xla_and_eager_agree_on_an_update_with_memory(monkeypatch):
    results = {}
    for mode in ("xla", "eager"):
        monkeypatch.setenv("MLAGENTS_TF_MODE", mode)
        trainer = remembering()
        results[mode] = fill_and_update(trainer, RandomWorld(HYBRID, 0)) | trainer.weights()
    for name, value in results["xla"].items():
        np.testing.assert_allclose(
            results["eager"][name], value, rtol=1e-3, atol=1e-3, err_msg=name
        )


class BothRemember:
    """Pairs that see a side each, then nothing, and earn 1 together if both then say it."""

    SPEC = Spec((ObservationSpec((1,)),), ActionSpec(0, (2,)))

    def __init__(self, pairs=16, seed=0):
        self.rng = np.random.default_rng(seed)
        self.n = 2 * pairs
        self.ids = np.arange(self.n)
        self.step = self._shown()

    def _shown(self, *ended):
        """New agents see their sides, beside those that end: ids and rewards."""
        self.sides = self.rng.integers(0, 2, self.n)
        ids, rewards = ended or (np.zeros(0, np.int64), np.zeros(0))
        obs = np.concatenate([np.zeros(len(ids)), 2.0 * self.sides - 1.0])
        return self._made(
            np.concatenate([ids, self.ids]), obs, np.concatenate([rewards, np.zeros(self.n)])
        )

    def _made(self, ids, obs, rewards):
        return make_step(
            ids,
            (obs[:, None].astype(np.float32),),
            group_ids=1 + ids % self.n // 2,
            group_rewards=rewards.astype(np.float32),
            terminated=ids < self.ids[0],
        )

    def hide(self):
        self.step = self._made(self.ids, np.zeros(self.n), np.zeros(self.n))

    def answer(self, actions):
        """Which share of pairs was right; the next ones begin."""
        right = (actions.discrete[:, 0] == self.sides).reshape(-1, 2).all(axis=1)
        ended, self.ids = self.ids, self.ids + self.n
        self.step = self._shown(ended, np.repeat(right, 2))
        return right.mean()


def test_pairs_learn_to_remember_what_both_must_say_and_the_update_is_compiled_once():
    trainer = small_trainer(
        BothRemember.SPEC,
        trainer_type="poca",
        hyperparameters={"batch_size": 64, "buffer_size": 512, "num_epoch": 4}
        | {"learning_rate": 5e-3, "learning_rate_schedule": "constant"},
        network_settings={"hidden_units": 32, "memory": {"memory_size": 16, "sequence_length": 2}},
    )
    world, earned = BothRemember(), []
    for _ in range(240):
        trainer.observe(world.step)
        trainer.act(world.step)
        world.hide()
        trainer.observe(world.step)
        earned.append(world.answer(trainer.act(world.step)))
        if trainer.ready():
            trainer.update()
    assert np.mean(earned[:16]) < 0.5
    assert np.mean(earned[-16:]) > 0.9
    assert trainer._compiled_update.experimental_get_tracing_count() == 1


@pytest.mark.usefixtures("_eager")
def test_another_signal_learns_beside_a_policy_that_remembers():
    curiosity = {"network_settings": {"hidden_units": 8}}
    trainer = remembering(reward_signals={"extrinsic": {}, "curiosity": curiosity})
    statistics = fill_and_update(trainer, RandomWorld(HYBRID, 0))
    assert np.isfinite(list(statistics.values())).all()
