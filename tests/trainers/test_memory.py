"""Trainers learn from sequences what acting, one decision after another, would have shown."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.memory import each_alone
from mlagents_tf.trainers.check_trainer import RandomWorld
from tests.trainers.sac_worlds import SPECS, Watched, recorded_update, shaken, small_sac
from tests.trainers.small import fill, fill_and_update, small_trainer

SIZE, LENGTH = 6, 4
MEMORY = {"memory": {"memory_size": SIZE, "sequence_length": LENGTH}, "normalize": True}


def small_ppo(shared_critic=False, **hyperparameters):
    return small_trainer(
        SPECS["hybrid"],
        network_settings=MEMORY,
        hyperparameters={"shared_critic": shared_critic, **hyperparameters},
    )


def one_row(arrays, row):
    return tuple(array[row : row + 1] for array in arrays)


class Acting:
    """PPO's two bodies on one decision after another, for an agent."""

    def __init__(self, network):
        self.network, self.policy, self.critic = network, network.policy, network.critic_body

    def step(self, obs, memory):
        """Mean, log-deviation, logits, value and [1, M] memory behind the decision."""
        *outputs, after = self.policy(obs, memory[:, :SIZE])
        seen = self.policy.inputs(obs)
        if self.critic is self.policy.body:
            encoding = self.policy.body(seen, recall=each_alone(memory[:, :SIZE]))
        else:
            encoding, _, of_critic = self.critic.remember(seen, recall=each_alone(memory[:, SIZE:]))
            after = tf.concat([after, of_critic], axis=1)
        return outputs, self.network.value_heads(encoding)[0, 0, 0], after


@pytest.mark.parametrize("shared_critic", [False, True])
def test_ppo_values_rows_as_if_it_had_stepped_through_each_story(shared_critic):
    trainer = small_ppo(shared_critic)
    world = RandomWorld(trainer.spec, 0)
    fill_and_update(trainer, world)  # so that weights are no longer those of the start
    trainer.abandon()
    world = RandomWorld(trainer.spec, 1)
    trainer.observe(world.step)
    fill(trainer, world)
    rows = trainer.tape.rows()
    found_log_probs, found_values, _ = trainer._evaluate(
        tf.nest.map_structure(tf.convert_to_tensor, rows)
    )
    acting = Acting(trainer.network)
    memory, checked, stories = None, 0, []
    for row in range(rows.real[-1] + 2):
        if not rows.mask[row] and not (row and rows.mask[row - 1]):
            continue  # what fills a sequence up; bootstrap rows do count
        if row == 0 or not rows.mask[row - 1]:
            stories.append(row)
            assert not rows.memories[row].any(), "an episode begins with nothing remembered"
            memory = tf.zeros([1, trainer.network.memory_size])
        np.testing.assert_allclose(rows.memories[row : row + 1], memory, rtol=1e-4, atol=1e-5)
        outputs, value, memory = acting.step(one_row(rows.obs, row), memory)
        np.testing.assert_allclose(found_values[0, row], value, rtol=1e-4, atol=1e-5)
        if rows.mask[row]:
            allowed = tf.constant(rows.allowed[row : row + 1])
            expected = log_prob(trainer, outputs, rows, row, allowed)
            np.testing.assert_allclose(found_log_probs[row], expected, rtol=1e-3, atol=1e-4)
            checked += 1
    assert checked == len(rows.real) > 60
    assert np.diff(stories).max() > LENGTH, "some stories are longer"


def log_prob(trainer, outputs, rows, row, allowed):
    means, log_stds, logits = outputs
    z = (rows.continuous[row] - means[0]) / tf.exp(log_stds)
    total = tf.reduce_sum(-0.5 * z**2 - log_stds - 0.5 * np.log(2 * np.pi))
    logits = tf.where(allowed, logits, -1e8)[0]
    for branch, options in enumerate(trainer.spec.actions.branch_slices()):
        total += tf.nn.log_softmax(logits[options])[rows.discrete[row, branch]]
    return total


