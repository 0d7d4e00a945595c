"""What a group is worth, and what it would be worth whatever one of its agents did (MA-POCA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.attention import FAR_BELOW, NUM_HEADS, pooled, small_dense, split_heads
from mlagents_tf.nn.bodies import Body, NetworkShape, draw_seeds
from mlagents_tf.nn.conditioning import scaled_normal, standardized
from mlagents_tf.nn.critics import ValueHeads
from mlagents_tf.nn.inputs import ObservationInputs, Seen
from mlagents_tf.nn.policies import Policy
from mlagents_tf.ops.actions import action_vector
from mlagents_tf.specs import Spec
from mlagents_tf.steps import FloatArray

SEEDS = 10
"""Of a critic, beside one for each dense layer."""


class GroupValues(NamedTuple):
    """Of S signals, for G groups of up to n agents.

    Attributes:
        values: [S, G] of what all see.
        baselines: [S, G, n] of what an agent sees, and what its mates see and do.
    """

    values: tf.Tensor
    baselines: tf.Tensor


class GroupCritic(keras.layers.Layer):
    """Values and baselines by one network: residual attention over the agents of a group.

    Each agent is embedded twice, by what it sees, and by that with what it does. A value attends
    to the first embeddings of all; the baseline of an agent to its first and the second ones of
    its mates. So a group of n is looked at in n + 1 ways, and whatever does not depend on the
    way, embeddings and projections, is computed once for each agent.

    Args:
        inputs: what an agent sees.
        spec: what an agent sees and does.
        shape: sizes and switches. With memory, what each agent remembers is seen, too.
        num_signals: value heads.
        seeds: `SEEDS + shape.num_layers`, of the initial weights.
    """

    def __init__(
        self,
        inputs: ObservationInputs,
        spec: Spec,
        shape: NetworkShape,
        num_signals: int,
        seeds: Sequence[int],
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        width = -(-shape.hidden_units // NUM_HEADS) * NUM_HEADS
        eyes = shape._replace(num_layers=0, memory_size=0)
        self.encoder = Body(inputs, eyes, seeds[:3], shape.memory_size, name="encoder")
        size, actions = self.encoder.output_size, spec.actions
        acting = size + actions.continuous_size + actions.num_discrete
        self.seen = small_dense(size, seeds[3], "seen", "swish", width)
        self.acted = small_dense(acting, seeds[4], "acted", "swish", width)
        self.query, self.key, self.value, self.output_layer = (
            small_dense(width, seed, f"group_{name}", width=width)
            for name, seed in zip(("query", "key", "value", "output"), seeds[5:9], strict=True)
        )
        self.dense: list[keras.layers.Dense] = []
        size = width
        for i in range(shape.num_layers):
            dense = keras.layers.Dense(
                shape.hidden_units,
                activation="swish",
                kernel_initializer=scaled_normal(1.0, seeds[SEEDS + i]),
                name=f"dense_{i}",
            )
            dense.build((None, size))
            self.dense.append(dense)
            size = shape.hidden_units
        self.heads = ValueHeads(size + 1, num_signals, seeds[9], name="heads")
        self.largest = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="largest"
        )
        self.built = True

    def meet(self, present: tf.Tensor) -> None:
        """Remembers the largest group of those with agents where `present` [G, n] is 1."""
        count = tf.reduce_max(tf.reduce_sum(present, axis=1))
        self.largest.assign(tf.maximum(self.largest.value, count))

    def call(
        self, seen: Seen, memories: tf.Tensor, actions: tf.Tensor, present: tf.Tensor
    ) -> GroupValues:
        """What groups are worth.

        Args:
            seen: what G * n agents see, group by group.
            memories: [G * n, M] what they remember before they decide.
            actions: [G * n, A] what they do.
            present: [G, n] 1 where there is an agent.
        """
        n = present.shape[1]
        encoding = self.encoder(seen, memories)
        by_seeing = standardized(self.seen(encoding))
        by_acting = standardized(self.acted(tf.concat([encoding, actions], axis=-1)))
        width = by_seeing.shape[-1]
        one, other = (tf.reshape(x, (-1, 1, n, width)) for x in (by_seeing, by_acting))
        ways = tf.constant(_ways(n))[:, :, None]
        found = self._attended(tf.concat([one, other], axis=2)[:, 0], present)
        x = standardized(ways * one + (1.0 - ways) * other + found)
        x = tf.reshape(pooled(x, present[:, None]), (-1, width))
        for dense in self.dense:
            x = dense(x)
        largest = tf.convert_to_tensor(self.largest)
        count = 2.0 * tf.reduce_sum(present, axis=1, keepdims=True) / largest - 1.0
        counts = tf.repeat(count, n + 1, axis=0)
        values = self.heads(tf.concat([x, counts], axis=-1))[..., 0]
        values = tf.reshape(values, (values.shape[0], -1, n + 1))
        return GroupValues(values[..., n], values[..., :n])

    def _attended(self, embeddings: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
        """What each agent gathers from all that are present, in each way to look at a group.

        The output layer is linear, so values go through it before they are averaged: 2 n times
        for a group instead of (n + 1) n times.

        Args:
            embeddings: [G, 2 n, H] of n agents by what they see, then by that and what they do.
            present: [G, n] 1 where there is an agent.

        Returns:
            [G, n + 1, n, H].
        """
        n, width = present.shape[1], embeddings.shape[-1]
        flat = tf.reshape(embeddings, (-1, width))
        query, key, value = tf.split(_at_once(flat, self.query, self.key, self.value), 3, axis=-1)
        query, key = (split_heads(tf.reshape(x, (-1, 2 * n, width))) for x in (query, key))
        scores = tf.matmul(query, key, transpose_b=True) / width**0.5  # [G, heads, 2 n, 2 n]
        ways = tf.constant(_ways(n))
        one, other = tf.split(scores[:, :, None], 2, axis=3)
        scores = ways[..., None] * one + (1.0 - ways[..., None]) * other  # [..., n + 1, n, 2 n]
        counts = tf.concat([ways, 1.0 - ways], axis=1) * tf.tile(present, (1, 2))[:, None]
        weights = tf.nn.softmax(scores + FAR_BELOW * (1.0 - counts)[:, None, :, None])
        kernels = tf.split(tf.convert_to_tensor(self.output_layer.kernel), NUM_HEADS, axis=0)
        heads = zip(tf.split(value, NUM_HEADS, axis=-1), kernels, strict=True)
        values = tf.concat([tf.matmul(x, kernel) for x, kernel in heads], axis=-1)
        weights = tf.transpose(weights, (0, 2, 3, 4, 1))  # [G, n + 1, n, 2 n, heads]
        every = 2 * n * NUM_HEADS  # both embeddings of each agent, in each head
        found = tf.matmul(
            tf.reshape(weights, (-1, (n + 1) * n, every)), tf.reshape(values, (-1, every, width))
        )
        return tf.reshape(found + self.output_layer.bias, (-1, n + 1, n, width))


def _ways(n: int) -> FloatArray:
    """[n + 1, n] 1 where an agent counts by what it sees: from the place of each, from outside."""
    return np.concatenate([np.eye(n), np.ones((1, n))]).astype(np.float32)


def _at_once(x: tf.Tensor, *layers: keras.layers.Dense) -> tf.Tensor:
    """[N, X] -> [N, sum of units] of linear layers side by side, as one matrix product."""
    kernels, biases = (
        [tf.convert_to_tensor(getattr(layer, name)) for layer in layers]
        for name in ("kernel", "bias")
    )
    return tf.matmul(x, tf.concat(kernels, axis=1)) + tf.concat(biases, axis=0)


class GroupActorCritic(keras.layers.Layer):
    """A policy for each agent by itself, and a critic that sees its whole group.

    Args:
        spec: observations and actions.
        num_signals: value heads.
        shape: sizes and switches.
        rng: draws the seeds of all initial weights.

    Attributes:
        memory_size: numbers that the policy remembers of an agent. The critic reads them and has
            no memory of its own.
    """

    def __init__(
        self,
        spec: Spec,
        num_signals: int,
        shape: NetworkShape,
        rng: np.random.Generator,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        seeds = draw_seeds(rng, shape.seeds_per_body + 2)
        of_critic = draw_seeds(rng, SEEDS + shape.num_layers)
        self.policy = Policy(spec, shape, tanh=False, seeds=seeds)
        self.memory_size = self.policy.memory_size
        self.critic = GroupCritic(
            self.policy.inputs, spec, shape, num_signals, of_critic, name="group_critic"
        )
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        return self.policy.parts() | {"group_critic": self.critic}

    def actions(self, continuous: tf.Tensor, discrete: tf.Tensor) -> tf.Tensor:
        """[N, C] as drawn, [N, D] -> [N, A] in the environment's scale."""
        branches = self.policy.spec.actions.discrete_branches
        return action_vector(self.policy.squashed(continuous), discrete, branches)
