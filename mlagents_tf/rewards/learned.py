"""Reward signals with a network that is trained beside the policy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.nn.gradients import apply_finite, make_adam
from mlagents_tf.nn.weights import assign_weights, named_weights
from mlagents_tf.rewards.signal import RewardSignal, Transitions
from mlagents_tf.settings.rewards import LearnedRewardSettings
from mlagents_tf.specs import Spec


class SignalNetwork(keras.layers.Layer):
    """A network of a reward signal, whose layers are stored under names."""

    @abstractmethod
    def parts(self) -> Mapping[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""


N = TypeVar("N", bound=SignalNetwork)


class LearnedReward(RewardSignal, Generic[N]):
    """A reward signal with a network and an Adam of its own.

    A subclass defines `make_network`, `loss` and `rewards`, and names its statistics in `tags`.
    """

    def __init__(
        self, name: str, settings: LearnedRewardSettings, spec: Spec, rng: np.random.Generator
    ) -> None:
        super().__init__(name, settings, spec, rng)
        self.learning_rate = settings.learning_rate
        self.branches = spec.actions.discrete_branches
        self.network = self.make_network(settings, spec, rng)
        self.optimizer = make_adam(settings.learning_rate, self.network.trainable_variables)

    @abstractmethod
    def make_network(self, settings: Any, spec: Spec, rng: np.random.Generator) -> N:
        """What is trained."""

    @abstractmethod
    def loss(self, transitions: Transitions, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """[] what a gradient step lowers, and [] statistics in the order of `tags`."""

    @property
    def has_learned(self) -> tf.Tensor:
        """[] 1 after the first gradient step: what an untrained network puts out is no reward."""
        return tf.cast(self.optimizer.iterations > 0, tf.float32)

    def train(self, transitions: Transitions, seed: tf.Tensor) -> tf.Tensor:
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss, statistics = self.loss(transitions, seed)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        learning_rate = tf.constant(self.learning_rate)
        skipped = apply_finite(self.optimizer, gradients, variables, learning_rate)
        return tf.stack([*statistics, skipped])

    def state(self) -> dict[str, NDArray[Any]]:
        return {name: np.asarray(variable) for name, variable in self._variables().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        assign_weights(f"reward signal {self.name}", self._variables(), state)

    def _variables(self) -> dict[str, keras.Variable]:
        """All that changes, by name."""
        weights = {f"network/{name}": w for name, w in named_weights(self.network).items()}
        slots = {f"optimizer/{i}": slot for i, slot in enumerate(self.optimizer.variables)}
        return weights | slots
