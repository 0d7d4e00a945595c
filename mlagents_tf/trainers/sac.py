"""Soft Actor-Critic (Haarnoja et al. 2018), as ML-Agents' settings describe it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.rows import Batches, Episodes
from mlagents_tf.nn.bodies import network_shape
from mlagents_tf.nn.critics import SoftActorCritic
from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.nn.normalizer import RowSummary
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.ops.schedules import LEARNING_RATE_FLOOR, scheduled
from mlagents_tf.ops.seeds import folded
from mlagents_tf.rewards.signal import SKIPPED
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.sac import SACSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, FloatArray, IntArray, Step
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.checks import refuse_skipped
from mlagents_tf.trainers.cloning import BehavioralCloning, Lesson
from mlagents_tf.trainers.compiled import CompiledOnce, compiled_apart, suits_xla
from mlagents_tf.trainers.packing import Packing
from mlagents_tf.trainers.signals import make_signals
from mlagents_tf.trainers.soft_losses import SoftLosses, transitions_of
from mlagents_tf.trainers.trainer import Trainer, TrainerState, Update

CALLS = (64, 8, 1)
"""Gradient steps of one compiled call; what is due is made of as few of them as possible."""

SAMPLE_BYTES = 256 << 20
"""What the minibatches of one call may take; large images are trained on in smaller calls."""


class SACTrainer(Trainer):
    """Off-policy: remembers what happened in a replay, and trains on samples as steps go by."""

    replay: Replay
    network: SoftActorCritic

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        super().__init__(behavior, spec, settings, seed)
        h = cast(SACSettings, settings.hyperparameters)
        self.hyperparameters = h
        network = settings.network_settings
        self.network = SoftActorCritic(
            spec,
            len(settings.reward_signals),
            network_shape(network),
            self.rng,
            q_target=h.critic == "q_target",
            init_entcoef=h.init_entcoef,
        )
        self.signals = make_signals(settings.reward_signals, spec, self.rng)
        if settings.behavioral_cloning is not None:
            self.cloning = BehavioralCloning(
                self.network.policy, settings.behavioral_cloning, h, spec
            )
        # one Adam: what it does to a weight does not depend on the others
        self.optimizer = make_adam(h.learning_rate, self.network.trainable_variables)
        self.num_rows = h.batch_size // self.sequence_length * self.sequence_length
        memory_size = self.network.policy.memory_size
        self.replay = Replay(spec, h.buffer_size, memory_size, self.sequence_length)
        self.memory = self.replay
        self._losses = SoftLosses(self.network, self.signals, self.sequence_length)
        self.actor = Actor(self.network.policy, network.deterministic, apart=settings.threaded)
        self.credit = 0.0  # steps that no gradient step was made for yet
        self.signal_credit = 0.0  # the same of reward signals
        self.normalized = 0  # rows of the replay that the normaliser has learned from
        self._tags = self._statistics_tags()
        self._packing = Packing(
            (self.replay.blank(1, self.num_rows), np.zeros(self._noise_shape(1), np.float32))
        )
        batch_bytes = 2 * self.num_rows * self.replay.layout.itemsize
        calls = [size for size in CALLS if size * batch_bytes <= SAMPLE_BYTES] or [1]
        xla = self._xla = suits_xla(spec, settings)
        self._compiled_updates = {size: CompiledOnce(self._update, xla) for size in calls}
        self._signal_tags = [tag for signal in self.signals for tag in signal.tags_of_step]
        self._signal_packing = Packing(self.replay.blank(1, self.num_rows))
        self._compiled_signals = {size: CompiledOnce(self._train_signals, xla) for size in calls}

    def _statistics_tags(self) -> list[str]:
        """Names of what a gradient step puts out, in its order."""
        tags = ["Losses/Policy Loss", "Losses/Value Loss", "Losses/Q1 Loss", "Losses/Q2 Loss"]
        tags += ["Policy/Entropy", SKIPPED]
        if self.spec.actions.num_branches:
            tags.append("Policy/Discrete Entropy Coeff")
        if self.spec.actions.continuous_size:
            tags.append("Policy/Continuous Entropy Coeff")
        for signal in self.signals:
            tags += [f"Policy/{signal.label} Reward", f"Policy/{signal.label} Value Estimate"]
        return [*tags, "Losses/Pretraining Loss"] if self.cloning else tags

    def act(self, step: Step) -> Actions:
        deciding = step.deciding()
        decision = self.actor.decide(
            deciding.obs,
            deciding.allowed_actions,
            self.rng,
            self.replay.memories(deciding.agent_ids),
        )
        continuous = decision.actions.continuous
        self.replay.append(deciding, continuous, decision.discrete, decision.memories)
        return decision.actions

    def _remember(self, step: Step) -> Episodes:
        before = self.replay.num_answered
        episodes = self.replay.observe(step)
        answered = self.replay.num_answered - before
        self.steps += answered
        # nothing is owed for steps at which there was too little to learn from
        if self._has_enough():
            self.credit += answered
            self.signal_credit += answered
        return episodes

    def _has_enough(self) -> bool:
        """Whether there is a minibatch to learn from, or all that a small replay can hold."""
        h, replay = self.hyperparameters, self.replay
        filled = replay.num_real >= h.batch_size or replay.full
        return filled and replay.num_starts > 0 and self.steps >= h.buffer_init_steps

    def ready(self) -> bool:
        h = self.hyperparameters
        return self._has_enough() and self.credit >= max(h.steps_per_update, h.train_interval)

    def update(self) -> dict[str, float]:
        """All gradient steps that are due; statistics are means over all of them."""
        h = self.hyperparameters
        count = int(self.credit / h.steps_per_update)
        self.credit -= count * h.steps_per_update
        learning_rate, num_tags = self._learning_rate(), len(self._tags)
        totals = np.zeros(num_tags, np.float32)
        for size in self._call_sizes(count):
            outputs = self._policy_call(size, learning_rate)()
            totals += outputs[:num_tags]
        statistics = self._policy_learned(totals, count)
        self.actor.refresh(outputs[num_tags:])
        statistics |= self._update_signals()
        return statistics | {"Policy/Learning Rate": learning_rate}

    def _update_signals(self) -> dict[str, float]:
        """The gradient steps that reward signals are due, each on a minibatch of its own."""
        count = self._take_signal_steps(self.signal_credit)
        return self._signals_learned(
            (self._signal_call(n)() for n in self._call_sizes(count)), count
        )

    def begin_update(self) -> Update:
        """One call of the policy, and what reward signals are owed for the same steps."""
        h, num_tags = self.hyperparameters, len(self._tags)
        count = next(self._call_sizes(int(self.credit / h.steps_per_update)))
        self.credit -= count * h.steps_per_update
        learning_rate = self._learning_rate()
        policy = self._policy_call(count, learning_rate)
        signal_count = self._take_signal_steps(self.signal_credit - self.credit)
        signals = [self._signal_call(size) for size in self._call_sizes(signal_count)]

        def compute() -> tuple[FloatArray, list[FloatArray]]:
            return policy(), [call() for call in signals]

        def finish(outputs: tuple[FloatArray, list[FloatArray]]) -> dict[str, float]:
            of_policy, of_signals = outputs
            statistics = self._policy_learned(of_policy[:num_tags], count)
            self.actor.refresh(of_policy[num_tags:])
            statistics |= self._signals_learned(of_signals, signal_count)
            return statistics | {"Policy/Learning Rate": learning_rate}

        return Update(compute, finish)

    def _take_signal_steps(self, owed: float) -> int:
        """Gradient steps of reward signals for `owed` steps, which are owed no longer."""
        steps_per_update = self.hyperparameters.reward_signal_steps_per_update
        count = int(max(owed, 0.0) / steps_per_update)
        self.signal_credit -= count * steps_per_update
        return count if self._signal_tags else 0

    def _call_sizes(self, due: int) -> Iterator[int]:
        """Gradient steps of each of the calls that make up those that are `due`."""
        for size in self._compiled_updates:
            yield from [size] * (due // size)
            due %= size

    def _learning_rate(self) -> float:
        h = self.hyperparameters
        return scheduled(
            h.learning_rate_schedule,
            h.learning_rate,
            LEARNING_RATE_FLOOR,
            self.steps,
            self.settings.max_steps,
        )

    def _policy_call(self, size: int, learning_rate: float) -> Callable[[], FloatArray]:
        """`_update` on samples that are drawn now."""
        samples = self.replay.sample(self.rng, size, self.num_rows)
        noise = self.rng.standard_normal(self._noise_shape(size), np.float32)
        packed, images = self._packing.pack((samples, noise))
        given = (
            tf.convert_to_tensor(packed),
            [tf.convert_to_tensor(image) for image in images],
            tf.constant(learning_rate, tf.float32),
            self._newly_seen(),
            self.cloning and self.cloning.draws(self.rng, self.steps, size),
        )
        return lambda: np.asarray(self._compiled_updates[size](*given))

    def _signal_call(self, size: int) -> Callable[[], FloatArray]:
        """`_train_signals` on samples that are drawn now."""
        samples = self.replay.sample(self.rng, size, self.num_rows)
        packed, images = self._signal_packing.pack(samples)
        seed = self.rng.integers(0, 2**31, 2).astype(np.int32)
        for signal in self.signals:
            signal.before_update(self.rng, size * self.num_rows)
        given = (
            tf.convert_to_tensor(packed),
            [tf.convert_to_tensor(image) for image in images],
            tf.convert_to_tensor(seed),
        )
        return lambda: np.asarray(self._compiled_signals[size](*given))

    def _policy_learned(self, totals: FloatArray, count: int) -> dict[str, float]:
        """Means of sums over `count` gradient steps, by tag; refuses what was skipped."""
        statistics = dict(zip(self._tags, map(float, totals / count), strict=True))
        skipped = statistics.pop(SKIPPED) * count
        made = count * (1 + (self.cloning.num_epoch if self.cloning else 0))
        refuse_skipped(self.behavior, self.steps, skipped, made, statistics)
        return statistics

    def _signals_learned(self, outputs: Iterable[FloatArray], count: int) -> dict[str, float]:
        """The same of reward signals, from the sums of each call."""
        if not count:
            return {}
        totals = np.zeros(len(self._signal_tags), np.float32)
        for sums in outputs:
            totals += sums
        by_tag = list(zip(self._signal_tags, map(float, totals), strict=True))
        statistics = {tag: total / count for tag, total in by_tag if tag != SKIPPED}
        skipped = sum(total for tag, total in by_tag if tag == SKIPPED)
        made = count * self._signal_tags.count(SKIPPED)
        refuse_skipped(self.behavior, self.steps, skipped, made, statistics)
        return statistics

    def _noise_shape(self, size: int) -> tuple[int, ...]:
        """[K, B, C, draws]: the policy is drawn from now, and at next states if Q looks there."""
        draws = 2 if self.network.value is None else 1
        return size, self.num_rows, self.spec.actions.continuous_size, draws

    def _newly_seen(self) -> RowSummary | None:
        """What the normaliser, if there is one, has to know of the observations since last time."""
        inputs, since = self.network.policy.inputs, self.normalized
        self.normalized = self.replay.end
        return inputs.summary(self.replay.obs_since(since)) if inputs.normalizer else None

    def _update(
        self,
        packed: tf.Tensor,
        images: list[tf.Tensor],
        learning_rate: tf.Tensor,
        seen: RowSummary | None,
        lesson: Lesson | None,
    ) -> tf.Tensor:
        """K gradient steps on packed samples [K, B, ...]: the one compiled call.

        Returns sums over K of what `_statistics_tags` names, then the policy's weights.
        """
        if seen is not None:
            self.network.policy.inputs.merge(seen)

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch, noise = self._packing.unpack(packed[i], [image[i] for image in images])
            learned = self._gradient_step(batch, noise, learning_rate)
            return i + 1, totals + self._with_cloning(learned, lesson, i)

        # spelled out: AutoGraph, which would make a loop of a `for`, fails on Python 3.13
        count = packed.shape[0]
        _, totals = tf.while_loop(
            lambda i, _: i < count, step, (0, tf.zeros(len(self._tags))), maximum_iterations=count
        )
        return tf.concat([totals, self.network.policy.packed_weights()], axis=0)

    def _with_cloning(self, learned: tf.Tensor, lesson: Lesson | None, i: tf.Tensor) -> tf.Tensor:
        """What a gradient step put out, and what cloning behind it did; [tags]."""
        cloning = self.cloning
        if cloning is None or lesson is None:
            return learned
        part = Lesson(lesson.indices[i], folded(lesson.seed, i), lesson.learning_rate)
        loss, skipped = tf.unstack(cloning.learn(part))
        also_skipped = skipped * tf.one_hot(self._tags.index(SKIPPED), learned.shape[0])
        return tf.concat([learned + also_skipped, [loss]], axis=0)

    def _train_signals(
        self, packed: tf.Tensor, images: list[tf.Tensor], seed: tf.Tensor
    ) -> tf.Tensor:
        """K gradient steps of reward signals on packed samples [K, B, ...]: one compiled call.

        Returns sums over K of what `_signal_tags` names.
        """
        learning = [signal for signal in self.signals if signal.tags]

        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = self._signal_packing.unpack(packed[i], [image[i] for image in images])
            transitions = transitions_of(batch)
            seeds = [folded(seed, len(learning) * i + k) for k in range(len(learning))]
            trained = [s.train(transitions, own) for s, own in zip(learning, seeds, strict=True)]
            return i + 1, totals + tf.concat(trained, axis=0)

        count = packed.shape[0]
        start = (0, tf.zeros(len(self._signal_tags)))
        return tf.while_loop(lambda i, _: i < count, step, start, maximum_iterations=count)[1]

    def _gradient_step(
        self, batch: Batches, noise: tf.Tensor, learning_rate: tf.Tensor
    ) -> tf.Tensor:
        """One step on B transitions; all losses are those of the weights before it. [tags]"""
        network, mask = self.network, batch.mask
        targets = self._losses.targets(batch, noise[..., -1])
        with tf.GradientTape(persistent=True) as tape:
            losses = self._losses(batch, targets, noise[..., 0])
            critic_loss = losses.q1 + losses.q2 + losses.value
        skipped = self._apply(
            tape,
            [
                (losses.policy, network.policy.trainable_variables),
                (critic_loss, network.critic_variables),
                (losses.entropy_coefficients, network.entropy_coefficients.trainable_variables),
            ],
            learning_rate,
        )
        numbers = tf.stack(
            [losses.policy, losses.value, losses.q1, losses.q2, losses.entropy, skipped]
        )
        by_signal = tf.stack([targets.rewards, losses.soft_values], axis=1)  # [S, 2, B]
        return tf.concat(
            [numbers, self._coefficients(), tf.reshape(masked_mean(by_signal, mask), [-1])], axis=0
        )

    def _coefficients(self) -> tf.Tensor:
        """Mean coefficient of branches, coefficient of continuous dimensions, if there are any."""
        values, branches = self.network.entropy_coefficients.values, self.spec.actions.num_branches
        discrete = tf.reduce_mean(values[:branches], keepdims=True) if branches else values[:0]
        return tf.concat([discrete, values[branches:]], axis=0)

    def _apply(
        self,
        tape: tf.GradientTape,
        losses: Sequence[tuple[tf.Tensor, Sequence[keras.Variable]]],
        learning_rate: tf.Tensor,
    ) -> tf.Tensor:
        """Lowers each loss by its own variables, then lets the targets follow; [] 1 if skipped."""
        gradients = [
            gradient
            for loss, variables in losses
            for gradient in tape.gradient(loss, [variable.value for variable in variables])
        ]
        variables = [variable for _, variables in losses for variable in variables]

        def apply(gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor) -> tf.Tensor:
            skipped = apply_finite(self.optimizer, gradients, variables, learning_rate)
            self.network.follow(self.hyperparameters.tau)
            return skipped

        return compiled_apart(apply, self._xla)(gradients, learning_rate)

    def forget(self) -> None:
        self.credit = self.signal_credit = 0.0

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        self.replay.abandon(agent_ids)

    def state(self) -> TrainerState:
        arrays, facts = super().state()
        own = {"credit": self.credit, "signal_credit": self.signal_credit}
        return TrainerState(arrays, facts | own | {"normalized": self.normalized})

    def load_state(self, state: TrainerState) -> None:
        super().load_state(state)
        self.credit = float(state.facts["credit"])
        self.signal_credit = float(state.facts["signal_credit"])
        self.normalized = int(state.facts["normalized"])
