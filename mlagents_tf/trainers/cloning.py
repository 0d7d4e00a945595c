"""Behavioral cloning: a policy learns to do what an expert did (Pomerleau 1991)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.minibatches import rows_in_sequences, shuffled_minibatches
from mlagents_tf.errors import DataError
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.nn.memory import in_sequences
from mlagents_tf.nn.policies import ACTION_CLIP, Policy
from mlagents_tf.ops.seeds import folded, standard_normal
from mlagents_tf.rewards.demonstrations import Demonstrations, ExpertRows
from mlagents_tf.settings.imitation import BehavioralCloningSettings
from mlagents_tf.settings.ppo import HyperparameterSettings
from mlagents_tf.specs import Spec

LEAST_RATE = 1e-10
"""A learning rate that has come down to it means that cloning is over."""


class Lesson(NamedTuple):
    """What an update learns from demonstrations.

    Attributes:
        indices: [M, B] int32 rows of the demonstrations, or [K, E, B].
        seed: [2] int32 of the policy's draws.
        learning_rate: [], 0 when cloning is over.
    """

    indices: tf.Tensor
    seed: tf.Tensor
    learning_rate: tf.Tensor


class BehavioralCloning:
    """The `behavioral_cloning` of a trainer: gradient steps on demonstrations beside its own.

    Args:
        policy: learns.
        settings: what stands under `behavioral_cloning`.
        hyperparameters: of the trainer, for what the settings leave open.
        spec: of the behavior.
    """

    def __init__(
        self,
        policy: Policy,
        settings: BehavioralCloningSettings,
        hyperparameters: HyperparameterSettings,
        spec: Spec,
    ) -> None:
        self.policy = policy
        self.settings = settings
        self.learning_rate = settings.strength * hyperparameters.learning_rate
        self.batch_size: int = settings.batch_size or hyperparameters.batch_size
        own_epochs: int = getattr(hyperparameters, "num_epoch", 1)
        self.num_epoch = settings.num_epoch or own_epochs
        self.demonstrations = Demonstrations(settings, spec)
        self.optimizer = make_adam(self.learning_rate, policy.trainable_variables)

    def prepare(self) -> list[str]:
        """Reads the demonstrations; returns remarks for the log."""
        remarks = [] if self.demonstrations.loaded else self.demonstrations.load()
        self.batch_size = min(self.batch_size, self.demonstrations.num_rows)
        self.batch_size -= self.batch_size % self.demonstrations.sequence_length
        return [f"behavioral_cloning: {remark}" for remark in remarks]

    def rate(self, step: int) -> float:
        """The learning rate at a step of the trainer; 0 when cloning is over."""
        end = self.settings.steps
        if not end:
            return self.learning_rate
        falling = self.learning_rate * (1.0 - min(step, end) / end)
        return falling if falling > LEAST_RATE else 0.0

    def passes(self, rng: np.random.Generator, step: int) -> Lesson:
        """`num_epoch` passes over the demonstrations, or over `samples_per_update` of them."""
        order = shuffled_minibatches(
            rng, np.arange(self._num_sequences), self._per_batch, self.num_epoch
        )
        rows = rows_in_sequences(order, self.demonstrations.sequence_length)
        by_epoch = rows.reshape(self.num_epoch, -1, self.batch_size)
        if self.settings.samples_per_update:
            by_epoch = by_epoch[:, : max(self.settings.samples_per_update // self.batch_size, 1)]
        return self._lesson(rng, step, by_epoch.reshape(-1, self.batch_size))

    def draws(self, rng: np.random.Generator, step: int, count: int) -> Lesson:
        """`num_epoch` minibatches drawn for each of `count` gradient steps of the trainer."""
        size = (count, self.num_epoch, self._per_batch)
        drawn = rng.integers(0, self._num_sequences, size)
        return self._lesson(
            rng, step, rows_in_sequences(drawn, self.demonstrations.sequence_length)
        )

    @property
    def _num_sequences(self) -> int:
        """What can be drawn: rows, or sequences for a policy with memory."""
        return self.demonstrations.num_rows // self.demonstrations.sequence_length

    @property
    def _per_batch(self) -> int:
        return self.batch_size // self.demonstrations.sequence_length

    def _lesson(self, rng: np.random.Generator, step: int, rows: NDArray[np.int32]) -> Lesson:
        seed = rng.integers(0, 2**31, 2).astype(np.int32)
        rate = self.rate(step)
        if rate:
            self.demonstrations.renew(rng, rows.size)
        return Lesson(
            tf.convert_to_tensor(rows), tf.convert_to_tensor(seed), tf.constant(rate, tf.float32)
        )

    def learn(self, lesson: Lesson) -> tf.Tensor:
        """All gradient steps of a lesson [M, B], inside a compiled update.

        Returns:
            [2] mean loss, and how many steps were left out as not finite.
        """
        count = tf.where(lesson.learning_rate > 0.0, lesson.indices.shape[0], 0)

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            seed = folded(lesson.seed, i)
            return i + 1, totals + self._step(lesson.indices[i], seed, lesson.learning_rate)

        _, totals = tf.while_loop(lambda i, _: i < count, step, (0, tf.zeros(2)))
        return totals / tf.stack([tf.maximum(tf.cast(count, tf.float32), 1.0), 1.0])

    def _step(self, indices: tf.Tensor, seed: tf.Tensor, learning_rate: tf.Tensor) -> tf.Tensor:
        """One gradient step on rows `indices` [B]; [2] loss, and 1 if it was skipped."""
        variables = self.policy.trainable_variables
        rows = self.demonstrations.batch(indices)
        noise = standard_normal(rows.continuous.shape, seed)
        with tf.GradientTape() as tape:
            loss = cloning_loss(self.policy, rows, noise, self.demonstrations.sequence_length)
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        skipped = apply_finite(self.optimizer, gradients, variables, learning_rate)
        return tf.stack([loss, skipped])

    def state(self) -> dict[str, NDArray[Any]]:
        """Slots of the optimizer by number."""
        return {f"{i}": np.asarray(slot) for i, slot in enumerate(self.optimizer.variables)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken; from new where there was no cloning before."""
        slots = self.optimizer.variables
        if state and len(state) != len(slots):
            raise DataError(
                f"behavioral_cloning: {len(state)} arrays were saved, {len(slots)} are expected."
            )
        for name, array in state.items():
            slots[int(name)].assign(array)


