"""Proximal Policy Optimization (Schulman et al. 2017), as ML-Agents' settings describe it."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.rows import Episodes, TapeRows
from mlagents_tf.data.tape import Tape
from mlagents_tf.nn.bodies import network_shape
from mlagents_tf.nn.critics import ActorCritic
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.ops.losses import clipped_policy_loss, clipped_value_loss
from mlagents_tf.ops.masks import masked_mean, normalized
from mlagents_tf.ops.returns import gae
from mlagents_tf.ops.schedules import (
    BETA_FLOOR,
    EPSILON_FLOOR,
    LEARNING_RATE_FLOOR,
    scheduled,
)
from mlagents_tf.rewards.signal import Transitions
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.ppo import PPOSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.checks import refuse_skipped
from mlagents_tf.trainers.compiled import compiled
from mlagents_tf.trainers.signals import make_signals
from mlagents_tf.trainers.trainer import Trainer

CHUNKS = (1024, 512, 256)
"""Rows valued at once before the epochs begin; lengths of tapes are multiples of it."""


class Minibatch(NamedTuple):
    """B rows of a tape with what the update computed for them; leaves [B, ...] or [S, B]."""

    obs: tuple[tf.Tensor, ...]
    continuous: tf.Tensor
    discrete: tf.Tensor
    allowed: tf.Tensor
    old_log_probs: tf.Tensor
    advantages: tf.Tensor
    old_values: tf.Tensor
    returns: tf.Tensor


class Hyperparameters(NamedTuple):
    """Scheduled values of one update, as scalars."""

    learning_rate: tf.Tensor
    epsilon: tf.Tensor
    beta: tf.Tensor


class PPOTrainer(Trainer):
    """On-policy: fills a tape, then trains on it for a few epochs and clears it."""

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        super().__init__(behavior, spec, settings, seed)
        hyperparameters = cast(PPOSettings, settings.hyperparameters)
        self.hyperparameters = hyperparameters
        self.signals = make_signals(settings.reward_signals)
        network = settings.network_settings
        self.network: ActorCritic = ActorCritic(
            spec,
            len(self.signals),
            network_shape(network),
            self.rng,
            shared_critic=hyperparameters.shared_critic,
        )
        self.optimizer = make_adam(hyperparameters.learning_rate, self.network.trainable_variables)
        self.chunk = next(
            (chunk for chunk in CHUNKS if 8 * chunk <= hyperparameters.buffer_size), CHUNKS[-1]
        )
        self.tape = Tape(spec, hyperparameters.buffer_size, settings.time_horizon, self.chunk)
        self.memory = self.tape
        self.actor = Actor(self.network.policy, network.deterministic)
        self._compiled_update = compiled(self._update)

    def act(self, step: Step) -> Actions:
        deciding = step.deciding()
        decision = self.actor.decide(deciding.obs, deciding.allowed_actions, self.rng)
        self.tape.append(deciding, decision.continuous, decision.discrete)
        return decision.actions

    def _remember(self, step: Step) -> Episodes:
        before = self.tape.num_real
        episodes = self.tape.observe(step)
        self.steps += self.tape.num_real - before
        return episodes

    def ready(self) -> bool:
        return self.tape.full

    def update(self) -> dict[str, float]:
        rows = self.tape.rows()
        order, count = self._minibatches(rows)
        hyperparameters = self._scheduled()
        metrics = self._compiled_update(
            tf.nest.map_structure(tf.convert_to_tensor, rows),
            tf.convert_to_tensor(order),
            tf.constant(count, tf.int32),
            Hyperparameters(*(tf.constant(value, tf.float32) for value in hyperparameters)),
        )
        statistics = {name: float(value) for name, value in metrics.items()}
        skipped = statistics.pop("skipped")
        refuse_skipped(self.behavior, self.steps, skipped, count, statistics)
        self.tape.clear()
        self.actor.refresh()
        return statistics | {
            "Policy/Learning Rate": hyperparameters[0],
            "Policy/Epsilon": hyperparameters[1],
            "Policy/Beta": hyperparameters[2],
        }

    def _scheduled(self) -> tuple[float, float, float]:
        """Learning rate, epsilon and beta now."""
        h, step, end = self.hyperparameters, self.steps, self.settings.max_steps
        return (
            scheduled(h.learning_rate_schedule, h.learning_rate, LEARNING_RATE_FLOOR, step, end),
            scheduled(h.epsilon_schedule, h.epsilon, EPSILON_FLOOR, step, end),
            scheduled(h.beta_schedule, h.beta, BETA_FLOOR, step, end),
        )

    def _minibatches(self, rows: TapeRows) -> tuple[NDArray[np.int32], int]:
        """Rows of each minibatch of all epochs, [E * M, B] int32, and how many of them count.

        Every epoch shuffles the real rows anew and leaves out what does not fill a minibatch.
        The array is padded to the most that fit the tape, so that its shape stays the same.
        """
        h = self.hyperparameters
        real = rows.real
        per_epoch = len(real) // h.batch_size
        most = len(rows.mask) // h.batch_size
        order = np.zeros((h.num_epoch * most, h.batch_size), np.int32)
        for epoch in range(h.num_epoch):
            shuffled = self.rng.permutation(real)[: per_epoch * h.batch_size]
            order[epoch * per_epoch : (epoch + 1) * per_epoch] = shuffled.reshape(per_epoch, -1)
        return order, h.num_epoch * per_epoch

    def _update(
        self, rows: TapeRows, order: tf.Tensor, count: tf.Tensor, hyper: Hyperparameters
    ) -> dict[str, tf.Tensor]:
        """All epochs and minibatches: the one compiled call."""
        self.network.policy.inputs.observe(rows.obs, rows.mask)
        old_log_probs, values = self._evaluate(rows)
        rewards = self._rewards(rows)
        advantages = self._advantages(rows, rewards, values)
        whole = Minibatch(
            rows.obs,
            rows.continuous,
            rows.discrete,
            rows.allowed,
            old_log_probs,
            normalized(tf.reduce_mean(advantages, axis=0), rows.mask),
            tf.transpose(values),
            tf.transpose(advantages + values),
        )
        self.optimizer.learning_rate.assign(hyper.learning_rate)

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            minibatch = tf.nest.map_structure(lambda x: tf.gather(x, order[i]), whole)
            return i + 1, totals + self._gradient_step(minibatch, hyper)

        # spelled out: AutoGraph, which would make a loop of a `for`, fails on Python 3.13
        _, totals = tf.while_loop(lambda i, _: i < count, step, (0, tf.zeros([4])))
        means = totals / tf.cast(count, tf.float32)
        metrics = {
            "Losses/Policy Loss": tf.abs(means[0]),
            "Losses/Value Loss": means[1],
            "Policy/Entropy": means[2],
            "skipped": totals[3],
        }
        for k, signal in enumerate(self.signals):
            metrics[f"Policy/{signal.label} Reward"] = masked_mean(rewards[k], rows.mask)
            metrics[f"Policy/{signal.label} Value Estimate"] = masked_mean(values[k], rows.mask)
        return metrics

    def _evaluate(self, rows: TapeRows) -> tuple[tf.Tensor, tf.Tensor]:
        """Log-probabilities [F] and values [S, F] of the policy that starts the update."""

        def chunk(inputs: tuple[Any, ...]) -> tuple[tf.Tensor, tf.Tensor]:
            obs, continuous, discrete, allowed = inputs
            distribution, values = self.network.distribution_and_values(obs, allowed)
            return distribution.log_probs(continuous, discrete), values

        inputs = (rows.obs, rows.continuous, rows.discrete, rows.allowed)
        chunks = tf.nest.map_structure(
            lambda x: tf.reshape(x, (x.shape[0] // self.chunk, self.chunk, *x.shape[1:])), inputs
        )
        log_probs, values = tf.map_fn(
            chunk, chunks, fn_output_signature=(tf.float32, tf.float32)
        )  # [F / chunk, chunk], [F / chunk, S, chunk]
        by_signal = tf.transpose(values, [1, 0, 2])
        return tf.reshape(log_probs, [-1]), tf.reshape(by_signal, [len(self.signals), -1])

    def _rewards(self, rows: TapeRows) -> tf.Tensor:
        """[S, F] scaled rewards of each signal."""
        transitions = Transitions(
            rows.obs,
            self.network.policy.squashed(rows.continuous),
            rows.discrete,
            rows.rewards,
            rows.terminated,
            rows.mask,
        )
        return tf.stack([signal.rewards(transitions) for signal in self.signals])

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

    def _gradient_step(self, minibatch: Minibatch, hyper: Hyperparameters) -> tf.Tensor:
        """One step on B rows; [4] policy loss, value loss, entropy, and 1 if it was skipped."""
        mask = tf.ones_like(minibatch.advantages)
        with tf.GradientTape() as tape:
            distribution, values = self.network.distribution_and_values(
                minibatch.obs, minibatch.allowed
            )
            policy_loss = clipped_policy_loss(
                distribution.log_probs(minibatch.continuous, minibatch.discrete),
                minibatch.old_log_probs,
                minibatch.advantages,
                mask,
                hyper.epsilon,
            )
            value_loss = clipped_value_loss(
                values,
                tf.transpose(minibatch.old_values),
                tf.transpose(minibatch.returns),
                mask,
                hyper.epsilon if self.hyperparameters.clip_values else float("inf"),
            )
            entropy = masked_mean(distribution.entropy(), mask)
            loss = policy_loss + 0.5 * value_loss - hyper.beta * entropy
        variables = self.network.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        skipped = apply_finite(self.optimizer, gradients, variables, hyper.learning_rate)
        return tf.stack([policy_loss, value_loss, entropy, skipped])

    def forget(self) -> None:
        self.tape.rows()
        self.tape.clear()

    def abandon(self) -> None:
        self.tape.abandon()
