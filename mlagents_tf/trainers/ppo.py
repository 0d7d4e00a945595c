"""Proximal Policy Optimization (Schulman et al. 2017), as ML-Agents' settings describe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.minibatches import rows_in_sequences, shuffled_minibatches
from mlagents_tf.data.rows import Episodes, TapeRows
from mlagents_tf.data.tape import Tape
from mlagents_tf.nn.bodies import network_shape
from mlagents_tf.nn.critics import ActorCritic
from mlagents_tf.nn.distributions import ActionDistribution
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.nn.memory import Recall, in_sequences
from mlagents_tf.ops.losses import clipped_policy_loss, clipped_value_loss
from mlagents_tf.ops.masks import masked_mean, normalized
from mlagents_tf.ops.returns import gae
from mlagents_tf.ops.schedules import (
    BETA_FLOOR,
    EPSILON_FLOOR,
    LEARNING_RATE_FLOOR,
    scheduled,
)
from mlagents_tf.ops.seeds import folded
from mlagents_tf.rewards.signal import SKIPPED, Transitions
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.ppo import PPOSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, IntArray, Step
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.checks import refuse_skipped
from mlagents_tf.trainers.cloning import BehavioralCloning, Lesson
from mlagents_tf.trainers.compiled import compiled, compiled_apart, suits_xla
from mlagents_tf.trainers.signals import make_signals
from mlagents_tf.trainers.trainer import Trainer, Update

TAGS = ("Losses/Policy Loss", "Losses/Value Loss", "Policy/Entropy", SKIPPED)
"""Of what a gradient step of the policy returns."""

CHUNKS = (1024, 512, 256)
"""Rows valued at once before the epochs begin; lengths of tapes are multiples of it."""


class Minibatch(NamedTuple):
    """B rows of a tape with what the update computed for them; leaves [B, ...]."""

    obs: tuple[tf.Tensor, ...]
    continuous: tf.Tensor
    discrete: tf.Tensor
    allowed: tf.Tensor
    old_log_probs: tf.Tensor
    advantages: tf.Tensor
    old_values: tf.Tensor
    returns: tf.Tensor
    memories: tf.Tensor
    mask: tf.Tensor


class Hyperparameters(NamedTuple):
    """Scheduled values of one update, as scalars."""

    learning_rate: tf.Tensor
    epsilon: tf.Tensor
    beta: tf.Tensor


class PPOTrainer(Trainer):
    """On-policy: fills a tape, then trains on it for a few epochs and clears it."""

    tags: tuple[str, ...] = TAGS
    network: Any  # an ActorCritic; subclasses have others

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        super().__init__(behavior, spec, settings, seed)
        hyperparameters = cast(PPOSettings, settings.hyperparameters)
        self.hyperparameters = hyperparameters
        self.network = self._make_network()
        self.signals = make_signals(settings.reward_signals, spec, self.rng)
        self.optimizer = make_adam(hyperparameters.learning_rate, self.network.trainable_variables)
        if settings.behavioral_cloning is not None:
            self.cloning = BehavioralCloning(
                self.network.policy, settings.behavioral_cloning, hyperparameters, spec
            )
        self.num_sequences = hyperparameters.batch_size // self.sequence_length
        self.chunk = self._chunk()
        self.tape = self._make_tape()
        self.memory = self.tape
        self.actor = self._make_actor()
        self._xla = suits_xla(spec, settings)
        self._compiled_update = compiled(self._update, self._xla)

    def _make_network(self) -> Any:
        """Policy and values."""
        return ActorCritic(
            self.spec,
            len(self.settings.reward_signals),
            network_shape(self.settings.network_settings),
            self.rng,
            shared_critic=self.hyperparameters.shared_critic,
        )

    def _make_tape(self) -> Tape:
        return Tape(
            self.spec,
            self.hyperparameters.buffer_size,
            self.settings.time_horizon,
            self.chunk,
            self.network.memory_size,
            self.sequence_length,
            log_probs=self.settings.threaded,
        )

    def _make_actor(self) -> Actor:
        """Who decides; it also keeps the memories of a critic that has some."""
        critic = None if self.hyperparameters.shared_critic else self.network.critic_body
        greedy = self.settings.network_settings.deterministic
        return Actor(self.network.policy, greedy, critic, apart=self.settings.threaded)

    def _chunk(self) -> int:
        """Rows valued at once: whole sequences."""
        fitting = (size for size in CHUNKS if 8 * size <= self.hyperparameters.buffer_size)
        size = next(fitting, CHUNKS[-1])
        return max(size // self.sequence_length, 1) * self.sequence_length

    def act(self, step: Step) -> Actions:
        deciding = step.deciding()
        decision = self.actor.decide(
            deciding.obs,
            deciding.allowed_actions,
            self.rng,
            self.tape.memories(deciding.agent_ids),
            with_log_probs=self.settings.threaded,
        )
        _, continuous, discrete, memories, log_probs = decision
        self.tape.append(deciding, continuous, discrete, memories, log_probs)
        return decision.actions

    def _remember(self, step: Step) -> Episodes:
        before = self.tape.num_real
        episodes = self.tape.observe(step)
        self.steps += self.tape.num_real - before
        return episodes

    def ready(self) -> bool:
        return self.tape.full

    def begin_update(self) -> Update:
        rows = self._rows()
        order, count = self._minibatches(rows)
        steps, hyperparameters = self.steps, self._scheduled()
        for signal in self.signals:
            signal.before_update(self.rng, count * order.shape[1])
        seed = self._signal_seed()
        lesson = self.cloning and self.cloning.passes(self.rng, steps)
        given = (
            tf.nest.map_structure(tf.convert_to_tensor, rows),
            tf.convert_to_tensor(order),
            tf.constant(count, tf.int32),
            Hyperparameters(*(tf.constant(value, tf.float32) for value in hyperparameters)),
            seed,
            lesson,
        )
        self.tape.clear()

        def compute() -> dict[str, float]:
            return {tag: float(value) for tag, value in self._compiled_update(*given).items()}

        def finish(statistics: dict[str, float]) -> dict[str, float]:
            skipped = statistics.pop(SKIPPED)
            made = count * (1 + sum(bool(signal.tags) for signal in self.signals))
            made += len(lesson.indices) if lesson else 0
            refuse_skipped(self.behavior, steps, skipped, made, statistics)
            self.actor.refresh()
            return statistics | {
                "Policy/Learning Rate": hyperparameters[0],
                "Policy/Epsilon": hyperparameters[1],
                "Policy/Beta": hyperparameters[2],
            }

        return Update(compute, finish)

    def _rows(self) -> Any:
        """What an update learns from."""
        return self.tape.rows()

    def _signal_seed(self) -> tf.Tensor | None:
        """[2] int32 of all that signals draw in an update; None where none of them learns."""
        if not any(signal.tags for signal in self.signals):
            return None
        return tf.convert_to_tensor(self.rng.integers(0, 2**31, 2).astype(np.int32))

    def _scheduled(self) -> tuple[float, float, float]:
        """Learning rate, epsilon and beta now."""
        h, step, end = self.hyperparameters, self.steps, self.settings.max_steps
        return (
            scheduled(h.learning_rate_schedule, h.learning_rate, LEARNING_RATE_FLOOR, step, end),
            scheduled(h.epsilon_schedule, h.epsilon, EPSILON_FLOOR, step, end),
            scheduled(h.beta_schedule, h.beta, BETA_FLOOR, step, end),
        )

    def _minibatches(self, rows: Any) -> tuple[NDArray[np.int32], int]:
        """Rows of each minibatch of all epochs, [E * M, B] int32, and how many of them count.

        Minibatches are made of sequences: without memory a sequence is a real row; with memory
        `sequence_length` rows of one story, at least one of them real. The array is padded to the
        most that fit the tape, so that its shape stays the same.
        """
        epochs, size = self.hyperparameters.num_epoch, self.num_sequences
        in_sequences = rows.mask.reshape(-1, self.sequence_length)
        real = np.flatnonzero(in_sequences.any(axis=1))
        order = shuffled_minibatches(self.rng, real, size, epochs)
        most = epochs * (len(in_sequences) // size)
        rows_of_all = rows_in_sequences(order, self.sequence_length)
        return np.pad(rows_of_all, [(0, most - len(order)), (0, 0)]), len(order)

    def _update(
        self,
        rows: Any,
        order: tf.Tensor,
        count: tf.Tensor,
        hyper: Hyperparameters,
        seed: tf.Tensor | None,
        lesson: Lesson | None,
    ) -> dict[str, tf.Tensor]:
        """All epochs and minibatches: the one compiled call."""
        whole, metrics = self._valued(rows)
        self.optimizer.learning_rate.assign(hyper.learning_rate)

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            at = order[i]
            learned = self._gradient_step(self._minibatch(whole, at), hyper)
            return i + 1, totals + tf.concat(
                [learned, *self._train_signals(rows, at, seed, i)], axis=0
            )

        # spelled out: AutoGraph, which would make a loop of a `for`, fails on Python 3.13
        tags = [*self.tags, *(tag for signal in self.signals for tag in signal.tags_of_step)]
        _, totals = tf.while_loop(lambda i, _: i < count, step, (0, tf.zeros(len(tags))))
        metrics |= _means(tags, totals, count)
        metrics["Losses/Policy Loss"] = tf.abs(metrics["Losses/Policy Loss"])
        if self.cloning is not None and lesson is not None:
            metrics["Losses/Pretraining Loss"], skipped = tf.unstack(self.cloning.learn(lesson))
            metrics[SKIPPED] += skipped
        return metrics

    def _valued(self, rows: Any) -> tuple[Any, dict[str, tf.Tensor]]:
        """All that minibatches are taken from, with leaves [F, ...], and statistics of it."""
        self.network.policy.inputs.observe(rows.obs, rows.mask)
        old_log_probs, values, rewards = self._evaluate(rows)
        advantages = self._advantages(rows, rewards, values)
        whole = Minibatch(
            rows.obs,
            rows.continuous,
            rows.discrete,
            rows.allowed,
            self._drawn(rows, old_log_probs),
            normalized(tf.reduce_mean(advantages, axis=0), rows.mask),
            tf.transpose(values),
            tf.transpose(advantages + values),
            rows.memories,
            rows.mask,
        )
        estimates = {"Reward": rewards, "Value Estimate": values}
        return whole, self._signal_means(estimates, rows.mask)

    def _drawn(self, rows: TapeRows, log_probs: tf.Tensor) -> tf.Tensor:
        """[F] those with which actions were drawn, where they were kept; else `log_probs` [F]."""
        for drawn in rows.log_probs:  # by weights that may be older than these
            log_probs = tf.where(tf.math.is_nan(drawn), log_probs, drawn)
        return log_probs

    def _signal_means(
        self, estimates: Mapping[str, tf.Tensor], mask: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Means of [S, F] over real rows, by tag."""
        return {
            f"Policy/{signal.label} {what}": masked_mean(by_signal[k], mask)
            for k, signal in enumerate(self.signals)
            for what, by_signal in estimates.items()
        }

    def _minibatch(self, whole: Any, at: tf.Tensor) -> Any:
        """Rows `at` [B]."""
        return tf.nest.map_structure(lambda x: tf.gather(x, at), whole)

    def _evaluate(self, rows: TapeRows) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Of the networks that start the update: log-probabilities [F], values and rewards [S, F].

        Rewards are scaled.
        """
        at = tf.reshape(tf.range(rows.mask.shape[0]), (-1, self.chunk))

        def chunk(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            part = tf.nest.map_structure(lambda x: tf.gather(x, at), rows)
            distribution, values = self.network.distribution_and_values(
                part.obs, part.allowed, self._recall(part)
            )
            transitions = self._transitions(rows, at)
            rewards = tf.stack([signal.rewards(transitions) for signal in self.signals])
            return distribution.log_probs(part.continuous, part.discrete), values, rewards

        log_probs, values, rewards = tf.map_fn(
            chunk, at, fn_output_signature=(tf.float32, tf.float32, tf.float32)
        )  # [F / chunk, chunk], then [F / chunk, S, chunk]

        def by_signal(x: tf.Tensor) -> tf.Tensor:
            return tf.reshape(tf.transpose(x, [1, 0, 2]), [len(self.signals), -1])

        return tf.reshape(log_probs, [-1]), by_signal(values), by_signal(rewards)

    def _recall(self, rows: TapeRows | Minibatch) -> Recall | None:
        """How rows of whole sequences stand, and what was remembered before them."""
        if not self.network.memory_size:
            return None
        return in_sequences(rows.memories, self.sequence_length)

    def _transitions(self, rows: Any, at: tf.Tensor) -> Transitions:
        """Rows `at` [B] of a tape, as reward signals see them."""
        # behind every real row stands what was seen next
        following = tf.minimum(at + 1, rows.mask.shape[0] - 1)
        return Transitions(
            tuple(tf.gather(obs, at) for obs in rows.obs),
            self.network.policy.squashed(tf.gather(rows.continuous, at)),
            tf.gather(rows.discrete, at),
            tf.gather(rows.rewards, at),
            tf.gather(rows.terminated, at),
            tuple(tf.gather(obs, following) for obs in rows.obs),
            tf.gather(rows.mask, at),
        )

    def _train_signals(
        self, rows: Any, at: tf.Tensor, seed: tf.Tensor | None, i: tf.Tensor
    ) -> list[tf.Tensor]:
        """A gradient step of each signal with something to learn, on the rows of a minibatch."""
        learning = [signal for signal in self.signals if signal.tags]
        if not learning:
            return []
        transitions = self._transitions(rows, at)
        return [
            signal.train(transitions, folded(seed, len(learning) * i + k))
            for k, signal in enumerate(learning)
        ]

    def _advantages(self, rows: TapeRows, rewards: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """[S, F] advantages."""
        ends = [0.0 if signal.goes_on_after_the_end else 1.0 for signal in self.signals]
        return gae(
            rewards,
            values,
            tf.constant(ends)[:, None] * rows.terminated,
            rows.last,
            rows.mask,
            tf.constant([[signal.gamma] for signal in self.signals]),
            self.hyperparameters.lambd,
        )

    def _gradient_step(self, minibatch: Any, hyper: Hyperparameters) -> tf.Tensor:
        """One step on B rows; what `tags` names, the last of which is 1 if it was skipped."""
        with tf.GradientTape() as tape:
            loss, parts = self._loss(minibatch, hyper)
        variables = self.network.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        apply = compiled_apart(
            lambda gradients, rate: apply_finite(self.optimizer, gradients, variables, rate),
            self._xla,
        )
        skipped = apply(gradients, hyper.learning_rate)
        return tf.stack([*parts, skipped])

    def _loss(self, minibatch: Any, hyper: Hyperparameters) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """What is minimised, and its parts as `tags` names them."""
        distribution, values = self.network.distribution_and_values(
            minibatch.obs, minibatch.allowed, self._recall(minibatch)
        )
        policy_loss, entropy = self._policy_loss(distribution, minibatch, hyper)
        value_loss = self._value_loss(values, minibatch.old_values, minibatch, hyper)
        loss = policy_loss + 0.5 * value_loss - hyper.beta * entropy
        return loss, [policy_loss, value_loss, entropy]

    def _policy_loss(
        self, distribution: ActionDistribution, minibatch: Minibatch, hyper: Hyperparameters
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """[] clipped objective, and [] entropy."""
        policy_loss = clipped_policy_loss(
            distribution.log_probs(minibatch.continuous, minibatch.discrete),
            minibatch.old_log_probs,
            minibatch.advantages,
            minibatch.mask,
            hyper.epsilon,
        )
        return policy_loss, masked_mean(distribution.entropy(), minibatch.mask)

    def _value_loss(
        self,
        values: tf.Tensor,
        old_values: tf.Tensor,
        minibatch: Minibatch,
        hyper: Hyperparameters,
    ) -> tf.Tensor:
        """[] of values [S, B] that were [B, S] before the update."""
        return clipped_value_loss(
            values,
            tf.transpose(old_values),
            tf.transpose(minibatch.returns),
            minibatch.mask,
            hyper.epsilon if self.hyperparameters.clip_values else float("inf"),
        )

    def forget(self) -> None:
        self.tape.rows()
        self.tape.clear()

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        self.tape.abandon(agent_ids)


def _means(tags: Sequence[str], totals: tf.Tensor, count: tf.Tensor) -> dict[str, tf.Tensor]:
    """Means over `count` steps by tag; steps that were skipped are added up."""
    sums = list(zip(tags, tf.unstack(totals), strict=True))
    means = {tag: total / tf.cast(count, tf.float32) for tag, total in sums}
    return means | {SKIPPED: tf.add_n([total for tag, total in sums if tag == SKIPPED])}