def test_the_first_minibatch_of_an_update_finds_the_policy_that_acted():
    trainer = small_ppo(batch_size=32, buffer_size=64, num_epoch=1)
    world = RandomWorld(trainer.spec, 0)
    for _ in range(2):
        fill(trainer, world)
        rows = tf.nest.map_structure(tf.convert_to_tensor, trainer.tape.rows())
        found, _, _ = trainer._evaluate(rows)
        # the densities that sequences give are the same, whichever sequence is learned from
        again, _ = trainer.network.distribution_and_values(
            rows.obs, rows.allowed, trainer._recall(rows)
        )
        real = rows.mask > 0
        densities = again.log_probs(rows.continuous, rows.discrete)
        np.testing.assert_allclose(found[real], densities[real], rtol=1e-5, atol=1e-5)
        trainer.tape.clear()


def test_rows_that_fill_sequences_up_are_not_learned_from(monkeypatch):
    trainers = [small_ppo(), small_ppo()]
    for trainer, noise in zip(trainers, (0.0, 50.0), strict=True):
        fill(trainer, RandomWorld(trainer.spec, 0))
        rows = trainer.tape.rows

        def noisy(rows=rows, noise=noise):
            told = rows()
            fillers = told.mask == 0
            fillers[:-1] &= told.mask[1:] == 0  # bootstrap rows do count
            fillers[1:] &= told.mask[:-1] == 0
            told.rewards[fillers] += noise
            told.continuous[fillers] += noise
            return told

        monkeypatch.setattr(trainer.tape, "rows", noisy)
    one, other = (trainer.update() for trainer in trainers)
    assert one == other


def test_an_agent_keeps_what_it_remembers_and_a_newcomer_has_nothing():
    trainer = small_ppo()
    world = RandomWorld(trainer.spec, 2)
    trainer.observe(world.step)
    acting, known = Acting(trainer.network), {}
    for _ in range(12):
        step = world.step.deciding()
        trainer.act(world.step)
        for row, agent in enumerate(step.agent_ids.tolist()):
            memory = known.get(agent, tf.zeros([1, 2 * SIZE]))
            known[agent] = acting.step(one_row(step.obs, row), memory)[2]
        kept = trainer.tape.memories(step.agent_ids)
        expected = np.concatenate([known[agent] for agent in step.agent_ids.tolist()])
        np.testing.assert_allclose(kept, expected, rtol=1e-4, atol=1e-5)
        trainer.observe(world.advance())
    assert len(known) > 10, "agents died and were born"


def recurrent_sac(critic, actions="hybrid"):
    trainer = small_sac(
        actions, network_settings=MEMORY, hyperparameters={"critic": critic, "batch_size": 24}
    )
    shaken(trainer)
    return trainer


