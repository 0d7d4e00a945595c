"""What Soft Actor-Critic lowers in one gradient step (Haarnoja et al. 2018a, 2018b).

With memory, B rows stand in sequences. The policy starts each from what it remembered then; critics
start with nothing, which is exact where an episode is no longer than a sequence, since sequences
are cut from its beginning. A network looks at other actions than those that were taken, or one
decision ahead, by one further step from what it remembers there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from mlagents_tf.data.rows import Batches
from mlagents_tf.nn.critics import Critic, SoftActorCritic
from mlagents_tf.nn.inputs import Seen
from mlagents_tf.nn.memory import Recall, each_alone, in_sequences
from mlagents_tf.ops.actions import one_hot_branches
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.ops.soft import (
    bootstrapped,
    entropy_coefficient_loss,
    half_squared_error,
    mean_over_branches,
)
from mlagents_tf.rewards.signal import RewardSignal, Transitions


class Choice(NamedTuple):
    """Actions to be valued: those that were taken, or what the policy would do now.

    Attributes:
        continuous: [B, C] in the environment's scale.
        weights: [B, A] 1 at options that were taken, or the options' probabilities; [B, 1] of 1
            without branches.
        entropies: [B, J] of the policy: of each branch, then minus the log-probability of
            `continuous`; None for actions that were taken.
    """

    continuous: tf.Tensor
    weights: tf.Tensor
    entropies: tf.Tensor | None


class Targets(NamedTuple):
    """What the critics are trained towards, on B rows.

    Attributes:
        rewards: [S, B] scaled, of each signal.
        q: [S, B] for both Q networks; constants.
    """

    rewards: tf.Tensor
    q: tf.Tensor


class Losses(NamedTuple):
    """Scalars to be lowered, and what statistics say.

    Attributes:
        policy: [].
        q1: [].
        q2: [].
        value: [], 0 where there is no value network.
        entropy_coefficients: [].
        entropy: [] of the policy, all parts together.
        soft_values: [S, B] what the policy's actions are worth, entropy included.
    """

    policy: tf.Tensor
    q1: tf.Tensor
    q2: tf.Tensor
    value: tf.Tensor
    entropy_coefficients: tf.Tensor
    entropy: tf.Tensor
    soft_values: tf.Tensor


class SoftLosses:
    """Losses of a network on B transitions; only TensorFlow, for use inside compiled updates.

    Args:
        network: all that is trained.
        signals: streams of rewards, in the order of the value heads.
        sequence_length: rows that stand together where the network has memory, else 1.
    """

    def __init__(
        self, network: SoftActorCritic, signals: Sequence[RewardSignal], sequence_length: int
    ) -> None:
        self.network = network
        self.signals = signals
        self.sequence_length = sequence_length
        self.actions = network.policy.spec.actions

    def targets(self, batch: Batches, noise: tf.Tensor) -> Targets:
        """Rewards and what Q is trained towards; noise [B, C] is the policy's at next states."""
        network, recall = self.network, self._recall(batch)
        seen, following = (network.policy.inputs(obs) for obs in (batch.obs, batch.next_obs))
        if network.value is None:
            policy = network.policy.body
            of_policy = recall and each_alone(policy.remember(seen, recall=recall).after)
            encoding = policy(following, recall=of_policy)
            actions = self._choice(encoding, batch.next_allowed, noise)
            later = (_later(target, seen, batch.continuous, recall) for target in network.targets)
            next1, next2 = (
                self._valued(target(following, actions.continuous, recall), actions)
                for target, recall in zip(network.targets, later, strict=True)
            )
            next_values = tf.minimum(next1, next2) + self._entropy_bonus(actions)
        else:
            target = network.targets[0]
            next_values = target(following, recall=_later(target, seen, None, recall))[..., 0]
        transitions = transitions_of(batch)
        rewards = tf.stack([signal.rewards(transitions) for signal in self.signals])
        ends = [0.0 if signal.goes_on_after_the_end else 1.0 for signal in self.signals]
        q = bootstrapped(
            rewards,
            tf.constant(ends)[:, None] * transitions.terminated,
            tf.constant([[signal.gamma] for signal in self.signals]),
            next_values,
        )
        return Targets(rewards, q)

    def __call__(self, batch: Batches, targets: Targets, noise: tf.Tensor) -> Losses:
        """Of the present weights; noise [B, C] is the policy's."""
        network, entropy, mask = self.network, self.network.entropy_coefficients, batch.mask
        recall = self._recall(batch)
        blank = recall and recall.blank()
        seen, taken = network.policy.inputs(batch.obs), self._taken(batch)
        of_qs = [q.remember(seen, taken.continuous, blank) for q in network.qs]
        q1_loss, q2_loss = (
            half_squared_error(self._valued(of_q.values, taken), targets.q, mask) for of_q in of_qs
        )
        actions = self._choice(network.policy.body(seen, recall=recall), batch.allowed, noise)
        bonus = self._entropy_bonus(actions)
        now1, now2 = (
            self._valued(q(seen, actions.continuous, each_alone(of_q.before)), actions)
            for q, of_q in zip(network.qs, of_qs, strict=True)
        )
        soft_values = tf.minimum(now1, now2) + bonus
        value_loss = tf.zeros([])
        if network.value is not None:
            values = network.value(seen, recall=blank)[..., 0]
            value_loss = half_squared_error(values, soft_values, mask)
        # ML-Agents judges the policy by the first Q alone, the successor by the lower one
        judged = tf.minimum(now1, now2) if network.value is None else now1
        return Losses(
            policy=-masked_mean(tf.reduce_mean(judged, axis=0) + bonus, mask),
            q1=q1_loss,
            q2=q2_loss,
            value=value_loss,
            entropy_coefficients=entropy_coefficient_loss(
                tf.convert_to_tensor(entropy.logs),
                actions.entropies,
                entropy.targets,
                entropy.shares,
                mask,
            ),
            entropy=masked_mean(tf.reduce_sum(actions.entropies, axis=-1), mask),
            soft_values=soft_values,
        )

    def _recall(self, batch: Batches) -> Recall | None:
        """How B rows stand in sequences, and what the policy remembered before them."""
        if not self.network.policy.memory_size:
            return None
        return in_sequences(batch.memories, self.sequence_length)

    def _choice(self, encoding: tf.Tensor, allowed: tf.Tensor, noise: tf.Tensor) -> Choice:
        """What the policy would do on B rows; encoding [B, H], noise [B, C]."""
        distribution = self.network.policy.distribution(encoding, allowed)
        log_probs = distribution.branch_log_probs()
        entropies = [-tf.reduce_sum(tf.exp(p) * p, axis=-1) for p in log_probs]
        continuous, log_likelihood = distribution.sample_tanh(noise)
        if self.actions.continuous_size:
            entropies.append(-log_likelihood)
        weights = tf.exp(tf.concat(log_probs, axis=-1)) if log_probs else tf.ones_like(noise[:, :1])
        return Choice(continuous, weights, tf.stack(entropies, axis=-1))

    def _taken(self, batch: Batches) -> Choice:
        """What was done on B rows."""
        branches = self.actions.discrete_branches
        weights = tf.ones_like(batch.rewards)[:, None]
        if branches:
            weights = one_hot_branches(batch.discrete, branches)
        return Choice(batch.continuous, weights, None)

    def _entropy_bonus(self, actions: Choice) -> tf.Tensor:
        """[B] entropy of each part of the policy, times its coefficient."""
        entropy = self.network.entropy_coefficients
        return tf.linalg.matvec(actions.entropies, entropy.shares * entropy.values)

    def _valued(self, values: tf.Tensor, actions: Choice) -> tf.Tensor:
        """[S, B, options] of a critic -> [S, B] of actions, averaged over branches."""
        return mean_over_branches(values, actions.weights, self.actions.num_branches)


def _later(
    critic: Critic, seen: Seen, taken: tf.Tensor | None, recall: Recall | None
) -> Recall | None:
    """What a critic remembers behind each of B rows, and the actions that were taken on them."""
    return recall and each_alone(critic.remember(seen, taken, recall.blank()).after)


def transitions_of(batch: Batches) -> Transitions:
    """B samples as reward signals see them."""
    return Transitions(
        batch.obs,
        batch.continuous,
        batch.discrete,
        batch.rewards,
        tf.cast(batch.terminated, tf.float32),
        batch.next_obs,
        batch.mask,
    )
