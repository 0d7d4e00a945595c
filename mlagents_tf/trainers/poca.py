"""Multi-Agent POsthumous Credit Assignment (Cohen et al. 2021): PPO for agents in groups."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.group_tape import GroupRows, GroupTape
from mlagents_tf.data.minibatches import shuffled_minibatches
from mlagents_tf.nn.bodies import network_shape
from mlagents_tf.nn.distributions import ActionDistribution
from mlagents_tf.nn.group_critic import GroupActorCritic, GroupValues
from mlagents_tf.ops.masks import normalized
from mlagents_tf.rewards.signal import SKIPPED, Transitions
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.ppo import Hyperparameters, Minibatch, PPOTrainer


class GroupMinibatch(NamedTuple):
    """G groups at single steps with n places each, B = G * n rows group by group.

    Attributes:
        acting: rows that the policy learns from; `rows` unless it remembers.
        rows: [B, ...] that the critic learns from; places where nobody is have `mask` 0.
        old_baselines: [B, S].
        present: [G, n] 1 where there is an agent.
    """

    acting: Minibatch
    rows: Minibatch
    old_baselines: tf.Tensor
    present: tf.Tensor


class Valued(NamedTuple):
    """What the networks that start an update make of F rows.

    Attributes:
        log_probs: [F] of what was done.
        rewards: [S, F] scaled.
        baselines: [S, F].
        values: [S, F] of the moment of each row; 0 where nothing is left of a group.
    """

    log_probs: tf.Tensor
    rewards: tf.Tensor
    baselines: tf.Tensor
    values: tf.Tensor


class POCATrainer(PPOTrainer):
    """PPO whose critic sees all agents of a group, and whose advantages are an agent's own share.

    Minibatches are made of whole groups, so that a group is valued once for all its agents. A
    policy with memory learns from sequences beside them; nothing is shared with the critic.
    """

    tags = (
        *("Losses/Policy Loss", "Losses/Value Loss", "Losses/Baseline Loss", "Policy/Entropy"),
        SKIPPED,
    )
    tape: GroupTape

    def _make_network(self) -> GroupActorCritic:
        return GroupActorCritic(
            self.spec,
            len(self.settings.reward_signals),
            network_shape(self.settings.network_settings),
            self.rng,
        )

    def _make_tape(self) -> GroupTape:
        h = self.hyperparameters
        return GroupTape(
            self.spec,
            h.buffer_size,
            self.settings.time_horizon,
            self.chunk,
            self.network.memory_size,
            self.sequence_length,
            log_probs=self.settings.threaded,
        )

    def _make_actor(self) -> Actor:
        greedy = self.settings.network_settings.deterministic
        return Actor(self.network.policy, greedy, apart=self.settings.threaded)

    def prepare(self) -> list[str]:
        others = [signal.name for signal in self.signals if signal.name != "extrinsic"]
        remarks = super().prepare()
        if others:
            remarks.append(
                f"POCA shares the extrinsic reward among the agents of a group; "
                f"{', '.join(others)} stays each agent's own."
            )
        return remarks

    def _rows(self) -> GroupRows:
        return self.tape.group_rows()

    @property
    def _num_acting(self) -> int:
        """Rows of a minibatch that only the policy learns from; they stand before the others."""
        return self.num_sequences * self.sequence_length if self.network.memory_size else 0

    def _minibatches(self, rows: GroupRows) -> tuple[NDArray[np.int32], int]:
        """Rows of each minibatch of all epochs, int32 [E * M, G * n] group by group.

        Negative where nobody is. Moments are drawn that have a real row; padded like PPO's. With
        memory PPO's minibatches stand before them, [E * M, B + G * n], and say how many there are.
        """
        members = rows.moments.members
        size = max(self.hyperparameters.batch_size // members.shape[1], 1)
        real = np.flatnonzero(((members >= 0) & (rows.rows.mask[members] > 0)).any(axis=1))
        if self._num_acting:
            acting, count = super()._minibatches(rows.rows)
            drawn = _endless(self.rng, real, count * size).reshape(count, size)
            together = np.zeros((len(acting), size * members.shape[1]), np.int32)
            together[:count] = members[drawn].reshape(count, -1)
            return np.concatenate([acting, together], axis=1), count
        epochs = self.hyperparameters.num_epoch
        order = shuffled_minibatches(self.rng, real, size, epochs)
        most = epochs * (len(members) // size)
        rows_of_all = members[order].reshape(len(order), -1)
        return np.pad(rows_of_all, [(0, most - len(order)), (0, 0)]), len(order)

    def _valued(self, rows: GroupRows) -> tuple[GroupMinibatch, dict[str, tf.Tensor]]:
        tape, mask = rows.rows, rows.rows.mask
        self.network.policy.inputs.observe(tape.obs, mask)
        self.network.critic.meet(tf.cast(rows.moments.members >= 0, tf.float32))
        found = self._evaluated(rows)
        # an agent whose group goes on without it ends, and what the group earns is its doing too
        nobody_left = tf.cast(rows.moments.of_row < 0, tf.float32)
        terminated = tape.terminated * tf.concat([nobody_left[1:], [1.0]], axis=0)
        returns = found.values + self._advantages(
            tape._replace(terminated=terminated), found.rewards, found.values
        )
        advantages = tf.reduce_mean(returns - found.baselines, axis=0)
        whole = Minibatch(
            tape.obs,
            tape.continuous,
            tape.discrete,
            tape.allowed,
            self._drawn(tape, found.log_probs),
            normalized(advantages, mask),
            tf.transpose(found.values),
            tf.transpose(returns),
            tape.memories,
            mask,
        )
        estimates = {
            "Reward": found.rewards,
            "Value Estimate": found.values,
            "Baseline Estimate": found.baselines,
        }
        # who is present follows from a minibatch's rows
        return (
            GroupMinibatch(whole, whole, tf.transpose(found.baselines), mask),
            self._signal_means(estimates, mask),
        )

    def _evaluated(self, rows: GroupRows) -> Valued:
        """Of the networks that start the update."""
        at = tf.reshape(tf.range(rows.rows.mask.shape[0]), (-1, self.chunk))

        def chunk(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            part, transitions = self._at(rows.rows, at), self._transitions(rows, at)
            log_probs = self._distribution(part).log_probs(part.continuous, part.discrete)
            return log_probs, tf.stack([signal.rewards(transitions) for signal in self.signals])

        log_probs, rewards = tf.map_fn(chunk, at, fn_output_signature=(tf.float32,) * 2)
        values, baselines = self._evaluated_groups(rows)
        return Valued(tf.reshape(log_probs, [-1]), _by_signal(rewards), baselines, values)

    def _evaluated_groups(self, rows: GroupRows) -> tuple[tf.Tensor, tf.Tensor]:
        """[S, F] values of the moment of each row, and baselines."""
        members, of_row, places = rows.moments
        n = members.shape[1]
        chunks = tf.reshape(members, (-1, self.tape.moments_at_once * n))

        def chunk(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            values, baselines = self._group_values(self._at(rows.rows, at), _present(at, n))
            return values, tf.reshape(baselines, (len(self.signals), -1))

        values, baselines = tf.map_fn(chunk, chunks, fn_output_signature=(tf.float32,) * 2)
        return _gathered(_by_signal(values), of_row), _gathered(_by_signal(baselines), places)

    def _distribution(self, rows: Any) -> ActionDistribution:
        """What the policy does on rows [B], whole sequences if it remembers."""
        policy = self.network.policy
        encoding = policy.body(policy.inputs(rows.obs), recall=self._recall(rows))
        return policy.distribution(encoding, rows.allowed)

    def _group_values(self, rows: Any, present: tf.Tensor) -> GroupValues:
        """What rows [G * n] are worth, where `present` [G, n] is 1."""
        actions = self.network.actions(rows.continuous, rows.discrete)
        seen = self.network.policy.inputs(rows.obs)
        return self.network.critic(seen, rows.memories, actions, present)

    def _at(self, rows: Any, at: tf.Tensor) -> Any:
        """Rows `at` [B] of [F, ...], any where it is negative."""
        return tf.nest.map_structure(lambda x: tf.gather(x, tf.maximum(at, 0)), rows)

    def _minibatch(self, whole: GroupMinibatch, at: tf.Tensor) -> GroupMinibatch:
        acting, at = at[: self._num_acting], at[self._num_acting :]
        present = _present(at, self.tape.num_places)
        rows = self._at(whole.rows, at)
        rows = rows._replace(mask=rows.mask * tf.reshape(present, [-1]))
        return GroupMinibatch(
            self._at(whole.acting, acting) if self._num_acting else rows,
            rows,
            self._at(whole.old_baselines, at),
            present,
        )

    def _train_signals(
        self, rows: GroupRows, at: tf.Tensor, seed: tf.Tensor | None, i: tf.Tensor
    ) -> list[tf.Tensor]:
        return super()._train_signals(rows, at[self._num_acting :], seed, i)

    def _transitions(self, rows: GroupRows, at: tf.Tensor) -> Transitions:
        transitions = super()._transitions(rows.rows, tf.maximum(at, 0))
        return transitions._replace(mask=transitions.mask * tf.cast(at >= 0, tf.float32))

    def _loss(
        self, minibatch: GroupMinibatch, hyper: Hyperparameters
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        acting, rows, old_baselines, present = minibatch
        policy_loss, entropy = self._policy_loss(self._distribution(acting), acting, hyper)
        values, baselines = self._group_values(rows, present)
        values = tf.repeat(values, present.shape[1], axis=1)
        value_loss = self._value_loss(values, rows.old_values, rows, hyper)
        baselines = tf.reshape(baselines, (len(self.signals), -1))
        baseline_loss = self._value_loss(baselines, old_baselines, rows, hyper)
        loss = policy_loss + 0.5 * (value_loss + 0.5 * baseline_loss) - hyper.beta * entropy
        return loss, [policy_loss, value_loss, baseline_loss, entropy]


def _endless(rng: np.random.Generator, items: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The first `count` of items that are shuffled anew whenever all have come."""
    rounds = -(-count // max(len(items), 1))
    every = [rng.permutation(items) for _ in range(rounds)]
    return np.concatenate([items[:0], *every])[:count]


def _by_signal(x: tf.Tensor) -> tf.Tensor:
    """[chunks, S, X] -> [S, chunks * X]."""
    return tf.reshape(tf.transpose(x, [1, 0, 2]), [x.shape[1], -1])


def _present(at: tf.Tensor, places: int) -> tf.Tensor:
    """[G * n] rows, negative where nobody is -> [G, n]."""
    return tf.reshape(tf.cast(at >= 0, tf.float32), (-1, places))


def _gathered(x: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """[S, X], [F] -> [S, F]; 0 where `at` is negative."""
    return tf.gather(x, tf.maximum(at, 0), axis=1) * tf.cast(at >= 0, tf.float32)
