"""From observations to an encoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.nn.conditioning import HyperDense, scaled_normal
from mlagents_tf.nn.normalizer import Normalizer, RowSummary
from mlagents_tf.specs import ObservationType, Spec


class VectorInputs(keras.layers.Layer):
    """All vector observations side by side, goals last, normalised if asked for.

    Args:
        spec: whose observations are vectors.
        normalize: whether they are scaled by running statistics.
        separate_goals: whether goal signals are handed out apart from the rest.
    """

    def __init__(self, spec: Spec, normalize: bool, separate_goals: bool, **kwargs: object) -> None:
        super().__init__(**kwargs)
        is_goal = [o.observation_type == ObservationType.GOAL_SIGNAL for o in spec.observations]
        if not separate_goals or all(is_goal):
            is_goal = [False] * len(is_goal)
        # sorted is stable: within both kinds the order is the spec's
        self.order = sorted(range(len(is_goal)), key=is_goal.__getitem__)
        sizes = [observation.shape[0] for observation in spec.observations]
        self.goal_size = sum(size for size, goal in zip(sizes, is_goal, strict=True) if goal)
        self.size = sum(sizes) - self.goal_size
        self.normalizer = Normalizer(sum(sizes), name="normalizer") if normalize else None
        self.built = True

    def call(self, obs: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Tuple of [..., size_k] -> inputs [..., size], goals [..., goal_size]."""
        vector = self._together(obs)
        if self.normalizer is not None:
            vector = self.normalizer(vector)
        return vector[..., : self.size], vector[..., self.size :]

    def observe(self, obs: Sequence[tf.Tensor], mask: tf.Tensor) -> None:
        """Counts rows (tuple of [N, size_k]) where `mask` [N] is 1 into the statistics."""
        if self.normalizer is not None:
            self.normalizer.update(self._together(obs), mask)

    def summary(self, obs: Sequence[NDArray[Any]]) -> RowSummary:
        """What `merge` has to know of rows (tuple of [N, size_k]); computed on the host."""
        rows = np.concatenate([obs[k] for k in self.order], axis=1)
        mean = rows.mean(axis=0, dtype=np.float64) if len(rows) else np.zeros(rows.shape[1])
        spread = np.square(rows - mean).sum(axis=0).clip(max=np.finfo(np.float32).max)
        return RowSummary(np.float32(len(rows)), mean.astype(np.float32), spread.astype(np.float32))

    def merge(self, seen: RowSummary) -> None:
        """Counts rows of which `summary` was made into the statistics."""
        if self.normalizer is not None:
            self.normalizer.merge(seen)

    def _together(self, obs: Sequence[tf.Tensor]) -> tf.Tensor:
        if len(obs) == 1:
            return obs[0]
        return tf.concat([obs[k] for k in self.order], axis=-1)


class Body(keras.layers.Layer):
    """`num_layers` dense swish layers (Ramachandran et al. 2017); with goals, the last is hyper.

    Args:
        input_size: width of the inputs.
        goal_size: width of the goals; 0 for none.
        hidden_units: width of every layer.
        num_layers: at least 1.
        seeds: `num_layers + 2`.
    """

    def __init__(
        self,
        input_size: int,
        goal_size: int,
        hidden_units: int,
        num_layers: int,
        seeds: Sequence[int],
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.dense: list[keras.layers.Dense] = []
        self.hyper: HyperDense | None = None
        self.output_size = hidden_units
        size = input_size
        for i in range(num_layers - bool(goal_size)):
            dense = keras.layers.Dense(
                hidden_units,
                activation="swish",
                kernel_initializer=scaled_normal(1.0, seeds[i]),
                name=f"dense_{i}",
            )
            dense.build((None, size))
            self.dense.append(dense)
            size = hidden_units
        if goal_size:
            self.hyper = HyperDense(size, goal_size, hidden_units, seeds[-3:], name="hyper")
        self.built = True

    def call(self, inputs: tf.Tensor, goals: tf.Tensor) -> tf.Tensor:
        """[N, input_size], [N, goal_size] -> [N, hidden_units]."""
        for dense in self.dense:
            inputs = dense(inputs)
        return inputs if self.hyper is None else self.hyper(inputs, goals)
