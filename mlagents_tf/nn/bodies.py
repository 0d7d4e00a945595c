"""From observations to an encoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.nn.conditioning import HyperDense, scaled_normal
from mlagents_tf.nn.normalizer import Normalizer, RowSummary
from mlagents_tf.settings.network import NetworkSettings
from mlagents_tf.specs import ObservationType, Spec


class NetworkShape(NamedTuple):
    """Sizes and switches of a network; the keys of `network_settings` with the same names.

    Attributes:
        hidden_units: width of each body.
        num_layers: depth of each body.
        normalize: whether vector observations are scaled by running statistics.
        separate_goals: whether goal signals make the weights of the last layer
            (`goal_conditioning_type: hyper`) instead of being inputs like others.
    """

    hidden_units: int = 128
    num_layers: int = 2
    normalize: bool = False
    separate_goals: bool = True

    @property
    def seeds_per_body(self) -> int:
        """How many seeds a body needs for its initial weights."""
        return self.num_layers + 2


def network_shape(settings: NetworkSettings) -> NetworkShape:
    """What a network needs to know of `network_settings`."""
    return NetworkShape(
        hidden_units=settings.hidden_units,
        num_layers=settings.num_layers,
        normalize=settings.normalize,
        separate_goals=settings.goal_conditioning_type == "hyper",
    )


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


def make_body(
    inputs: VectorInputs, shape: NetworkShape, seeds: Sequence[int], name: str, more: int = 0
) -> Body:
    """A body for what `inputs` puts out and `more` numbers beside it; takes the first seeds."""
    return Body(
        inputs.size + more,
        inputs.goal_size,
        shape.hidden_units,
        shape.num_layers,
        seeds[: shape.seeds_per_body],
        name=name,
    )


def draw_seeds(rng: np.random.Generator, count: int) -> list[int]:
    """`count` seeds of initial weights."""
    return [int(seed) for seed in rng.integers(0, 2**31, count)]
