"""A NumPy mirror of a small policy network: at few agents it is many times faster than a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.steps import FloatArray


@dataclass(frozen=True)
class Dense:
    """Weights of one dense layer: kernel [in, out], bias [out]."""

    kernel: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class Hyper:
    """Weights of one layer whose kernel is made from a goal.

    Attributes:
        encoder: dense swish layers of the goal, to a code [H].
        epsilon: of the code's normalisation.
        kernels: [H * in, out], see nn/conditioning.py.
        dense: what the goal does not change.
    """

    encoder: tuple[Dense, ...]
    epsilon: float
    kernels: FloatArray
    dense: Dense


@dataclass(frozen=True)
class MLP:
    """Normalise, dense swish layers, perhaps one made from a goal, linear heads.

    Attributes:
        order: of the observations, goals last.
        goal_size: width of the goals.
        scale: mean and standard deviation [I] of the inputs, or None.
        clip: bound of normalised inputs, in standard deviations.
        layers: the body.
        hyper: its last layer, if goals make it.
        head: all outputs side by side.
    """

    order: tuple[int, ...]
    goal_size: int
    scale: tuple[FloatArray, FloatArray] | None
    clip: float
    layers: tuple[Dense, ...]
    hyper: Hyper | None
    head: Dense

    @property
    def num_weights(self) -> int:
        """Multiplications per row."""
        weights = sum(layer.kernel.size for layer in (*self.layers, self.head))
        return weights if self.hyper is None else weights + self.hyper.kernels.size

    def __call__(self, obs: Sequence[NDArray[Any]]) -> FloatArray:
        """Tuple of [N, size_k] float32 -> [N, outputs] float32."""
        x = obs[0] if len(obs) == 1 else np.concatenate([obs[k] for k in self.order], axis=1)
        if self.scale is not None:
            mean, std = self.scale
            x = (x - mean) / std
            np.minimum(x, self.clip, out=x)
            np.maximum(x, -self.clip, out=x)
        goal = None
        if self.hyper is not None:
            x, goal = x[:, : -self.goal_size], x[:, -self.goal_size :]
        for layer in self.layers:
            x = swish(linear(x, layer))
        if self.hyper is not None and goal is not None:
            x = swish(_conditioned(x, goal, self.hyper))
        return linear(x, self.head)


def linear(x: FloatArray, dense: Dense) -> FloatArray:
    """[N, in] -> [N, out], a fresh array."""
    x = x @ dense.kernel
    x += dense.bias
    return x


def swish(x: FloatArray) -> FloatArray:
    """x * sigmoid(x), in place; written with tanh, which never overflows and is the faster."""
    x *= 0.5
    gate = np.tanh(x)
    gate += 1.0
    x *= gate
    return x


def _conditioned(x: FloatArray, goal: FloatArray, hyper: Hyper) -> FloatArray:
    for layer in hyper.encoder:
        goal = swish(linear(goal, layer))
    centred = np.subtract(goal, goal.mean(axis=1, keepdims=True), dtype=np.float32)
    centred /= np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(hyper.epsilon))
    outer = (centred[:, :, None] * x[:, None, :]).reshape(len(x), -1)
    mixed: FloatArray = outer @ hyper.kernels
    mixed += linear(x, hyper.dense)
    return mixed