class OneByOne:
    """SAC's quantities on sequences, one decision after another."""

    def __init__(self, trainer, batch, noise):
        self.losses, self.network = trainer._losses, trainer.network
        self.batch, self.noise = batch, noise
        self.rows = len(batch.rewards)

    def row(self, array, row):
        return tf.convert_to_tensor(array[row : row + 1])

    def walk(self, body, continuous):
        """Memories before and behind each row, of a critic that begins each sequence anew."""
        memory, before, after = None, [], []
        for row in range(self.rows):
            memory = tf.zeros([1, SIZE]) if row % LENGTH == 0 else memory
            before.append(memory)
            seen = self.network.policy.inputs(one_row(self.batch.obs, row))
            memory = body.remember(
                seen, None if continuous is None else self.row(continuous, row), each_alone(memory)
            ).after
            after.append(memory)
        return before, after

    def policy_encodings(self):
        """Encodings of each row, and one decision further on."""
        body, memory, now, later = self.network.policy.body, None, [], []
        for row in range(self.rows):
            memory = self.row(self.batch.memories, row) if row % LENGTH == 0 else memory
            inputs = self.network.policy.inputs
            found = body.remember(inputs(one_row(self.batch.obs, row)), recall=each_alone(memory))
            memory = found.after
            now.append(found.encoding)
            following = inputs(one_row(self.batch.next_obs, row))
            later.append(body(following, recall=each_alone(memory)))
        return tf.concat(now, axis=0), tf.concat(later, axis=0)

    def values(self, critic, obs, continuous, memories):
        """[S, B, options] of a critic with memories by row."""
        found = []
        for row in range(self.rows):
            seen = self.network.policy.inputs(one_row(obs, row))
            given = None if continuous is None else self.row(continuous, row)
            found.append(critic(seen, given, each_alone(memories[row])))
        return tf.concat(found, axis=1)

    def targets(self):
        """[S, B] of Q."""
        losses, network, batch = self.losses, self.network, self.batch
        if network.value is None:
            encoding = self.policy_encodings()[1]
            actions = losses._choice(encoding, batch.next_allowed, self.noise[..., -1])
            found = []
            for target in network.targets:
                after = self.walk(target, batch.continuous)[1]
                values = self.values(target, batch.next_obs, actions.continuous, after)
                found.append(losses._valued(values, actions))
            following = tf.minimum(*found) + losses._entropy_bonus(actions)
        else:
            target = network.targets[0]
            after = self.walk(target, None)[1]
            following = self.values(target, batch.next_obs, None, after)[..., 0]
        alive = 1 - np.asarray(batch.terminated, np.float32)
        return batch.rewards + 0.99 * alive * following

    def policy_loss(self):
        losses, network, batch = self.losses, self.network, self.batch
        encoding = self.policy_encodings()[0]
        actions = losses._choice(encoding, batch.allowed, self.noise[..., 0])
        found = []
        for q in network.qs:
            before = self.walk(q, batch.continuous)[0]
            values = self.values(q, batch.obs, actions.continuous, before)
            found.append(losses._valued(values, actions))
        judged = tf.minimum(*found) if network.value is None else found[0]
        mask = batch.mask
        worth = judged[0] + losses._entropy_bonus(actions)
        return -np.sum(worth * mask) / mask.sum()

    def q_loss(self, q):
        batch, losses = self.batch, self.losses
        before = self.walk(q, batch.continuous)[0]
        values = self.values(q, batch.obs, batch.continuous, before)
        errors = losses._valued(values, losses._taken(batch)) - self.targets()
        return 0.5 * np.sum(errors[0] ** 2 * batch.mask) / batch.mask.sum()


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("critic", "actions"),
    [
        ("value_target", "hybrid"),
        ("q_target", "continuous"),
        slow("q_target", "hybrid"),
        slow("q_target", "discrete"),
        slow("value_target", "continuous"),
        slow("value_target", "discrete"),
    ],
)
def test_sac_looks_at_sequences_as_if_it_stepped_through_them(critic, actions, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    trainer = recurrent_sac(critic, actions)
    Watched(trainer).until_ready()
    before = trainer.weights()
    _, [(batch, noise)] = recorded_update(trainer)
    assert 0 < batch.mask.sum() < len(batch.mask), "some sequences are shorter"
    normalizer = {n: w for n, w in trainer.weights().items() if "normalizer" in n}
    trainer.load_weights({**before, **normalizer})
    book = OneByOne(trainer, batch, noise)
    real = batch.mask > 0

    targets = trainer._losses.targets(batch, noise[..., -1])
    np.testing.assert_allclose(targets.q[0][real], book.targets()[0][real], rtol=1e-4, atol=1e-4)
    losses = trainer._losses(batch, targets, noise[..., 0])
    np.testing.assert_allclose(losses.policy, book.policy_loss(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(losses.q1, book.q_loss(trainer.network.q1), rtol=1e-4)
    np.testing.assert_allclose(losses.q2, book.q_loss(trainer.network.q2), rtol=1e-4)


@pytest.mark.parametrize("critic", ["value_target", "q_target"])
def test_rows_behind_the_end_of_an_episode_do_not_count(critic, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    trainer = recurrent_sac(critic)
    Watched(trainer).until_ready()
    batch = trainer.replay.sample(np.random.default_rng(0), 1, 24)
    batch = tf.nest.map_structure(lambda leaf: leaf[0], batch)
    noise = np.zeros((24, 2), np.float32)
    fillers = batch.mask == 0
    other = batch._replace(
        obs=tuple(np.where(fillers[:, None], obs + 9, obs) for obs in batch.obs),
        rewards=np.where(fillers, 99, batch.rewards).astype(np.float32),
    )
    found = []
    for rows in (batch, other):
        losses = trainer._losses(rows, trainer._losses.targets(rows, noise), noise)
        found.append([losses.policy, losses.q1, losses.q2, losses.value, losses.entropy])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_a_replay_without_the_beginning_of_a_sequence_is_not_learned_from():
    trainer = small_sac(network_settings=MEMORY)
    Watched(trainer).until_ready()
    at = trainer.replay.columns["begins"]
    at[:] = False
    trainer.replay.recount()
    assert not trainer.ready()
