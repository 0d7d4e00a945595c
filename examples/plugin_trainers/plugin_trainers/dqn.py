"""Deep Q-networks (Mnih et al. 2015), double (van Hasselt et al. 2016), for discrete actions.

Several branches are valued apart, and their best values averaged (Tavakoli et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.rows import Batches, Episodes
from mlagents_tf.data.sampling import sample_branches
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.bodies import NetworkShape, draw_seeds, network_shape
from mlagents_tf.nn.distributions import masked_logits
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.nn.policies import Policy
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.ops.schedules import LEARNING_RATE_FLOOR, scheduled
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, FloatArray, IntArray, Step
from mlagents_tf.trainers.actor import Actor, Decision
from mlagents_tf.trainers.checks import extrinsic_alone, refuse_skipped
from mlagents_tf.trainers.compiled import CompiledOnce, suits_xla
from mlagents_tf.trainers.trainer import Trainer, TrainerState, Update
from plugin_trainers.settings import DQNSettings

TAGS = ("Losses/Value Loss", "Policy/Extrinsic Value Estimate", "Policy/Extrinsic Reward")
"""Of what a gradient step returns, before whether it was skipped."""


class QNetworks(keras.layers.Layer):
    """Values of all options, as the logits of a policy, and the slow copy that they learn from."""

    def __init__(self, spec: Spec, shape: NetworkShape, rng: np.random.Generator) -> None:
        super().__init__()
        seeds = draw_seeds(rng, shape.seeds_per_body + 2)
        self.policy = Policy(spec, shape, tanh=False, seeds=seeds)
        self.target = Policy(spec, shape, tanh=False, seeds=seeds)  # same seeds, same weights
        self.target.trainable = False
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        slow = {"target": self.target.body, "target_heads": self.target.heads}
        return self.policy.parts() | slow

    def values(self, policy: Policy, obs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Tuple of [B, *shape] -> [B, sum of branch sizes]; both look through one normaliser."""
        return policy.heads.logits(policy.body(self.policy.inputs(obs)))

    def follow(self, tau: float) -> None:
        """Moves every weight of the slow copy by the share `tau`."""
        for part in ("body", "heads"):
            fast, slow = getattr(self.policy, part).weights, getattr(self.target, part).weights
            for source, target in zip(fast, slow, strict=True):
                target.assign(target + tau * (source - target))


class GreedyActor(Actor):
    """Takes the best option even where a draw is asked for: values are no log-probabilities."""

    def decide(self, *args: Any, **keys: Any) -> Decision:
        self.deterministic = True
        return super().decide(*args, **keys)


