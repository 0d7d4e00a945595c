"""Advantage actor-critic, synchronous (Mnih et al. 2016): one gradient step on every full tape."""

from __future__ import annotations

from typing import cast

import tensorflow as tf

from mlagents_tf.data.rows import Episodes, TapeRows
from mlagents_tf.data.tape import Tape
from mlagents_tf.nn.bodies import network_shape
from mlagents_tf.nn.critics import ActorCritic
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.ops.returns import gae
from mlagents_tf.ops.schedules import LEARNING_RATE_FLOOR, scheduled
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, IntArray, Step
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.checks import extrinsic_alone, refuse_skipped
from mlagents_tf.trainers.compiled import compiled, suits_xla
from mlagents_tf.trainers.trainer import Trainer, Update
from plugin_trainers.settings import A2CSettings

TAGS = ("Losses/Policy Loss", "Losses/Value Loss", "Policy/Entropy", "Policy/Extrinsic Value")
"""Of what an update returns, before whether it was skipped."""


class A2CTrainer(Trainer):
    """On-policy: fills a tape, learns from it once and clears it."""

    network: ActorCritic

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        super().__init__(behavior, spec, settings, seed)
        h = self.hyperparameters = cast(A2CSettings, settings.hyperparameters)
        self.reward = extrinsic_alone(behavior, settings)
        self.network = ActorCritic(spec, 1, network_shape(settings.network_settings), self.rng)
        self.optimizer = make_adam(h.learning_rate, self.network.trainable_variables)
        self.tape = self.memory = Tape(spec, h.buffer_size, settings.time_horizon, chunk=16)
        self.actor = Actor(self.network.policy, settings.network_settings.deterministic)
        self._compiled_update = compiled(self._update, suits_xla(spec, settings))

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

    def begin_update(self) -> Update:
        h, steps = self.hyperparameters, self.steps
        learning_rate = scheduled(
            h.learning_rate_schedule,
            h.learning_rate,
            LEARNING_RATE_FLOOR,
            steps,
            self.settings.max_steps,
        )
        rows = tf.nest.map_structure(tf.convert_to_tensor, self.tape.rows())
        rate = tf.constant(learning_rate, tf.float32)
        self.tape.clear()

        def compute() -> list[float]:
            return [float(number) for number in self._compiled_update(rows, rate)]

        def finish(outputs: list[float]) -> dict[str, float]:
            *means, skipped = outputs
            statistics = dict(zip(TAGS, means, strict=True))
            refuse_skipped(self.behavior, steps, skipped, 1, statistics)
            self.actor.refresh()
            return statistics | {"Policy/Learning Rate": learning_rate}

        return Update(compute, finish)

    def _update(self, rows: TapeRows, learning_rate: tf.Tensor) -> tf.Tensor:
        """The one compiled call: a gradient step on all F rows; [5], see TAGS."""
        h, mask = self.hyperparameters, rows.mask
        self.network.policy.inputs.observe(rows.obs, mask)
        with tf.GradientTape() as tape:
            distribution, values = self.network.distribution_and_values(rows.obs, rows.allowed)
            advantages = gae(  # [1, F]: there is one reward signal
                self.reward.strength * rows.rewards[None],
                tf.stop_gradient(values),
                rows.terminated[None],
                rows.last,
                mask,
                tf.constant([[self.reward.gamma]]),
                h.lambd,
            )
            returns = advantages + tf.stop_gradient(values)
            log_probs = distribution.log_probs(rows.continuous, rows.discrete)
            policy_loss = -masked_mean(log_probs * advantages[0], mask)
            value_loss = masked_mean(tf.square(returns - values), mask)[0]
            entropy = masked_mean(distribution.entropy(), mask)
            loss = policy_loss + 0.5 * value_loss - h.beta * entropy
        variables = self.network.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        gradients, _ = tf.clip_by_global_norm(gradients, h.max_grad_norm)
        skipped = apply_finite(self.optimizer, gradients, variables, learning_rate)
        value = masked_mean(values, mask)[0]
        return tf.stack([tf.abs(policy_loss), value_loss, entropy, value, skipped])

    def forget(self) -> None:
        self.tape.rows()
        self.tape.clear()

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        self.tape.abandon(agent_ids)
