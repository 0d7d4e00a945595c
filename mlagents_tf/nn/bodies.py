"""From observations to an encoding."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from mlagents_tf.nn.normalizer import Normalizer
from mlagents_tf.specs import Spec


def scaled_normal(gain: float, seed: int) -> keras.initializers.Initializer:
    """Normal weights with standard deviation gain / sqrt(fan in), as ML-Agents draws them."""
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal", seed=seed)


class VectorInputs(keras.layers.Layer):
    """All vector observations side by side, normalised if asked for."""

    def __init__(self, spec: Spec, normalize: bool, **kwargs: object) -> None:
        super().__init__(**kwargs)
        sizes = [observation.shape[0] for observation in spec.observations]
        self.size = sum(sizes)
        self.normalizer = Normalizer(self.size, name="normalizer") if normalize else None
        self.built = True

    def call(self, obs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Tuple of [..., size_k] -> [..., sum of sizes]."""
        vector = obs[0] if len(obs) == 1 else tf.concat(obs, axis=-1)
        return vector if self.normalizer is None else self.normalizer(vector)

    def observe(self, obs: Sequence[tf.Tensor], mask: tf.Tensor) -> None:
        """Counts rows (tuple of [N, size_k]) where `mask` [N] is 1 into the statistics."""
        if self.normalizer is not None:
            self.normalizer.update(tf.concat(obs, axis=-1), mask)


class Body(keras.layers.Layer):
    """`num_layers` dense swish layers of `hidden_units` (Ramachandran et al. 2017)."""

    def __init__(
        self,
        input_size: int,
        hidden_units: int,
        num_layers: int,
        seeds: Sequence[int],
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.layers_ = [
            keras.layers.Dense(
                hidden_units,
                activation="swish",
                kernel_initializer=scaled_normal(1.0, seeds[i]),
                name=f"dense_{i}",
            )
            for i in range(num_layers)
        ]
        self.output_size = hidden_units if num_layers else input_size
        size = input_size
        for layer in self.layers_:
            layer.build((None, size))
            size = hidden_units
        self.built = True

    def call(self, encoding: tf.Tensor) -> tf.Tensor:
        """[..., input_size] -> [..., output_size]."""
        for layer in self.layers_:
            encoding = layer(encoding)
        return encoding
