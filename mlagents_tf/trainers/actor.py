"""Decides for agents, fast at one agent and at thousands."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.mlp import MLP, Dense, Hyper
from mlagents_tf.data.sampling import log_probs, sample_branches, sample_gaussian
from mlagents_tf.nn.conditioning import LAYER_NORM_EPSILON
from mlagents_tf.nn.normalizer import CLIP
from mlagents_tf.nn.policies import ACTION_CLIP, LOG_STD_RANGE, Policy
from mlagents_tf.steps import Actions, BoolArray, FloatArray

MIRROR_LIMIT = 40_000_000
"""Multiplications up to which NumPy beats a TensorFlow call (measured, docs/benchmarks)."""


class Decision(NamedTuple):
    """What was drawn for N agents.

    Attributes:
        actions: as the environment takes them.
        continuous: [N, C] as drawn from the Gaussian, before they are squashed.
        discrete: [N, D] int32.
        log_probs: [N] of what was drawn, if asked for; training computes its own in the update.
    """

    actions: Actions
    continuous: FloatArray
    discrete: NDArray[np.int32]
    log_probs: FloatArray | None


class Actor:
    """Acts with the weights that a policy had at the last `refresh`.

    Args:
        policy: decides.
        deterministic: the likeliest action instead of a draw.
    """

    def __init__(self, policy: Policy, deterministic: bool = False) -> None:
        self.policy = policy
        self.spec = policy.spec
        self.deterministic = deterministic
        self._branches = self.spec.actions.branch_slices()
        self._weights = Weights(policy)
        # convolutions are faster without XLA, see compiled.suits_xla
        self._graph = tf.function(
            policy.call, jit_compile=not policy.inputs.image_shapes, autograph=False
        )
        self.refresh()

    def refresh(self, packed: FloatArray | None = None) -> None:
        """Takes over the policy's present weights; `Policy.packed_weights` if they are at hand."""
        self._weights.packed[:] = self.policy.packed_weights() if packed is None else packed
        self._mlp = mirror(self.policy, self._weights) if has_mirror(self.policy) else None
        log_stds = self.policy.heads.log_stds
        # [C] where they are weights; [0] where they are outputs, or there is nothing to draw
        self._stds = (
            np.zeros(0, np.float32) if log_stds is None else np.exp(self._weights[log_stds])
        )

    def outputs(self, obs: tuple[NDArray[Any], ...]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Tuple of [N, *obs_k] -> means [N, C], deviations [N, C] or [C], unmasked logits."""
        n, size = len(obs[0]), self.spec.actions.continuous_size
        if self._mlp is not None and n * self._mlp.num_weights <= MIRROR_LIMIT:
            outputs = self._mlp(obs)
            if not self.policy.tanh:
                return outputs[:, :size], self._stds, outputs[:, size:]
            log_stds = np.clip(outputs[:, size : 2 * size], *LOG_STD_RANGE)
            return outputs[:, :size], np.exp(log_stds), outputs[:, 2 * size :]
        padding = (1 << (n - 1).bit_length()) - n
        padded = tuple(np.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)) for x in obs)
        means, log_stds, logits = self._graph(tuple(tf.convert_to_tensor(x) for x in padded))
        stds = np.exp(log_stds.numpy()[:n]) if self.policy.tanh else self._stds
        return means.numpy()[:n], stds, logits.numpy()[:n]

    def decide(
        self,
        obs: tuple[NDArray[Any], ...],
        allowed: BoolArray | None,
        rng: np.random.Generator,
        with_log_probs: bool = False,
    ) -> Decision:
        """Actions for agents that see `obs` (tuple of [N, *obs_k]) and may take `allowed`."""
        means, stds, logits = self.outputs(obs)
        continuous = means if self.deterministic else sample_gaussian(means, stds, rng)
        discrete = sample_branches(
            logits, allowed, self._branches, None if self.deterministic else rng
        )
        likelihood = None
        if with_log_probs:
            likelihood = log_probs(
                means, stds, continuous, logits, allowed, discrete, self._branches
            )
        sent = self._squashed(continuous)
        return Decision(Actions(sent, discrete), continuous, discrete, likelihood)

    def _squashed(self, continuous: FloatArray) -> FloatArray:
        """What `Policy.squashed` does, in NumPy."""
        if self.policy.tanh:
            return np.tanh(continuous)
        sent: FloatArray = np.minimum(np.maximum(continuous, -ACTION_CLIP), ACTION_CLIP)
        sent /= np.float32(ACTION_CLIP)
        return sent


class Weights:
    """Arrays of a policy's variables, as views of all of them packed side by side.

    Attributes:
        packed: like `Policy.packed_weights`; to be filled.
    """

    def __init__(self, policy: Policy) -> None:
        variables = policy.weights
        sizes = [math.prod(variable.shape) for variable in variables]
        self.packed = np.zeros(sum(sizes), np.float32)
        parts = np.split(self.packed, list(itertools.accumulate(sizes))[:-1])
        self._arrays = {
            id(variable): part.reshape(variable.shape)
            for variable, part in zip(variables, parts, strict=True)
        }

    def __getitem__(self, variable: keras.Variable) -> FloatArray:
        return self._arrays[id(variable)]

    def dense(self, layer: keras.layers.Dense) -> Dense:
        """Kernel and bias of a layer."""
        return Dense(self[layer.kernel], self[layer.bias])


def has_mirror(policy: Policy) -> bool:
    """Whether NumPy can do what the policy does: where there are vectors only."""
    return not policy.inputs.image_shapes and not policy.inputs.entity_shapes


def mirror(policy: Policy, weights: Weights) -> MLP:
    """A policy as NumPy arrays; its head puts out what `ActionHeads` does, side by side."""
    inputs, body, heads = policy.inputs, policy.body, policy.heads
    layers = (heads.means, heads.log_stds_of, heads.logits)
    head = [weights.dense(layer) for layer in layers if layer is not None]
    scale = None
    if inputs.normalizer is not None:
        variance = weights[inputs.normalizer.variance_sum] / weights[inputs.normalizer.rows]
        scale = (weights[inputs.normalizer.mean], np.sqrt(variance))
    hyper = body.hyper and Hyper(
        encoder=tuple(weights.dense(layer) for layer in body.hyper.encoder),
        epsilon=LAYER_NORM_EPSILON,
        kernels=weights[body.hyper.kernels],
        dense=Dense(weights[body.hyper.kernel_bias], weights[body.hyper.bias]),
    )
    return MLP(
        order=tuple(inputs.order),
        goal_size=inputs.goal_size,
        scale=scale,
        clip=CLIP,
        layers=tuple(weights.dense(layer) for layer in body.dense),
        hyper=hyper,
        head=Dense(
            np.concatenate([dense.kernel for dense in head], axis=1),
            np.concatenate([dense.bias for dense in head]),
        ),
    )
