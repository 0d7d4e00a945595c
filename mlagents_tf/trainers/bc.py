"""Behavioral cloning alone (Pomerleau 1991): a policy from demonstrations, with no environment."""

from __future__ import annotations

from typing import cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.minibatches import rows_in_sequences, shuffled_minibatches
from mlagents_tf.data.rows import Episodes
from mlagents_tf.nn.bodies import draw_seeds, network_shape
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.nn.policies import Policy
from mlagents_tf.ops.schedules import LEARNING_RATE_FLOOR, scheduled
from mlagents_tf.ops.seeds import folded, standard_normal
from mlagents_tf.rewards.demonstrations import Demonstrations
from mlagents_tf.settings.bc import BCSettings
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import Spec
from mlagents_tf.stats import CLONING_LOSS, HELD_OUT_LOSS
from mlagents_tf.steps import Actions, IntArray, Step
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.checks import refuse_skipped
from mlagents_tf.trainers.cloning import cloning_loss
from mlagents_tf.trainers.compiled import compiled, compiled_apart, suits_xla
from mlagents_tf.trainers.trainer import Trainer, TrainerState, Update


class Imitator(keras.layers.Layer):
    """A policy and nothing that values it."""

    def __init__(self, policy: Policy, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.policy = policy
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        return self.policy.parts()


class NoMemory:
    """What a trainer remembers that learns from nothing it does."""

    def state(self) -> dict[str, NDArray[np.int64]]:
        """Nothing."""
        return {}

    def load_state(self, state: object) -> None:
        """There is nothing to put back."""


class BCTrainer(Trainer):
    """Imitates demonstrations; its steps are the rows that it has learned from."""

    network: Imitator

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        super().__init__(behavior, spec, settings, seed)
        h = cast(BCSettings, settings.hyperparameters)
        self.hyperparameters = h
        network = settings.network_settings
        shape = network_shape(network)
        seeds = draw_seeds(self.rng, shape.seeds_per_body + 2)
        self.network = Imitator(Policy(spec, shape, tanh=False, seeds=seeds))
        self.optimizer = make_adam(h.learning_rate, self.network.trainable_variables)
        self.demonstrations = Demonstrations(h, spec)
        self.demonstrations.sequence_length = self.sequence_length
        self.memory = NoMemory()
        self.actor = Actor(self.network.policy, network.deterministic)
        self.learned = 0  # rows learned from since the last step that was observed
        self._xla = suits_xla(spec, settings)
        self._compiled_update = compiled(self._update, self._xla)

    def prepare(self) -> list[str]:
        demonstrations = self.demonstrations
        self.expertise = {"hyperparameters": demonstrations}
        remarks = demonstrations.load()
        sequences = self._held_out()
        self.num_held_out = int(np.count_nonzero(sequences))
        apart = np.repeat(sequences, self.sequence_length)
        inputs = self.network.policy.inputs
        if inputs.normalizer is not None:
            start = 0
            for obs in demonstrations.obs_chunks():
                end = start + obs[0].shape[0]
                inputs.observe(obs, tf.constant(~apart[start:end], tf.float32))
                start = end
        episodes = len(np.unique(demonstrations.stories[apart]))
        pairs = np.count_nonzero(apart)
        return [*remarks, f"{episodes} episodes are held out: {pairs} pairs."]

    def act(self, step: Step) -> Actions:
        # nothing is remembered: there are no agents, whom it watches are in its files
        deciding = step.deciding()
        return self.actor.decide(deciding.obs, deciding.allowed_actions, self.rng).actions

    def _remember(self, step: Step) -> Episodes:
        self.steps += self.learned
        self.learned = 0
        return Episodes(np.zeros(0), np.zeros(0, np.int64))

    def ready(self) -> bool:
        return not self.finished and not self.learned

    def begin_update(self) -> Update:
        h, length = self.hyperparameters, self.sequence_length
        sequences, apart = self._sequences()
        size = min(h.batch_size // length, len(sequences))
        order = shuffled_minibatches(self.rng, sequences, size, h.num_epoch)
        order = rows_in_sequences(order, length)
        if h.samples_per_update:
            order = order[: max(h.samples_per_update // (size * length), 1)]
        learning_rate = scheduled(
            h.learning_rate_schedule,
            h.learning_rate,
            LEARNING_RATE_FLOOR,
            self.steps,
            self.settings.max_steps,
        )
        given = (
            tf.convert_to_tensor(order),
            tf.convert_to_tensor(rows_in_sequences(in_order(apart, size), length)),
            tf.convert_to_tensor(self.rng.integers(0, 2**31, 2).astype(np.int32)),
            tf.constant(learning_rate, tf.float32),
        )

        self.learned += order.size

        def compute() -> list[float]:
            return [float(number) for number in self._compiled_update(*given)]

        def finish(outputs: list[float]) -> dict[str, float]:
            loss, skipped, held_out_loss = outputs
            statistics = {CLONING_LOSS: loss}
            if self.num_held_out:
                statistics[HELD_OUT_LOSS] = held_out_loss
            refuse_skipped(self.behavior, self.steps, skipped, len(order), statistics)
            self.demonstrations.renew(self.rng, order.size)
            self.actor.refresh()
            return statistics | {"Policy/Learning Rate": learning_rate}

        return Update(compute, finish)

    def _held_out(self) -> NDArray[np.bool_]:
        """Which sequences are not learned from: those with a row of an episode that is held out."""
        rows = held_out(self.demonstrations.stories, self.hyperparameters.held_out)
        sequences = np.logical_or.reduce(rows.reshape(-1, self.sequence_length), axis=1)
        return np.asarray(sequences & ~sequences.all(), np.bool_)

    def _sequences(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Sequences to learn from and sequences to measure on.

        How many there are does not change when rows of demonstrations are exchanged that are larger
        than memory: what is too many is left out, what is too few is repeated.
        """
        apart = self._held_out()
        num_learned = len(apart) - self.num_held_out
        return (
            np.resize(np.flatnonzero(~apart), num_learned),
            np.resize(np.flatnonzero(apart), self.num_held_out),
        )

    def _update(
        self, order: tf.Tensor, held_out: tf.Tensor, seed: tf.Tensor, learning_rate: tf.Tensor
    ) -> tf.Tensor:
        """All minibatches: the one compiled call.

        Args:
            order: [M, B] int32 rows to learn from.
            held_out: [H, B] int32 rows to measure on afterwards.
            seed: [2] int32 of the policy's draws.
            learning_rate: [].

        Returns:
            [3] mean loss, steps that were skipped, and mean loss on what is held out.
        """

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return i + 1, totals + self._gradient_step(order[i], folded(seed, i), learning_rate)

        count = order.shape[0]
        _, totals = tf.while_loop(lambda i, _: i < count, step, (0, tf.zeros(2)))
        measured = tf.zeros([])
        if held_out.shape[0]:
            losses = tf.map_fn(self._loss, held_out, fn_output_signature=tf.float32)
            measured = tf.reduce_mean(losses)
        return tf.stack([totals[0] / count, totals[1], measured])

    def _gradient_step(
        self, indices: tf.Tensor, seed: tf.Tensor, learning_rate: tf.Tensor
    ) -> tf.Tensor:
        """One step on rows [B]; [2] loss, and 1 if it was skipped."""
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = self._loss(indices, seed)
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        apply = compiled_apart(
            lambda gradients, rate: apply_finite(self.optimizer, gradients, variables, rate),
            self._xla,
        )
        return tf.stack([loss, apply(gradients, learning_rate)])

    def _loss(self, indices: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """[] of rows [B]; without a seed of the likeliest actions, else of draws."""
        rows = self.demonstrations.batch(indices)
        noise = tf.zeros_like(rows.continuous)
        if seed is not None:
            noise = standard_normal(noise.shape, seed)
        return cloning_loss(self.network.policy, rows, noise, self.sequence_length)

    def forget(self) -> None:
        pass

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        pass

    def state(self) -> TrainerState:
        arrays, facts = super().state()
        return TrainerState(arrays, facts | {"learned": self.learned})

    def load_state(self, state: TrainerState) -> None:
        super().load_state(state)
        self.learned = int(state.facts["learned"])


def in_order(rows: NDArray[np.intp], batch_size: int) -> NDArray[np.int32]:
    """All rows as minibatches [M, B] int32, except those that do not fill one."""
    size = min(batch_size, len(rows)) or 1
    return rows[: len(rows) // size * size].reshape(-1, size).astype(np.int32)


def held_out(stories: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Which rows [N] are not learned from: whole episodes, evenly spread, about a `share` of them.

    A single episode is never held out.
    """
    count = int(stories.max()) + 1
    if not share or count < 2:
        return np.zeros(len(stories), np.bool_)
    period = min(max(round(1.0 / share), 2), count)
    return np.asarray(stories % period == period - 1)