class DQNTrainer(Trainer):
    """Off-policy: explores at random, remembers in a replay, and learns values from samples."""

    network: QNetworks
    replay: Replay

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        super().__init__(behavior, spec, settings, seed)
        if spec.actions.continuous_size or not spec.actions.num_branches:
            raise SettingsError(
                f"behavior {behavior}: dqn chooses among options, and its actions are "
                f"{spec.actions}. Train it with ppo or sac."
            )
        h = self.hyperparameters = cast(DQNSettings, settings.hyperparameters)
        self.reward = extrinsic_alone(behavior, settings)
        self.network = QNetworks(spec, network_shape(settings.network_settings), self.rng)
        self.variables = self.network.policy.trainable_variables
        self.optimizer = make_adam(h.learning_rate, self.variables)
        self.replay = self.memory = Replay(spec, h.buffer_size)
        self.actor = GreedyActor(self.network.policy)
        self.branches = spec.actions.branch_slices()
        self.credit = 0  # steps since the last update
        self._compiled_update = CompiledOnce(self._update, suits_xla(spec, settings))

    @property
    def epsilon(self) -> float:
        """The share of decisions that are random now."""
        h = self.hyperparameters
        return scheduled("linear", h.epsilon, h.final_epsilon, self.steps, h.epsilon_steps)

    def act(self, step: Step) -> Actions:
        deciding = step.deciding()
        allowed, count = deciding.allowed_actions, len(deciding.agent_ids)
        best = self.actor.decide(deciding.obs, allowed, self.rng).actions
        alike = np.zeros((count, self.spec.actions.num_discrete), np.float32)
        drawn = sample_branches(alike, allowed, self.branches, self.rng)
        explores = self.rng.random((count, 1)) < self.epsilon
        actions = Actions(best.continuous, np.where(explores, drawn, best.discrete))
        self.replay.append(deciding, *actions)
        return actions

    def _remember(self, step: Step) -> Episodes:
        before = self.replay.num_answered
        episodes = self.replay.observe(step)
        self.steps += self.replay.num_answered - before
        if self._has_enough():
            self.credit += self.replay.num_answered - before
        return episodes

    def _has_enough(self) -> bool:
        h = self.hyperparameters
        filled = self.replay.num_real >= h.batch_size or self.replay.full
        return filled and self.steps >= h.buffer_init_steps

    def ready(self) -> bool:
        return self._has_enough() and self.credit >= self.hyperparameters.train_interval

    def begin_update(self) -> Update:
        h, steps, epsilon = self.hyperparameters, self.steps, self.epsilon
        learning_rate = scheduled(
            h.learning_rate_schedule,
            h.learning_rate,
            LEARNING_RATE_FLOOR,
            steps,
            self.settings.max_steps,
        )
        updates, self.credit = divmod(self.credit, h.train_interval)
        rate = tf.constant(learning_rate, tf.float32)
        samples = [
            tf.nest.map_structure(
                tf.convert_to_tensor, self.replay.sample(self.rng, h.gradient_steps, h.batch_size)
            )
            for _ in range(updates)
        ]

        def compute() -> FloatArray:
            return sum(np.asarray(self._compiled_update(batches, rate)) for batches in samples)

        def finish(totals: FloatArray) -> dict[str, float]:
            count = updates * h.gradient_steps
            statistics = dict(zip(TAGS, map(float, totals / count), strict=False))
            refuse_skipped(self.behavior, steps, float(totals[-1]), count, statistics)
            self.actor.refresh()
            return statistics | {"Policy/Learning Rate": learning_rate, "Policy/Epsilon": epsilon}

        return Update(compute, finish)

    def _update(self, batches: Batches, learning_rate: tf.Tensor) -> tf.Tensor:
        """The one compiled call: K gradient steps on [K, B, ...], then the target follows.

        Returns [4] sums, see TAGS.
        """

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = tf.nest.map_structure(lambda x: x[i], batches)
            return i + 1, totals + self._gradient_step(batch, learning_rate)

        count = batches.mask.shape[0]
        start = (0, tf.zeros(len(TAGS) + 1))
        _, totals = tf.while_loop(lambda i, _: i < count, step, start, maximum_iterations=count)
        self.network.follow(self.hyperparameters.tau)
        return totals

    def _gradient_step(self, batch: Batches, learning_rate: tf.Tensor) -> tf.Tensor:
        """One step on B transitions; [4], see TAGS."""
        network, branches = self.network, range(len(self.branches))
        network.policy.inputs.observe(batch.obs, batch.mask)
        rewards = self.reward.strength * batch.rewards
        goes_on = 1.0 - tf.cast(batch.terminated, tf.float32)
        targets = rewards + self.reward.gamma * goes_on * self._next_values(batch)
        with tf.GradientTape() as tape:
            values = network.values(network.policy, batch.obs)
            taken = [self._chosen(values, k, batch.discrete[:, k]) for k in branches]
            errors = tf.add_n([keras.losses.huber(targets[:, None], q[:, None]) for q in taken])
            loss = masked_mean(errors / len(taken), batch.mask)
        gradients = tape.gradient(loss, [variable.value for variable in self.variables])
        gradients, _ = tf.clip_by_global_norm(gradients, self.hyperparameters.max_grad_norm)
        skipped = apply_finite(self.optimizer, gradients, self.variables, learning_rate)
        value = masked_mean(tf.add_n(taken) / len(taken), batch.mask)
        return tf.stack([loss, value, masked_mean(rewards, batch.mask), skipped])

    def _next_values(self, batch: Batches) -> tf.Tensor:
        """[B] what the target makes of the options that the learning network would take next."""
        network = self.network
        fast = masked_logits(network.values(network.policy, batch.next_obs), batch.next_allowed)
        slow = network.values(network.target, batch.next_obs)
        best = [tf.argmax(fast[:, options], axis=1) for options in self.branches]
        return tf.add_n([self._chosen(slow, k, best[k]) for k in range(len(best))]) / len(best)

    def _chosen(self, values: tf.Tensor, branch: int, options: tf.Tensor) -> tf.Tensor:
        """[B, sum of branch sizes], [B] options of a branch -> [B] their values."""
        return tf.gather(values[:, self.branches[branch]], options, axis=1, batch_dims=1)

    def forget(self) -> None:
        self.credit = 0

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        self.replay.abandon(agent_ids)

    def state(self) -> TrainerState:
        arrays, facts = super().state()
        return TrainerState(arrays, facts | {"credit": self.credit})

    def load_state(self, state: TrainerState) -> None:
        super().load_state(state)
        self.credit = int(state.facts["credit"])
