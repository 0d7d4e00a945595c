"""PPO's update is the paper's, on whatever memory holds, and can be stored at any time."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from mlagents_tf.errors import DataError, TrainingError
from mlagents_tf.trainers.check_trainer import SPECS, RandomWorld
from mlagents_tf.trainers.trainer import TrainerState
from tests.trainers.small import fill, fill_and_update, small_trainer

HYBRID = SPECS["hybrid, several vectors"]
CONTINUOUS = SPECS["continuous, one vector"]
WHOLE = {"batch_size": 60, "buffer_size": 60}  # one minibatch: six agents, ten turns


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    """Plain graphs compile in half the time; the contract's tests compile with XLA."""
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")


def copied(weights):
    return {name: np.array(array) for name, array in weights.items()}


def test_an_update_returns_ml_agents_statistics():
    trainer = small_trainer(HYBRID)
    statistics = fill_and_update(trainer, RandomWorld(HYBRID, 0))
    assert set(statistics) == {
        "Losses/Policy Loss",
        "Losses/Value Loss",
        "Policy/Entropy",
        "Policy/Learning Rate",
        "Policy/Epsilon",
        "Policy/Beta",
        "Policy/Extrinsic Reward",
        "Policy/Extrinsic Value Estimate",
    }


def test_the_first_minibatch_has_ratio_1_though_the_normaliser_has_just_moved():
    trainer = small_trainer(
        HYBRID, hyperparameters=WHOLE | {"num_epoch": 1}, network_settings={"normalize": True}
    )
    world = RandomWorld(HYBRID, 0)
    for _ in range(2):
        # minus the mean of normalised advantages
        assert fill_and_update(trainer, world)["Losses/Policy Loss"] < 1e-6


