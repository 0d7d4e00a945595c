"""A dense layer whose weights are made from a goal."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

LAYER_NORM_EPSILON = 1e-5


def scaled_normal(gain: float, seed: int) -> keras.initializers.Initializer:
    """Normal weights with standard deviation gain / sqrt(fan in), as ML-Agents draws them."""
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal", seed=seed)


def standardized(x: tf.Tensor) -> tf.Tensor:
    """[..., H] with mean 0 and variance 1 over the last axis (Ba et al. 2016, no parameters)."""
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axis=-1, keepdims=True)
    return (x - mean) / tf.sqrt(variance + LAYER_NORM_EPSILON)


class HyperDense(keras.layers.Layer):
    """A dense swish layer whose kernel is a linear function of an encoded goal (Ha et al. 2017).

    Since `kernel(goal) = bias + sum_h code[h] * kernels[h]`, its product with the inputs is one
    matrix product of `kernels` with the outer product of code and inputs.

    Args:
        input_size: width of the inputs.
        goal_size: width of the goal.
        units: width of the output, and of the goal's encoding.
        seeds: three, of the initial weights.
    """

    def __init__(
        self, input_size: int, goal_size: int, units: int, seeds: Sequence[int], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.encoder = []
        size = goal_size
        for i, seed in enumerate(seeds[:2]):
            dense = keras.layers.Dense(
                units,
                activation="swish",
                kernel_initializer=scaled_normal(1.0, seed),
                name=f"goal_{i}",
            )
            dense.build((None, size))
            self.encoder.append(dense)
            size = units
        bound = (1.0 / (units * input_size)) ** 0.5
        self.kernels = self.add_weight(
            shape=(units * input_size, units),
            initializer=keras.initializers.RandomUniform(-bound, bound, seed=seeds[2]),
            name="kernels",
        )
        self.kernel_bias = self.add_weight(
            shape=(input_size, units), initializer="zeros", name="kernel_bias"
        )
        self.bias = self.add_weight(shape=(units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs: tf.Tensor, goal: tf.Tensor) -> tf.Tensor:
        """[N, input_size], [N, goal_size] -> [N, units]."""
        for dense in self.encoder:
            goal = dense(goal)
        code = standardized(goal)
        outer = tf.reshape(
            code[:, :, None] * inputs[:, None, :], (-1, code.shape[-1] * inputs.shape[-1])
        )
        mixed = tf.matmul(outer, self.kernels) + tf.matmul(inputs, self.kernel_bias) + self.bias
        return keras.activations.silu(mixed)
