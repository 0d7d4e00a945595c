"""Decides for agents, fast at one agent and at thousands."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.mlp import MLP, Dense, Hyper
from mlagents_tf.data.sampling import log_probs, sample_branches, sample_gaussian
from mlagents_tf.nn.conditioning import LAYER_NORM_EPSILON
from mlagents_tf.nn.normalizer import CLIP
from mlagents_tf.nn.policies import ACTION_CLIP, ActorCritic
from mlagents_tf.steps import Actions, BoolArray, FloatArray

MIRROR_LIMIT = 40_000_000
"""Multiplications up to which NumPy beats a TensorFlow call (measured, docs/benchmarks)."""


class Decision(NamedTuple):
    """What was drawn for N agents.

    Attributes:
        actions: as the environment takes them.
        continuous: [N, C] as sampled, what the policy's density is about.
        discrete: [N, D] int32.
        log_probs: [N] of the whole action, if asked for; training computes its own in the update.
    """

    actions: Actions
    continuous: FloatArray
    discrete: NDArray[np.int32]
    log_probs: FloatArray | None


class Actor:
    """Acts with the weights that a network had at the last `refresh`.

    Args:
        network: the network whose policy decides.
        deterministic: the likeliest action instead of a draw.
    """

    def __init__(self, network: ActorCritic, deterministic: bool = False) -> None:
        self.network = network
        self.spec = network.spec
        self.deterministic = deterministic
        self._branches = self.spec.actions.branch_slices()
        self._graph = tf.function(network.action_outputs, jit_compile=True, autograph=False)
        self.refresh()

    def refresh(self) -> None:
        """Takes over the network's present weights."""
        self._mlp = mirror(self.network)
        self._stds: FloatArray = np.exp(np.asarray(self.network.action_heads.log_stds))

    def outputs(self, obs: tuple[NDArray[Any], ...]) -> tuple[FloatArray, FloatArray]:
        """Tuple of [N, *obs_k] -> means [N, C], unmasked logits [N, sum of branch sizes]."""
        n = len(obs[0])
        if n * self._mlp.num_weights <= MIRROR_LIMIT:
            outputs = self._mlp(obs)
            size = self.spec.actions.continuous_size
            return outputs[:, :size], outputs[:, size:]
        padding = (1 << (n - 1).bit_length()) - n
        padded = tuple(np.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)) for x in obs)
        means, logits = self._graph(tuple(tf.convert_to_tensor(x) for x in padded))
        return means.numpy()[:n], logits.numpy()[:n]

    def decide(
        self,
        obs: tuple[NDArray[Any], ...],
        allowed: BoolArray | None,
        rng: np.random.Generator,
        with_log_probs: bool = False,
    ) -> Decision:
        """Actions for agents that see `obs` (tuple of [N, *obs_k]) and may take `allowed`."""
        means, logits = self.outputs(obs)
        continuous = means if self.deterministic else sample_gaussian(means, self._stds, rng)
        discrete = sample_branches(
            logits, allowed, self._branches, None if self.deterministic else rng
        )
        sent: FloatArray = np.minimum(np.maximum(continuous, -ACTION_CLIP), ACTION_CLIP)
        sent /= np.float32(ACTION_CLIP)
        likelihood = None
        if with_log_probs:
            likelihood = log_probs(
                means, self._stds, continuous, logits, allowed, discrete, self._branches
            )
        return Decision(Actions(sent, discrete), continuous, discrete, likelihood)


def mirror(network: ActorCritic) -> MLP:
    """The policy part of a network as NumPy arrays."""
    inputs, body, heads = network.inputs, network.actor_body, network.action_heads
    head = [_dense(layer) for layer in (heads.means, heads.logits) if layer is not None]
    scale = None
    if inputs.normalizer is not None:
        variance = _array(inputs.normalizer.variance_sum) / np.float32(inputs.normalizer.rows)
        scale = (_array(inputs.normalizer.mean), np.sqrt(variance))
    hyper = body.hyper and Hyper(
        encoder=tuple(_dense(layer) for layer in body.hyper.encoder),
        epsilon=LAYER_NORM_EPSILON,
        kernels=_array(body.hyper.kernels),
        dense=Dense(_array(body.hyper.kernel_bias), _array(body.hyper.bias)),
    )
    return MLP(
        order=tuple(inputs.order),
        goal_size=inputs.goal_size,
        scale=scale,
        clip=CLIP,
        layers=tuple(_dense(layer) for layer in body.dense),
        hyper=hyper,
        head=Dense(
            np.concatenate([dense.kernel for dense in head], axis=1),
            np.concatenate([dense.bias for dense in head]),
        ),
    )


def _dense(layer: keras.layers.Dense) -> Dense:
    return Dense(_array(layer.kernel), _array(layer.bias))


def _array(variable: keras.Variable) -> FloatArray:
    # a copy: the mirror keeps its weights while the network trains on
    return np.array(variable.numpy(), np.float32)
