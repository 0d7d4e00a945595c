"""What a group is worth, and what it would be worth whatever one of its agents did (MA-POCA)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.attention import NUM_HEADS, gathered, pooled, small_dense
from mlagents_tf.nn.bodies import Body, NetworkShape, draw_seeds
from mlagents_tf.nn.conditioning import scaled_normal, standardized
from mlagents_tf.nn.critics import ValueHeads
from mlagents_tf.nn.inputs import ObservationInputs, Seen
from mlagents_tf.nn.policies import Policy
from mlagents_tf.ops.actions import action_vector
from mlagents_tf.specs import Spec

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
        shape: sizes and switches; it has no memory.
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
        self.encoder = Body(inputs, eyes, seeds[:3], name="encoder")
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

    def call(self, seen: Seen, actions: tf.Tensor, present: tf.Tensor) -> GroupValues:
        """What groups are worth.

        Args:
            seen: what G * n agents see, group by group.
            actions: [G * n, A] what they do.
            present: [G, n] 1 where there is an agent.
        """
        n = present.shape[1]
        encoding = self.encoder(seen)
        views = tf.concat([tf.eye(n), tf.ones([1, n])], axis=0)[None, :, :, None]  # 1: as seen
        by_seeing = standardized(self.seen(encoding))
        by_acting = standardized(self.acted(tf.concat([encoding, actions], axis=-1)))

        def viewed(layer: keras.layers.Dense | None) -> tf.Tensor:
            """[G * (n + 1), n, H] of all agents, from the place of each and from outside."""
            one, other = (
                tf.reshape(x if layer is None else layer(x), (-1, 1, n, x.shape[-1]))
                for x in (by_seeing, by_acting)
            )
            return tf.reshape(views * one + (1.0 - views) * other, (-1, n, one.shape[-1]))

        mask = tf.repeat(present, n + 1, axis=0)
        found = gathered(viewed(self.query), viewed(self.key), viewed(self.value), mask)
        x = pooled(standardized(viewed(None) + self.output_layer(found)), mask)
        for dense in self.dense:
            x = dense(x)
        count = (
            2.0 * tf.reduce_sum(mask, axis=1, keepdims=True) / tf.convert_to_tensor(self.largest)
            - 1.0
        )
        values = self.heads(tf.concat([x, count], axis=-1))[..., 0]
        values = tf.reshape(values, (values.shape[0], -1, n + 1))
        return GroupValues(values[..., n], values[..., :n])


class GroupActorCritic(keras.layers.Layer):
    """A policy for each agent by itself, and a critic that sees its whole group.

    Args:
        spec: observations and actions.
        num_signals: value heads.
        shape: sizes and switches; it has no memory.
        rng: draws the seeds of all initial weights.
    """

    memory_size = 0

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
