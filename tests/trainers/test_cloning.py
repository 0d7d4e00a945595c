"""Behavioral cloning: what it lowers, on which rows, and when it is over."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.rewards.demonstrations import ExpertRows
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from mlagents_tf.trainers.cloning import cloning_loss
from tests.rewards.pencil import STEP
from tests.rewards.signals import write_demo
from tests.trainers.small import fill_and_update, small_trainer

OBS = (ObservationSpec((1,)),)
HYBRID = SPECS["hybrid, one vector"]


@pytest.fixture(autouse=True)
def eagerly(eager):
    pass


def policy_of(actions, trainer_type="ppo", means=(), log_stds=(), logits=()):
    """One that puts out these numbers whatever it sees."""
    trainer = small_trainer(Spec(OBS, actions), trainer_type=trainer_type)
    heads = trainer.network.policy.heads
    for layer, numbers in ((heads.means, means), (heads.logits, logits)):
        if layer is not None:
            layer.kernel.assign(tf.zeros_like(layer.kernel))
            layer.bias.assign(numbers)
    if heads.log_stds is not None:
        heads.log_stds.assign(log_stds)
    if heads.log_stds_of is not None:
        heads.log_stds_of.kernel.assign(tf.zeros_like(heads.log_stds_of.kernel))
        heads.log_stds_of.bias.assign(log_stds)
    return trainer.network.policy


def expert(actions, continuous=None, discrete=None, allowed=None, count=2):
    """What an expert did at observations of 0."""
    return ExpertRows(
        (tf.zeros([count, 1]),),
        tf.zeros([count, 0]) if continuous is None else tf.constant(continuous),
        tf.zeros([count, 0], tf.int32) if discrete is None else tf.constant(discrete),
        tf.ones([count, actions.num_discrete], tf.bool) if allowed is None else allowed,
        tf.zeros([count]),
        tf.range(count) == 0,
    )


def test_ppo_draws_a_third_of_what_its_gaussian_draws():
    actions = ActionSpec(1)
    policy = policy_of(actions, means=[1.5], log_stds=[np.log(0.5)])
    rows = expert(actions, [[0.5], [-0.25]])
    # draws of 1.5 + 0.5 * 0.6 and 1.5 - 0.5 * 1.5, which the environment takes as 0.6 and 0.25
    loss = cloning_loss(policy, rows, tf.constant([[0.6], [-1.5]]))
    assert float(loss) == pytest.approx((0.1**2 + 0.5**2) / 2, rel=1e-5)


def test_a_draw_beyond_the_range_is_led_back_into_it():
    actions = ActionSpec(1)
    policy = policy_of(actions, means=[6.0], log_stds=[-9.0])
    with tf.GradientTape() as tape:
        loss = cloning_loss(policy, expert(actions, [[1.0], [1.0]]), tf.zeros([2, 1]))
    (slope,) = tape.gradient(loss, [policy.heads.means.bias.value])
    assert float(loss) == pytest.approx(1.0, rel=1e-4)
    assert float(slope[0]) == pytest.approx(2 / 3, rel=1e-4)


def test_sac_draws_through_tanh():
    actions = ActionSpec(2)
    policy = policy_of(actions, "sac", means=[0.5, -1.0], log_stds=[np.log(2.0), 0.0])
    rows = expert(actions, [[0.1, 0.2]], count=1)
    expected = (np.tanh(0.5 + 2.0 * 0.25) - 0.1) ** 2 / 2 + (np.tanh(-1.0 - 0.5) - 0.2) ** 2 / 2
    found = cloning_loss(policy, rows, tf.constant([[0.25, -0.5]]))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_branches_are_averaged():
    actions = ActionSpec(0, (2, 3))
    policy = policy_of(actions, logits=np.log([0.25, 0.75, 0.2, 0.3, 0.5]))
    rows = expert(actions, discrete=[[0, 2], [1, 1]])
    expected = -np.log([0.25, 0.5, 0.75, 0.3]).mean()
    assert float(cloning_loss(policy, rows, tf.zeros([2, 0]))) == pytest.approx(expected, rel=1e-5)


def test_options_that_were_forbidden_are_none_to_choose_from():
    actions = ActionSpec(0, (3,))
    policy = policy_of(actions, logits=np.log([0.2, 0.3, 0.5]))
    allowed = tf.constant([[True, True, False], [True, True, True]])
    rows = expert(actions, discrete=[[0], [0]], allowed=allowed)
    expected = -(np.log(0.4) + np.log(0.2)) / 2
    assert float(cloning_loss(policy, rows, tf.zeros([2, 0]))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_both_kinds_of_actions_are_added_up(trainer_type):
    actions = ActionSpec(1, (2,))
    policy = policy_of(actions, trainer_type, means=[0.3], log_stds=[0.0], logits=[0.0, 0.0])
    rows = expert(actions, [[0.5], [0.5]], [[0], [1]])
    sent = np.tanh(0.3) if trainer_type == "sac" else 0.1
    expected = (sent - 0.5) ** 2 + np.log(2)
    assert float(cloning_loss(policy, rows, tf.zeros([2, 1]))) == pytest.approx(expected, rel=1e-5)


def cloner(folder, trainer_type="ppo", count=60, spec=HYBRID, hyperparameters=None, **keys):
    """A trainer whose policy clones; its learning rate is 0.01."""
    own = {"learning_rate": 0.01, "batch_size": 16} | (hyperparameters or {})
    path = write_demo(folder, spec, count)
    trainer = small_trainer(
        spec,
        trainer_type=trainer_type,
        hyperparameters=own,
        behavioral_cloning={"demo_path": str(path), **keys},
    )
    (remark,) = trainer.prepare()
    assert remark.startswith(f"behavioral_cloning: {path}: {count} pairs")
    return trainer


def lesson(trainer, step=0, seed=0):
    return trainer.cloning.passes(np.random.default_rng(seed), step)


def weights_of(trainer):
    return {name: np.array(array) for name, array in trainer.weights().items()}


def test_the_rate_falls_from_the_trainers_to_0(tmp_path):
    cloning = cloner(tmp_path, strength=0.5, steps=1000).cloning
    rates = [cloning.rate(step) for step in (0, 250, 900, 1000, 5000)]
    assert rates == pytest.approx([0.005, 0.00375, 0.0005, 0, 0])
    assert cloning.rate(1000) == 0


def test_without_steps_it_never_falls(tmp_path):
    assert cloner(tmp_path, strength=0.5).cloning.rate(10**9) == 0.005


def test_every_epoch_shows_every_row_once_but_for_what_fills_no_minibatch(tmp_path):
    trainer = cloner(tmp_path, num_epoch=4)
    rows, batch = trainer.cloning.demonstrations.num_rows, 16
    indices = lesson(trainer).indices.numpy()
    per_epoch = rows // batch
    assert per_epoch > 1
    assert indices.shape == (4 * per_epoch, batch)
    epochs = indices.reshape(4, -1)
    for epoch in epochs:
        assert len(np.unique(epoch)) == per_epoch * batch
    assert (epochs[0] != epochs[1]).any()
    assert indices.max() < rows


@pytest.mark.parametrize(("samples", "minibatches"), [(0, 3), (32, 2), (40, 2), (7, 1), (999, 3)])
def test_samples_per_update_bounds_an_epoch(tmp_path, samples, minibatches):
    trainer = cloner(tmp_path, num_epoch=2, samples_per_update=samples)
    assert lesson(trainer).indices.shape == (2 * minibatches, 16)


def test_what_is_left_open_is_the_trainers(tmp_path):
    cloning = cloner(tmp_path, hyperparameters={"num_epoch": 5, "batch_size": 8}).cloning
    assert (cloning.num_epoch, cloning.batch_size) == (5, 8)
    own = cloner(tmp_path, num_epoch=2, batch_size=4).cloning
    assert (own.num_epoch, own.batch_size) == (2, 4)


def test_a_batch_is_no_larger_than_the_demonstrations(tmp_path):
    trainer = cloner(tmp_path, count=12, batch_size=500)
    rows = trainer.cloning.demonstrations.num_rows
    assert 1 < rows < 12
    indices = lesson(trainer).indices.numpy()
    assert indices.shape == (2, rows)
    assert sorted(indices[0]) == list(range(rows))


def test_sac_draws_minibatches_for_each_of_its_steps(tmp_path):
    trainer = cloner(tmp_path, "sac", num_epoch=3)
    drawn = trainer.cloning.draws(np.random.default_rng(0), 0, 8)
    assert drawn.indices.shape == (8, 3, 16)
    assert len(np.unique(drawn.indices)) == trainer.cloning.demonstrations.num_rows


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_a_lesson_lowers_the_loss_by_the_policy_alone(tmp_path, trainer_type):
    trainer = cloner(tmp_path, trainer_type, num_epoch=5)
    before = weights_of(trainer)
    losses = [float(trainer.cloning.learn(lesson(trainer, seed=seed))[0]) for seed in range(3)]
    assert losses[2] < losses[0] - 0.02
    changed = {
        n.split("/")[0] for n, array in weights_of(trainer).items() if (array != before[n]).any()
    }
    assert changed == {"actor", "action_heads"}
    steps = 3 * 5 * (trainer.cloning.demonstrations.num_rows // 16)
    assert int(trainer.cloning.optimizer.iterations) == steps
    assert int(trainer.optimizer.iterations) == 0


def test_the_first_step_goes_down_the_slope_of_the_loss(tmp_path):
    trainer = cloner(tmp_path, samples_per_update=16, num_epoch=1, strength=2.0)
    policy, wanted = trainer.network.policy, lesson(trainer)
    rows = trainer.cloning.demonstrations.batch(wanted.indices[0])
    noise = tf.zeros_like(rows.continuous)
    kernel, before = policy.heads.means.kernel, policy.heads.means.kernel.numpy()

    def loss(change):
        kernel.assign(before + change)
        return float(cloning_loss(policy, rows, noise))

    upwards = np.zeros_like(before)
    upwards[3, 0] = 100 * STEP
    slope = loss(upwards) - loss(-upwards)
    kernel.assign(before)
    policy.heads.log_stds.assign([-20.0])  # what is drawn is the mean
    trainer.cloning.learn(wanted)
    # the first step of Adam is as long as its rate
    assert kernel.numpy()[3, 0] - before[3, 0] == pytest.approx(-0.02 * np.sign(slope), rel=1e-3)


def test_when_it_is_over_nothing_is_learned(tmp_path):
    trainer = cloner(tmp_path, steps=100)
    before = weights_of(trainer)
    np.testing.assert_array_equal(trainer.cloning.learn(lesson(trainer, 100)), [0, 0])
    for name, array in trainer.weights().items():
        np.testing.assert_array_equal(array, before[name])
    trainer.cloning.learn(lesson(trainer, 99))
    assert any((array != before[name]).any() for name, array in trainer.weights().items())


@pytest.mark.parametrize("trainer_type", ["ppo", "poca", "sac"])
def test_an_update_clones_and_says_so(tmp_path, trainer_type):
    trainer = cloner(tmp_path, trainer_type, steps=10_000)
    statistics = fill_and_update(trainer, RandomWorld(HYBRID, 0))
    assert 0.3 < statistics["Losses/Pretraining Loss"] < 3
    steps = 2 * (trainer.cloning.demonstrations.num_rows // 16) if trainer_type != "sac" else 8
    assert int(trainer.cloning.optimizer.iterations) == steps
    rate = 0.01 * (1 - trainer.steps / 10_000)
    assert float(trainer.cloning.optimizer.learning_rate) == pytest.approx(rate)


def test_the_optimizer_goes_on_where_it_was(tmp_path):
    trainer, other = cloner(tmp_path), cloner(tmp_path)
    trainer.cloning.learn(lesson(trainer))
    other.load_state(trainer.state())
    results = []
    for one in (trainer, other):
        one.cloning.learn(lesson(one, seed=1))
        results.append(weights_of(one))
    for name, array in results[0].items():
        np.testing.assert_array_equal(array, results[1][name])
