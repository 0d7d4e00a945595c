"""The names of ML-Agents' Optimizer API over a PPO trainer (docs/plugins.md has the table).

For code that was written against that API: a loop of its own around gradient steps, or a look at
values. Our own loop does not pass here; it makes all gradient steps of an update in one call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.rows import TapeRows
from mlagents_tf.errors import SettingsError
from mlagents_tf.rewards.signal import SKIPPED, RewardSignal, Transitions
from mlagents_tf.settings.rewards import RewardSignalSettings
from mlagents_tf.steps import FloatArray
from mlagents_tf.trainers.checks import refuse_skipped
from mlagents_tf.trainers.compiled import compiled, suits_xla
from mlagents_tf.trainers.ppo import TAGS, Hyperparameters, Minibatch, PPOTrainer
from mlagents_tf.trainers.signals import make_signals


class Optimizer:
    """Gradient steps and values of a trainer, one call at a time.

    Args:
        trainer: without memory; what is learned here, it acts with.

    Attributes:
        reward_signals: the trainer's, by name.
    """

    def __init__(self, trainer: PPOTrainer) -> None:
        if trainer.network.memory_size:
            raise SettingsError(
                f"behavior {trainer.behavior}: the Optimizer API is for networks without memory. "
                "Take out network_settings.memory."
            )
        self.trainer = trainer
        self.reward_signals: dict[str, RewardSignal] = {s.name: s for s in trainer.signals}
        xla = suits_xla(trainer.spec, trainer.settings)
        self._gradient_step = compiled(trainer._gradient_step, xla)

    @property
    def critic(self) -> keras.layers.Layer:
        """What puts out values: here one network with the policy."""
        return self.trainer.network

    def create_reward_signals(
        self, reward_signal_configs: Mapping[str, RewardSignalSettings]
    ) -> None:
        """Makes the signals anew, with other settings and fresh networks.

        Raises:
            SettingsError: other names than the network has value heads for.
        """
        if [*reward_signal_configs] != [*self.reward_signals]:
            raise SettingsError(
                f"behavior {self.trainer.behavior}: its network values "
                f"{', '.join(self.reward_signals)} (received {', '.join(reward_signal_configs)}). "
                "Name them in the reward_signals of the settings that the trainer is made of."
            )
        trainer = self.trainer
        trainer.signals = make_signals(reward_signal_configs, trainer.spec, trainer.rng)
        self.reward_signals = {signal.name: signal for signal in trainer.signals}

    def get_trajectory_value_estimates(
        self,
        batch: TapeRows | Minibatch,
        next_obs: Sequence[NDArray[Any]],
        done: bool,
        agent_id: str = "",
    ) -> tuple[dict[str, FloatArray], dict[str, float], None]:
        """Values along one trajectory, and behind it.

        Args:
            batch: N rows in the order of time; only `obs` is looked at.
            next_obs: tuple of [*shape], what was seen after the last row.
            done: whether the task ended there; then nothing is expected any more, except of
                signals that go on after the end.
            agent_id: there is no memory to be looked up, so it is not used.

        Returns:
            {signal: [N]}, {signal: number}, and None in the place of memories.
        """
        following = tuple(np.asarray(obs)[None] for obs in next_obs)
        obs = tuple(np.concatenate(pair) for pair in zip(batch.obs, following, strict=True))
        _, values = self.trainer.network.distribution_and_values(
            tf.nest.map_structure(tf.convert_to_tensor, obs), None
        )
        by_signal = dict(zip(self.reward_signals, np.asarray(values), strict=True))
        ended = {
            name: done and not signal.goes_on_after_the_end
            for name, signal in self.reward_signals.items()
        }
        return (
            {name: row[:-1] for name, row in by_signal.items()},
            {name: 0.0 if ended[name] else float(row[-1]) for name, row in by_signal.items()},
            None,
        )

    def update(self, batch: Minibatch, num_sequences: int) -> dict[str, float]:
        """One gradient step of policy and values with the scheduled rates of now.

        Args:
            batch: B rows with advantages and returns, the same B in every call.
            num_sequences: B, since a row is a sequence where there is no memory.

        Returns:
            Statistics by tag.

        Raises:
            SettingsError: `num_sequences` is not the number of rows.
            TrainingError: the gradient was not finite; the weights are as before.
        """
        if num_sequences != len(batch.mask):
            raise SettingsError(
                f"num_sequences is {num_sequences}, and the batch has {len(batch.mask)} rows; "
                "without memory each row is a sequence."
            )
        trainer = self.trainer
        hyper = Hyperparameters(*(tf.constant(x, tf.float32) for x in trainer._scheduled()))
        tensors = tf.nest.map_structure(tf.convert_to_tensor, batch)
        statistics = dict(zip(TAGS, map(float, self._gradient_step(tensors, hyper)), strict=True))
        skipped = statistics.pop(SKIPPED)
        refuse_skipped(trainer.behavior, trainer.steps, skipped, 1, statistics)
        trainer.actor.refresh()
        return statistics

    def update_reward_signals(self, batch: Transitions) -> dict[str, float]:
        """One gradient step of each signal with a network, on B rows; statistics by tag."""
        trainer = self.trainer
        statistics: dict[str, float] = {}
        transitions = tf.nest.map_structure(tf.convert_to_tensor, batch)
        for signal in trainer.signals:
            if signal.tags:
                signal.before_update(trainer.rng, len(batch.mask))
                seed = trainer.rng.integers(0, 2**31, 2).astype(np.int32)
                learned = map(float, signal.train(transitions, tf.convert_to_tensor(seed)))
                statistics |= dict(zip(signal.tags_of_step, learned, strict=True))
                skipped = statistics.pop(SKIPPED)
                refuse_skipped(trainer.behavior, trainer.steps, skipped, 1, statistics)
        return statistics

    def get_modules(self) -> dict[str, Any]:
        """Everything with weights, by name."""
        return {"Optimizer": self.trainer.optimizer, **self.trainer.network.parts()}