def cloning_loss(
    policy: Policy, rows: ExpertRows, noise: tf.Tensor, sequence_length: int = 1
) -> tf.Tensor:
    """[] error of the policy's draws, and cross-entropy of its options, on what the expert did.

    Both are in the scale of the environment: draws are squared distances, averaged over rows and
    dimensions; options are averaged over rows and branches.

    Args:
        policy: draws. If it has a memory, nothing is remembered where a sequence begins.
        rows: B decisions of the expert.
        noise: [B, C] standard normal.
        sequence_length: how many rows follow each other.
    """
    recall = None
    if policy.memory_size:
        nothing = tf.zeros([rows.begins.shape[0], policy.memory_size])
        recall = in_sequences(nothing, sequence_length, rows.begins)
    encoding = policy.body(policy.inputs(rows.obs), recall=recall)
    distribution = policy.distribution(encoding, rows.allowed)
    loss = tf.zeros([])
    if policy.spec.actions.continuous_size:
        drawn = distribution.means + tf.exp(distribution.log_stds) * noise
        # not clipped: a draw beyond the range would have no gradient back into it
        sent = tf.tanh(drawn) if policy.tanh else drawn / ACTION_CLIP
        loss += tf.reduce_mean(tf.math.squared_difference(sent, rows.continuous))
    log_probs = distribution.branch_log_probs()
    if log_probs:
        options = tf.unstack(rows.discrete, axis=1)
        chosen = [
            tf.gather(p, option, batch_dims=1) for p, option in zip(log_probs, options, strict=True)
        ]
        loss -= tf.reduce_mean(tf.stack(chosen))
    return loss
