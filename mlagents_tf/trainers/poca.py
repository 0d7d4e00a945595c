"""Multi-Agent POsthumous Credit Assignment (Cohen et al. 2021): PPO for agents in groups."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.group_tape import GroupRows, GroupTape
from mlagents_tf.data.minibatches import shuffled_minibatches
from mlagents_tf.nn.bodies import network_shape
from mlagents_tf.nn.group_critic import GroupActorCritic
from mlagents_tf.ops.masks import normalized
from mlagents_tf.rewards.signal import SKIPPED, Transitions
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.ppo import Hyperparameters, Minibatch, PPOTrainer


class GroupMinibatch(NamedTuple):
    """G groups at single steps with n places each, B = G * n rows group by group.

    Attributes:
        rows: [B, ...]; places where nobody is have `mask` 0.
        old_baselines: [B, S].
        present: [G, n] 1 where there is an agent.
    """

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

    Minibatches are made of whole groups, so that a group is valued once for all its agents.
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

    def _minibatches(self, rows: GroupRows) -> tuple[NDArray[np.int32], int]:
        """Rows of each minibatch of all epochs, [E * M, G * n] int32 group by group.

        Negative where nobody is. Moments are drawn that have a real row; padded like PPO's.
        """
        members = rows.moments.members
        size = max(self.hyperparameters.batch_size // members.shape[1], 1)
        epochs = self.hyperparameters.num_epoch
        real = ((members >= 0) & (rows.rows.mask[members] > 0)).any(axis=1)
        order = shuffled_minibatches(self.rng, np.flatnonzero(real), size, epochs)
        most = epochs * (len(members) // size)
        rows_of_all = members[order].reshape(len(order), -1)
        return np.pad(rows_of_all, [(0, most - len(order)), (0, 0)]), len(order)

    def _valued(self, rows: GroupRows) -> tuple[GroupMinibatch, dict[str, tf.Tensor]]:
        tape, mask = rows.rows, rows.rows.mask
        self.network.policy.inputs.observe(tape.obs, mask)
        self.network.critic.meet(tf.cast(rows.moments.members >= 0, tf.float32))
        found = self._evaluate_groups(rows)
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
            GroupMinibatch(whole, tf.transpose(found.baselines), mask),
            self._signal_means(estimates, mask),
        )

    def _evaluate_groups(self, rows: GroupRows) -> Valued:
        """Of the networks that start the update."""
        members, of_row, places = rows.moments
        n = members.shape[1]
        chunks = tf.reshape(members, (-1, self.tape.moments_at_once * n))

        def chunk(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
            part = self._at(rows.rows, at)
            seen = self.network.policy.inputs(part.obs)
            distribution = self.network.policy.distribution(
                self.network.policy.body(seen), part.allowed
            )
            actions = self.network.actions(part.continuous, part.discrete)
            values, baselines = self.network.critic(seen, actions, _present(at, n))
            transitions = self._transitions(rows, at)
            return (
                distribution.log_probs(part.continuous, part.discrete),
                tf.stack([signal.rewards(transitions) for signal in self.signals]),
                tf.reshape(baselines, (len(self.signals), -1)),
                values,
            )

        log_probs, *by_signal = tf.map_fn(
            chunk, chunks, fn_output_signature=(tf.float32,) * 4
        )  # [chunks, places], then [chunks, S, places] and [chunks, S, moments]
        rewards, baselines, values = (
            tf.reshape(tf.transpose(x, [1, 0, 2]), [len(self.signals), -1]) for x in by_signal
        )
        return Valued(
            _gathered(tf.reshape(log_probs, [1, -1]), places)[0],
            _gathered(rewards, places),
            _gathered(baselines, places),
            _gathered(values, of_row),
        )

    def _at(self, rows: Any, at: tf.Tensor) -> Any:
        """Rows `at` [B] of [F, ...], any where it is negative."""
        return tf.nest.map_structure(lambda x: tf.gather(x, tf.maximum(at, 0)), rows)

    def _minibatch(self, whole: GroupMinibatch, at: tf.Tensor) -> GroupMinibatch:
        present = _present(at, self.tape.num_places)
        rows = self._at(whole.rows, at)
        mask = rows.mask * tf.reshape(present, [-1])
        return GroupMinibatch(rows._replace(mask=mask), self._at(whole.old_baselines, at), present)

    def _transitions(self, rows: GroupRows, at: tf.Tensor) -> Transitions:
        transitions = super()._transitions(rows.rows, tf.maximum(at, 0))
        return transitions._replace(mask=transitions.mask * tf.cast(at >= 0, tf.float32))

    def _loss(
        self, minibatch: GroupMinibatch, hyper: Hyperparameters
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        rows, policy = minibatch.rows, self.network.policy
        seen = policy.inputs(rows.obs)
        distribution = policy.distribution(policy.body(seen), rows.allowed)
        policy_loss, entropy = self._policy_loss(distribution, rows, hyper)
        actions = self.network.actions(rows.continuous, rows.discrete)
        values, baselines = self.network.critic(seen, actions, minibatch.present)
        n = minibatch.present.shape[1]
        value_loss = self._value_loss(tf.repeat(values, n, axis=1), rows.old_values, rows, hyper)
        baselines = tf.reshape(baselines, (len(self.signals), -1))
        baseline_loss = self._value_loss(baselines, minibatch.old_baselines, rows, hyper)
        loss = policy_loss + 0.5 * (value_loss + 0.5 * baseline_loss) - hyper.beta * entropy
        return loss, [policy_loss, value_loss, baseline_loss, entropy]


def _present(at: tf.Tensor, places: int) -> tf.Tensor:
    """[G * n] rows, negative where nobody is -> [G, n]."""
    return tf.reshape(tf.cast(at >= 0, tf.float32), (-1, places))


def _gathered(x: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """[S, X], [F] -> [S, F]; 0 where `at` is negative."""
    return tf.gather(x, tf.maximum(at, 0), axis=1) * tf.cast(at >= 0, tf.float32)