def test_the_actor_acts_with_the_new_weights_after_an_update():
    trainer = small_trainer(HYBRID, network_settings={"normalize": True})
    world = RandomWorld(HYBRID, 0)
    fill_and_update(trainer, world)
    obs = world.step.obs
    means, log_stds, logits, _ = trainer.network.policy(obs)
    expected = means, np.exp(log_stds), logits
    for found, wanted in zip(trainer.actor.outputs(obs)[:3], expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_an_update_is_traced_once_until_the_population_outgrows_the_tape():
    trainer = small_trainer(CONTINUOUS)
    counts = []
    for num_agents in (6, 2, 9, 300, 280, 5):
        trainer.abandon()  # the next world counts its agents from 0 again
        fill_and_update(trainer, RandomWorld(CONTINUOUS, 0, num_agents))
        counts.append(trainer._compiled_update.experimental_get_tracing_count())
    assert counts == [1, 1, 1, 2, 2, 2]


def test_a_reward_that_is_not_a_number_stops_training_with_the_last_good_weights():
    trainer = small_trainer(HYBRID, network_settings={"normalize": True})
    world = RandomWorld(HYBRID, 0)
    fill_and_update(trainer, world)
    fill(trainer, world)
    before = copied(trainer.weights())
    trainer.tape._columns["rewards"][trainer.tape.rows().real[3]] = np.nan
    with pytest.raises(TrainingError, match="behavior walker: 8 of 8 gradients were not finite"):
        trainer.update()
    for name, array in trainer.weights().items():
        assert np.isfinite(array).all(), name
        if "normalizer" not in name:  # it has seen good observations
            np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_scheduled_values_are_those_of_the_step_and_reach_the_statistics():
    trainer = small_trainer(
        CONTINUOUS,
        max_steps=600,
        hyperparameters=WHOLE
        | {"learning_rate": 0.01, "epsilon": 0.3, "beta": 0.1, "beta_schedule": "constant"},
    )
    world = RandomWorld(CONTINUOUS, 0)
    first, second = fill_and_update(trainer, world), fill_and_update(trainer, world)
    assert trainer.steps == 120
    assert first["Policy/Learning Rate"] == pytest.approx(0.009, rel=1e-6)
    assert second["Policy/Learning Rate"] == pytest.approx(0.008, rel=1e-6)
    assert first["Policy/Epsilon"] == pytest.approx(0.3 - 0.2 / 10)
    assert second["Policy/Beta"] == 0.1
    assert float(trainer.optimizer.learning_rate) == pytest.approx(0.008, rel=1e-6)


def test_every_reward_signal_has_a_value_of_its_own(two_signals):
    trainer = small_trainer(CONTINUOUS, reward_signals=two_signals)
    assert trainer.weights()["value_heads/values/kernel"].shape == (8, 2)
    statistics = fill_and_update(trainer, RandomWorld(CONTINUOUS, 0))
    assert statistics["Policy/Rnd Reward"] == 0.5
    assert {"Policy/Rnd Value Estimate", "Policy/Extrinsic Value Estimate"} <= statistics.keys()


class PencilPPO:
    """PPO by the book: stories one by one, densities of TensorFlow Probability, Adam in NumPy."""

    def __init__(self, trainer, rows, discounts):
        self.network, self.rows = trainer.network, rows
        self.real = rows.real
        self.actions = trainer.spec.actions
        self.settings = trainer.hyperparameters
        self.obs = tuple(obs[self.real] for obs in rows.obs)
        self.old_log_probs = self.log_probs_and_entropy()[0].numpy()
        _, values = self.network.distribution_and_values(rows.obs, None)
        self.old_values = values.numpy()[:, self.real]
        raw = np.stack(
            [
                self.advantages(rewards, values.numpy()[k], gamma, goes_on)
                for k, (rewards, gamma, goes_on) in enumerate(discounts)
            ]
        )
        self.returns = raw + self.old_values
        mean = raw.mean(axis=0)
        self.normalised = (mean - mean.mean()) / mean.std()
        self.moments = [
            (np.zeros(v.shape), np.zeros(v.shape)) for v in self.network.trainable_variables
        ]
        self.time = 0

    def advantages(self, rewards, values, gamma, goes_on):
        """[n] GAE of the real rows."""
        rows, found, following = self.rows, np.zeros(len(values)), 0.0
        for row in reversed(range(len(rows.mask) - 1)):
            if not rows.mask[row]:
                continue
            ahead = 0.0 if rows.terminated[row] and not goes_on else values[row + 1]
            carried = 0.0 if rows.last[row] else following
            delta = rewards[row] + gamma * ahead - values[row]
            following = found[row] = delta + gamma * self.settings.lambd * carried
        return found[self.real]

    def log_probs_and_entropy(self):
        means, _, logits, _ = self.network.policy(self.obs)
        normal = tfd.Normal(means, tf.exp(self.network.policy.heads.log_stds))
        continuous = self.rows.continuous[self.real]
        log_probs = tf.reduce_sum(normal.log_prob(continuous), axis=1)
        entropy = tf.reduce_mean(normal.entropy(), axis=1)
        logits = tf.where(self.rows.allowed[self.real], logits, -1e8)
        for branch, options in enumerate(self.actions.branch_slices()):
            categorical = tfd.Categorical(logits[:, options])
            log_probs += categorical.log_prob(self.rows.discrete[self.real, branch])
            entropy += categorical.entropy()
        return log_probs, entropy

    def epoch(self, learning_rate, epsilon, beta):
        """Policy loss, value loss and entropy on all rows; then one step of Adam."""
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            log_probs, entropy = self.log_probs_and_entropy()
            ratio = tf.exp(log_probs - self.old_log_probs)
            clipped = tf.clip_by_value(ratio, 1 - epsilon, 1 + epsilon)
            a = self.normalised.astype(np.float32)
            policy_loss = -tf.reduce_mean(tf.minimum(ratio * a, clipped * a))
            values = self.network.distribution_and_values(self.obs, None)[1]
            near = self.old_values + tf.clip_by_value(values - self.old_values, -epsilon, epsilon)
            value_loss = tf.reduce_mean(
                tf.maximum((self.returns - values) ** 2, (self.returns - near) ** 2)
            )
            mean_entropy = tf.reduce_mean(entropy)
            loss = policy_loss + 0.5 * value_loss - beta * mean_entropy
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self.adam(variables, [gradient.numpy() for gradient in gradients], learning_rate)
        return np.array([policy_loss, value_loss, mean_entropy])

    def adam(self, variables, gradients, learning_rate):
        self.time += 1
        for i, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
            m, v = self.moments[i]
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            self.moments[i] = m, v
            step = (m / (1 - 0.9**self.time)) / (np.sqrt(v / (1 - 0.999**self.time)) + 1e-8)
            variable.assign(variable.numpy() - learning_rate * step)


@pytest.mark.parametrize("shared_critic", [False, True])
def test_three_epochs_are_those_of_pencil_and_paper(two_signals, shared_critic):
    keys = {
        "reward_signals": two_signals,
        "time_horizon": 4,
        "hyperparameters": WHOLE
        # in a shared body the weights of the losses show; apart, Adam would hide them
        | {"num_epoch": 3, "learning_rate": 0.01, "learning_rate_schedule": "constant"}
        | {"beta": 0.3, "shared_critic": shared_critic},
    }
    trainer, twin = small_trainer(HYBRID, **keys), small_trainer(HYBRID, **keys)
    fill(trainer, RandomWorld(HYBRID, 0))
    rows = tf.nest.map_structure(np.copy, trainer.tape.rows())
    assert len(rows.real) == 60
    assert rows.terminated.any()
    ones = np.ones_like(rows.rewards)
    pencil = PencilPPO(twin, rows, [(2.0 * rows.rewards, 0.9, False), (0.5 * ones, 0.5, True)])
    h = trainer.hyperparameters
    epochs = [pencil.epoch(h.learning_rate, h.epsilon, h.beta) for _ in range(3)]
    assert abs(epochs[2][0]) > 1e-3  # ratios have moved

    statistics = trainer.update()
    policy_loss, value_loss, entropy = np.mean(epochs, axis=0)
    assert statistics["Losses/Policy Loss"] == pytest.approx(abs(policy_loss), rel=1e-3)
    assert statistics["Losses/Value Loss"] == pytest.approx(value_loss, rel=1e-4)
    assert statistics["Policy/Entropy"] == pytest.approx(entropy, rel=1e-5)
    for name, array in trainer.weights().items():
        # of up to 0.03 that Adam has moved; where a gradient is nearly 0 its sign is chance
        assert np.abs(array - twin.weights()[name]).mean() < 1e-4, name


def test_xla_graph_and_eager_agree_on_an_update(monkeypatch):
    results = {}
    for mode in ("xla", "graph", "eager"):
        monkeypatch.setenv("MLAGENTS_TF_MODE", mode)
        trainer = small_trainer(HYBRID, network_settings={"normalize": True})
        statistics = fill_and_update(trainer, RandomWorld(HYBRID, 0))
        results[mode] = statistics | copied(trainer.weights())
    for mode in ("graph", "eager"):
        for name, value in results["xla"].items():
            np.testing.assert_allclose(
                results[mode][name], value, rtol=1e-4, atol=1e-4, err_msg=f"{mode}: {name}"
            )


def test_a_mode_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "fast")
    with pytest.raises(ValueError, match="MLAGENTS_TF_MODE is 'fast'; it may be one of xla"):
        small_trainer(CONTINUOUS)


