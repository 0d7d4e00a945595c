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
class LSTM:
    """Weights of a memory, see nn/memory.py: the four gates side by side.

    Attributes:
        kernel: [in, 4 U].
        recurrent_kernel: [U, 4 U].
        bias: [4 U].
    """

    kernel: FloatArray
    recurrent_kernel: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class MLP:
    """Normalise, dense swish layers, perhaps one made from a goal, perhaps a memory, linear heads.

    Attributes:
        order: of the observations, goals last.
        goal_size: width of the goals.
        scale: mean and standard deviation [I] of the inputs, or None.
        clip: bound of normalised inputs, in standard deviations.
        layers: the body.
        hyper: its last layer, if goals make it.
        lstm: the memory, if there is one.
        head: all outputs side by side; None where only the memory is of interest.
    """

    order: tuple[int, ...]
    goal_size: int
    scale: tuple[FloatArray, FloatArray] | None
    clip: float
    layers: tuple[Dense, ...]
    hyper: Hyper | None
    lstm: LSTM | None
    head: Dense | None

    @property
    def num_weights(self) -> int:
        """Multiplications per row."""
        kernels = [layer.kernel for layer in (*self.layers, self.head) if layer is not None]
        if self.hyper is not None:
            kernels.append(self.hyper.kernels)
        if self.lstm is not None:
            kernels += [self.lstm.kernel, self.lstm.recurrent_kernel]
        return sum(kernel.size for kernel in kernels)

    def __call__(
        self, obs: Sequence[NDArray[Any]], memories: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """One decision of each of N agents, all float32.

        Args:
            obs: tuple of [N, size_k].
            memories: [N, M] before it.

        Returns:
            [N, outputs], or the encoding if there is no head, and [N, M] memories behind it.
        """
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
        if self.lstm is not None:
            x, memories = _remembered(x, memories, self.lstm)
        return x if self.head is None else linear(x, self.head), memories


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


def _remembered(x: FloatArray, memories: FloatArray, lstm: LSTM) -> tuple[FloatArray, FloatArray]:
    """[N, in], [N, 2 U] -> hidden outputs [N, U], memories [N, 2 U]."""
    units = lstm.recurrent_kernel.shape[0]
    gates = x @ lstm.kernel
    gates += memories[:, :units] @ lstm.recurrent_kernel
    gates += lstm.bias
    # sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: one tanh for all four gates
    gates *= _BEFORE_TANH.repeat(units)
    np.tanh(gates, out=gates)
    let_in, keep, candidates, let_out = (gates[:, k * units : (k + 1) * units] for k in range(4))
    for gate in (let_in, keep, let_out):
        gate += 1.0
        gate *= 0.5
    after = np.empty_like(memories)
    hidden, cells = after[:, :units], after[:, units:]
    np.multiply(keep, memories[:, units:], out=cells)
    let_in *= candidates
    cells += let_in
    np.tanh(cells, out=hidden)
    hidden *= let_out
    return hidden, after


_BEFORE_TANH = np.array([0.5, 0.5, 1.0, 0.5], np.float32)
