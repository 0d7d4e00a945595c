"""Decides for agents, fast at one agent and at thousands."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.mlp import LSTM, MLP, Dense, Hyper
from mlagents_tf.data.sampling import log_probs, sample_branches, sample_gaussian
from mlagents_tf.nn.bodies import Body
from mlagents_tf.nn.conditioning import LAYER_NORM_EPSILON
from mlagents_tf.nn.inputs import ObservationInputs
from mlagents_tf.nn.memory import each_alone
from mlagents_tf.nn.normalizer import CLIP
from mlagents_tf.nn.policies import ACTION_CLIP, LOG_STD_RANGE, Policy
from mlagents_tf.nn.weights import packed_together
from mlagents_tf.steps import Actions, BoolArray, FloatArray

MIRROR_LIMIT = 40_000_000
"""Multiplications up to which NumPy beats a TensorFlow call (measured, docs/benchmarks)."""


class Decision(NamedTuple):
    """What was drawn for N agents.

    Attributes:
        actions: as the environment takes them.
        continuous: [N, C] as drawn from the Gaussian, before they are squashed.
        discrete: [N, D] int32.
        memories: [N, M] behind the decision.
        log_probs: [N] of what was drawn, if asked for; training computes its own in the update.
    """

    actions: Actions
    continuous: FloatArray
    discrete: NDArray[np.int32]
    memories: FloatArray
    log_probs: FloatArray | None


class Outputs(NamedTuple):
    """What a policy puts out for N agents.

    Attributes:
        means: [N, C].
        stds: [N, C] or [C] deviations.
        logits: [N, sum of branch sizes], unmasked.
        memories: [N, M] behind the decision.
    """

    means: FloatArray
    stds: FloatArray
    logits: FloatArray
    memories: FloatArray


class Actor:
    """Acts with the weights that a policy had at the last `refresh`.

    Args:
        policy: decides.
        deterministic: the likeliest action instead of a draw.
        critic: a body of the same inputs whose memory goes with the policy's: an update starts
            from it, too. None where there is none, or it remembers nothing.
        apart: acts on copies of the weights alone, so that an update may change them meanwhile.

    Attributes:
        memory_size: M, numbers to be remembered of each agent: the policy's, then the critic's.
    """

    def __init__(
        self,
        policy: Policy,
        deterministic: bool = False,
        critic: Body | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self.policy = policy
        self.spec = policy.spec
        self.deterministic = deterministic
        self._critic = critic if critic is not None and critic.memory_size else None
        bodies = [policy.body, *([self._critic] if self._critic else [])]
        self.memory_size = sum(body.memory_size for body in bodies)
        self._branches = self.spec.actions.branch_slices()
        self._weights = Weights([*policy.weights, *(self._critic.weights if self._critic else [])])
        self._apart = apart
        self._copies: tuple[tf.Tensor, ...] = ()  # for the graph, which else reads the variables
        # convolutions are faster without XLA, see compiled.suits_xla
        self._graph = tf.function(
            self._outputs, jit_compile=not policy.inputs.image_shapes, autograph=False
        )
        self.refresh()

    def refresh(self, packed: FloatArray | None = None) -> None:
        """Takes over the present weights; `Policy.packed_weights` if they are at hand."""
        self._weights.packed[:] = self._weights.now() if packed is None else packed
        self._copies = ()
        self._mlps = mirrors(self.policy, self._critic, self._weights)
        log_stds = self.policy.heads.log_stds
        # [C] where they are weights; [0] where they are outputs, or there is nothing to draw
        self._stds = (
            np.zeros(0, np.float32) if log_stds is None else np.exp(self._weights[log_stds])
        )

    def outputs(self, obs: tuple[NDArray[Any], ...], memories: FloatArray | None = None) -> Outputs:
        """What the policy puts out for agents that see `obs` (tuple of [N, *obs_k]).

        Args:
            memories: [N, M] before the decision; None is nothing remembered.
        """
        n, size = len(obs[0]), self.spec.actions.continuous_size
        if memories is None:
            memories = np.zeros((n, self.memory_size), np.float32)
        if self._mlps and n * sum(mlp.num_weights for mlp in self._mlps) <= MIRROR_LIMIT:
            outputs, memories = self._mirrored(obs, memories)
            if not self.policy.tanh:
                return Outputs(outputs[:, :size], self._stds, outputs[:, size:], memories)
            log_stds = np.clip(outputs[:, size : 2 * size], *LOG_STD_RANGE)
            return Outputs(outputs[:, :size], np.exp(log_stds), outputs[:, 2 * size :], memories)
        padding = -n % max(1, 1 << ((n - 1).bit_length() - 2)) if n > 2 else 0
        padded = [np.pad(x, [(0, padding)] + [(0, 0)] * (x.ndim - 1)) for x in (*obs, memories)]
        *seen, memories = map(tf.convert_to_tensor, padded)
        if self._apart and not self._copies:
            self._copies = self._weights.tensors()
        found = (x.numpy() for x in self._graph(tuple(seen), memories, self._copies))
        means, log_stds, logits, memories = found
        stds = np.exp(log_stds[:n]) if self.policy.tanh else self._stds
        return Outputs(means[:n], stds, logits[:n], memories[:n])

    def _mirrored(
        self, obs: tuple[NDArray[Any], ...], memories: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Outputs of the policy side by side, and memories behind the decision."""
        if len(self._mlps) == 1:
            return self._mlps[0](obs, memories)
        size = self.policy.memory_size
        outputs, own = self._mlps[0](obs, memories[:, :size])
        _, of_critic = self._mlps[1](obs, memories[:, size:])
        return outputs, np.concatenate([own, of_critic], axis=1)

    def _outputs(
        self, obs: tuple[tf.Tensor, ...], memories: tf.Tensor, weights: tuple[tf.Tensor, ...]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Of `_of_both`, with `weights` in place of the variables if there are any."""
        if not weights:
            return self._of_both(obs, memories)
        with keras.StatelessScope(list(zip(self._weights.variables, weights, strict=True))):
            return self._of_both(obs, memories)

    def _of_both(
        self, obs: tuple[tf.Tensor, ...], memories: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Of `Policy.call`, with the memories of both bodies."""
        size = self.policy.memory_size
        means, log_stds, logits, after = self.policy.call(obs, memories[:, :size])
        if self._critic is not None:
            recall = each_alone(memories[:, size:])
            _, _, of_critic = self._critic.remember(self.policy.inputs(obs), recall=recall)
            after = tf.concat([after, of_critic], axis=1)
        return means, log_stds, logits, after

    def decide(
        self,
        obs: tuple[NDArray[Any], ...],
        allowed: BoolArray | None,
        rng: np.random.Generator,
        memories: FloatArray | None = None,
        with_log_probs: bool = False,
    ) -> Decision:
        """Actions for agents.

        Args:
            obs: tuple of [N, *obs_k], what they see.
            allowed: [N, sum of branch sizes] bool, what they may do; None = everything.
            rng: draws.
            memories: [N, M] what they remember; None is nothing.
            with_log_probs: whether log-probabilities are asked for.
        """
        means, stds, logits, memories = self.outputs(obs, memories)
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
        return Decision(Actions(sent, discrete), continuous, discrete, memories, likelihood)

    def _squashed(self, continuous: FloatArray) -> FloatArray:
        """What `Policy.squashed` does, in NumPy."""
        if self.policy.tanh:
            return np.tanh(continuous)
        sent: FloatArray = np.minimum(np.maximum(continuous, -ACTION_CLIP), ACTION_CLIP)
        sent /= np.float32(ACTION_CLIP)
        return sent


class Weights:
    """Arrays of variables, as views of all of them packed side by side.

    Attributes:
        variables: whose arrays they are.
        packed: like `Policy.packed_weights`; to be filled.
    """

    def __init__(self, variables: Sequence[keras.Variable]) -> None:
        self.variables = variables
        sizes = [math.prod(variable.shape) for variable in variables]
        self.packed = np.zeros(sum(sizes), np.float32)
        parts = np.split(self.packed, list(itertools.accumulate(sizes))[:-1])
        self._arrays = {
            id(variable): part.reshape(variable.shape)
            for variable, part in zip(variables, parts, strict=True)
        }

    def __getitem__(self, variable: keras.Variable) -> FloatArray:
        return self._arrays[id(variable)]

    def now(self) -> tf.Tensor:
        """What `packed` would be with the present values."""
        return packed_together(self.variables)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Copies of the arrays, in the order of the variables."""
        return tuple(tf.constant(self[variable].copy()) for variable in self.variables)

    def dense(self, layer: keras.layers.Dense) -> Dense:
        """Kernel and bias of a layer."""
        return Dense(self[layer.kernel], self[layer.bias])


def has_mirror(policy: Policy) -> bool:
    """Whether NumPy can do what the policy does: where there are vectors only."""
    return not policy.inputs.image_shapes and not policy.inputs.entity_shapes


def mirrors(policy: Policy, critic: Body | None, weights: Weights) -> list[MLP]:
    """A policy as NumPy arrays, and the body of a critic; none where NumPy cannot do the same.

    The policy's head puts out what `ActionHeads` does, side by side.
    """
    if not has_mirror(policy):
        return []
    layers = (policy.heads.means, policy.heads.log_stds_of, policy.heads.logits)
    heads = [weights.dense(layer) for layer in layers if layer is not None]
    head = Dense(
        np.concatenate([dense.kernel for dense in heads], axis=1),
        np.concatenate([dense.bias for dense in heads]),
    )
    inputs = policy.inputs
    bodies = [_mirror(inputs, policy.body, head, weights)]
    return bodies if critic is None else [*bodies, _mirror(inputs, critic, None, weights)]


def _mirror(inputs: ObservationInputs, body: Body, head: Dense | None, weights: Weights) -> MLP:
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
    lstm = body.lstm and LSTM(
        kernel=weights[body.lstm.kernel],
        recurrent_kernel=weights[body.lstm.recurrent_kernel],
        bias=weights[body.lstm.bias],
    )
    return MLP(
        order=tuple(inputs.order),
        goal_size=inputs.goal_size,
        scale=scale,
        clip=CLIP,
        layers=tuple(weights.dense(layer) for layer in body.dense),
        hyper=hyper,
        lstm=lstm,
        head=head,
    )