def test_a_restored_trainer_continues_with_a_shared_critic_and_two_signals(two_signals):
    keys = {"reward_signals": two_signals, "hyperparameters": {"shared_critic": True}}
    trainer, world = small_trainer(HYBRID, **keys), RandomWorld(HYBRID, 0)
    fill_and_update(trainer, world)
    state = trainer.state()
    other = small_trainer(HYBRID, seed=5, **keys)
    other.load_state(TrainerState(state.arrays, json.loads(json.dumps(state.facts))))
    copies = RandomWorld(HYBRID, 1), RandomWorld(HYBRID, 1)
    results = [fill_and_update(t, w) for t, w in zip((trainer, other), copies, strict=True)]
    assert results[0] == results[1]


def test_weights_of_another_network_are_refused_with_every_difference():
    trainer = small_trainer(CONTINUOUS)
    wider = small_trainer(CONTINUOUS, network_settings={"hidden_units": 9, "normalize": True})
    with pytest.raises(DataError) as caught:
        wider.load_weights(trainer.weights())
    message = str(caught.value)
    assert "behavior walker: the network has changed" in message
    assert "actor/dense_0/kernel: was [3, 8], is now [3, 9]" in message
    assert "inputs/normalizer/mean: was absent, is now [3]" in message
    changed = [
        name
        for name, array in wider.weights().items()
        if name not in trainer.weights() or array.shape != trainer.weights()[name].shape
    ]
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:-1]] == sorted(changed)


def test_refused_weights_leave_the_network_as_it_was():
    trainer = small_trainer(CONTINUOUS)
    before = copied(trainer.weights())
    wrong = {name: array + 1 for name, array in before.items() if "values" not in name}
    with pytest.raises(DataError):
        trainer.load_weights(wrong)
    for name, array in trainer.weights().items():
        np.testing.assert_array_equal(array, before[name])


def test_loaded_weights_are_acted_upon():
    trainer, other = small_trainer(CONTINUOUS, seed=0), small_trainer(CONTINUOUS, seed=1)
    obs = RandomWorld(CONTINUOUS, 0).step.obs
    other.load_weights(trainer.weights())
    np.testing.assert_array_equal(other.actor.outputs(obs)[0], trainer.actor.outputs(obs)[0])


def test_a_deterministic_trainer_takes_the_likeliest_actions():
    trainer = small_trainer(HYBRID, network_settings={"deterministic": True})
    step = RandomWorld(HYBRID, 0).step
    means, _, logits, _ = trainer.actor.outputs(step.obs)
    actions = trainer.act(step)
    np.testing.assert_allclose(actions.continuous, np.clip(means, -3, 3) / 3, rtol=1e-6)
    allowed = np.where(step.allowed_actions, logits, -np.inf)
    np.testing.assert_array_equal(actions.discrete[:, 0], allowed.argmax(axis=1))


def test_forgetting_drops_memory_and_keeps_weights():
    trainer = small_trainer(CONTINUOUS)
    fill(trainer, RandomWorld(CONTINUOUS, 0))
    before = copied(trainer.weights())
    trainer.forget()
    assert not trainer.ready()
    for name, array in trainer.weights().items():
        np.testing.assert_array_equal(array, before[name])


def test_answered_decisions_are_counted_until_training_is_finished():
    trainer = small_trainer(CONTINUOUS, max_steps=12)
    world = RandomWorld(CONTINUOUS, 0)
    for expected in (6, 12):
        assert not trainer.finished
        trainer.act(world.step)
        trainer.observe(world.advance())
        assert trainer.steps == expected
    assert trainer.finished


def test_log_probs_of_a_decision_are_those_that_training_computes():
    trainer = small_trainer(HYBRID)
    step = RandomWorld(HYBRID, 0).step
    decision = trainer.actor.decide(
        step.obs, step.allowed_actions, np.random.default_rng(0), with_log_probs=True
    )
    distribution, _ = trainer.network.distribution_and_values(step.obs, step.allowed_actions)
    expected = distribution.log_probs(decision.continuous, decision.discrete)
    np.testing.assert_allclose(decision.log_probs, expected, rtol=1e-4, atol=1e-5)


def test_a_checkpoint_of_an_earlier_layout_is_refused_with_the_way_out():
    trainer = small_trainer(CONTINUOUS)
    arrays, facts = trainer.state()
    earlier = {name.replace("memory/", "tape/"): array for name, array in arrays.items()}
    with pytest.raises(DataError, match=r"walker: this checkpoint .* --initialize-from"):
        trainer.load_state(TrainerState(earlier, facts))
