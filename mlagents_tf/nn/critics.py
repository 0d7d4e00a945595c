"""Policies with what values them: PPO's actor-critic, SAC's soft actor-critic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape, draw_seeds, make_body
from mlagents_tf.nn.distributions import ActionDistribution
from mlagents_tf.nn.inputs import Seen
from mlagents_tf.nn.memory import Recall
from mlagents_tf.nn.policies import Policy
from mlagents_tf.specs import ActionSpec, Spec


class ValueHeads(keras.layers.Layer):
    """`num_options` numbers per reward signal, on one encoding."""

    def __init__(
        self,
        input_size: int,
        num_signals: int,
        seed: int,
        num_options: int = 1,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = (num_signals, num_options)
        # each signal's head is drawn as if it were alone
        bound = (6.0 / (input_size + num_options)) ** 0.5
        self.dense = keras.layers.Dense(
            num_signals * num_options,
            kernel_initializer=keras.initializers.RandomUniform(-bound, bound, seed),
            name="values",
        )
        self.dense.build((None, input_size))
        self.built = True

    def call(self, encoding: tf.Tensor) -> tf.Tensor:
        """[N, H] -> [S, N, options]."""
        return tf.transpose(tf.reshape(self.dense(encoding), (-1, *self.sizes)), (1, 0, 2))


class ActorCritic(keras.layers.Layer):
    """PPO's policy, and a value for each reward signal.

    Actor and critic have bodies of their own unless `shared_critic`; the normaliser is one, since
    both would see the same rows.

    Args:
        spec: observations and actions.
        num_signals: value heads.
        shape: sizes and switches.
        rng: draws the seeds of all initial weights.
        shared_critic: one body for actor and critic.

    Attributes:
        memory_size: numbers that both bodies remember of an agent, first the policy's.
    """

    def __init__(
        self,
        spec: Spec,
        num_signals: int,
        shape: NetworkShape,
        rng: np.random.Generator,
        shared_critic: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        n = shape.seeds_per_body
        seeds = draw_seeds(rng, 2 * n + 3)
        of_actor, of_critic, of_heads = seeds[:n], seeds[n : 2 * n], seeds[2 * n :]
        self.policy = Policy(spec, shape, tanh=False, seeds=of_actor + of_heads[:2])
        self.critic_body = (
            self.policy.body
            if shared_critic
            else make_body(self.policy.inputs, shape, of_critic, "critic")
        )
        self.memory_size = self.policy.memory_size + (
            0 if shared_critic else self.critic_body.memory_size
        )
        size = self.critic_body.output_size
        self.value_heads = ValueHeads(size, num_signals, of_heads[2], name="value_heads")
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        parts = self.policy.parts()
        if self.critic_body is not self.policy.body:
            parts["critic"] = self.critic_body
        return parts | {"value_heads": self.value_heads}

    def distribution_and_values(
        self,
        obs: Sequence[tf.Tensor],
        allowed: tf.Tensor | None,
        recall: Recall | None = None,
    ) -> tuple[ActionDistribution, tf.Tensor]:
        """What is done, and what it is worth.

        Args:
            obs: tuple of [N, *obs_k].
            allowed: [N, sum of branch sizes] bool; None = everything.
            recall: of both bodies, where they have memories.

        Returns:
            A distribution, and values [S, N].
        """
        seen = self.policy.inputs(obs)
        size = self.policy.memory_size
        encoding = self.policy.body(seen, recall=recall and recall.part(slice(size)))
        distribution = self.policy.distribution(encoding, allowed)
        if self.critic_body is not self.policy.body:
            encoding = self.critic_body(seen, recall=recall and recall.part(slice(size, None)))
        return distribution, self.value_heads(encoding)[..., 0]


class Valued(NamedTuple):
    """What a critic makes of N rows.

    Attributes:
        values: [S, N, options].
        before: [N, M] its memories before each row; constants to gradients.
        after: [N, M] its memories behind each row; constants to gradients.
    """

    values: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor


class Critic(keras.layers.Layer):
    """Values of states, or of states and continuous actions, with a body of their own.

    Args:
        policy: whose inputs are valued.
        shape: sizes and switches.
        num_signals: value heads.
        seeds: `shape.seeds_per_body + 1`, of the initial weights.
        actions: what is valued with the states: continuous actions are inputs, and every option
            of a discrete branch has an output; None values states alone.
    """

    def __init__(
        self,
        policy: Policy,
        shape: NetworkShape,
        num_signals: int,
        seeds: Sequence[int],
        actions: ActionSpec | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        more = actions.continuous_size if actions else 0
        options = max(1, actions.num_discrete) if actions else 1
        self.body = make_body(policy.inputs, shape, seeds[:-1], "body", more)
        self.heads = ValueHeads(
            self.body.output_size, num_signals, seeds[-1], options, name="heads"
        )
        self.built = True

    def call(
        self,
        seen: Seen,
        continuous: tf.Tensor | None = None,
        recall: Recall | None = None,
    ) -> tf.Tensor:
        """What N agents saw, actions [N, C] in the environment's scale -> [S, N, options]."""
        return self.remember(seen, continuous, recall).values

    def remember(self, seen: Seen, continuous: tf.Tensor | None, recall: Recall | None) -> Valued:
        """The same with memories, of no width where there are none; then `recall` is unused."""
        encoding, before, after = self.body.remember(seen, continuous, recall)
        return Valued(self.heads(encoding), before, after)


class EntropyCoefficients(keras.layers.Layer):
    """One for each discrete branch, then one for all continuous dimensions.

    They stand for Lagrange multipliers (Haarnoja et al. 2018b, eq. 17) that hold each part of the
    policy's entropy at its target: 0.2 ln n for a branch of n options, -C for C dimensions.

    Args:
        spec: actions.
        init_entcoef: first value of all.

    Attributes:
        targets: [J] entropies, constants.
        shares: [J] of each part in the policy's entropy bonus: Q averages over branches, so that
            each of D counts 1 / D; continuous dimensions count 1.
    """

    def __init__(self, spec: ActionSpec, init_entcoef: float, **kwargs: object) -> None:
        super().__init__(**kwargs)
        targets = [0.2 * math.log(options) for options in spec.discrete_branches]
        shares = [1.0 / len(targets) for _ in targets]
        if spec.continuous_size:
            targets.append(-float(spec.continuous_size))
            shares.append(1.0)
        self.targets = np.array(targets, np.float32)
        self.shares = np.array(shares, np.float32)
        self.logs = self.add_weight(
            shape=(len(targets),),
            initializer=keras.initializers.Constant(math.log(init_entcoef)),
            name="logs",
        )
        self.built = True

    @property
    def values(self) -> tf.Tensor:
        """[J] coefficients."""
        return tf.exp(tf.convert_to_tensor(self.logs))


class SoftActorCritic(keras.layers.Layer):
    """SAC's policy, two Q networks, what they bootstrap from, and the entropy coefficients.

    Args:
        spec: observations and actions.
        num_signals: value heads of each critic.
        shape: sizes and switches.
        rng: draws the seeds of all initial weights.
        q_target: bootstrap from slow copies of both Q networks (Haarnoja et al. 2018b) instead of
            the slow copy of a value network (2018a, and ML-Agents).
        init_entcoef: first value of all entropy coefficients.

    Attributes:
        qs: both Q networks.
        value: None with `q_target`.
        sources: what the targets follow: the value network or both Q networks.
        targets: slow copies of the sources, equal to them at first.
    """

    def __init__(
        self,
        spec: Spec,
        num_signals: int,
        shape: NetworkShape,
        rng: np.random.Generator,
        *,
        q_target: bool,
        init_entcoef: float,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        n = shape.seeds_per_body
        self.policy = policy = Policy(spec, shape, tanh=True, seeds=draw_seeds(rng, n + 3))
        of_q1, of_q2, of_value = (draw_seeds(rng, n + 1) for _ in range(3))

        def critic(name: str, seeds: Sequence[int], actions: ActionSpec | None) -> Critic:
            return Critic(policy, shape, num_signals, seeds, actions, name=name)

        self.q1 = critic("q1", of_q1, spec.actions)
        self.q2 = critic("q2", of_q2, spec.actions)
        self.qs = [self.q1, self.q2]
        self.value = None if q_target else critic("value", of_value, None)
        self.entropy_coefficients = EntropyCoefficients(
            spec.actions, init_entcoef, name="entropy_coefficients"
        )
        # from the same seeds the same weights come
        if self.value is None:
            self.sources = self.qs
            self.targets = [
                critic("target_q1", of_q1, spec.actions),
                critic("target_q2", of_q2, spec.actions),
            ]
        else:
            self.sources = [self.value]
            self.targets = [critic("target_value", of_value, None)]
        for target in self.targets:
            target.trainable = False
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        critics = [self.q1, self.q2, *([self.value] if self.value else []), *self.targets]
        return (
            self.policy.parts()
            | {critic.name: critic for critic in critics}
            | {"entropy_coefficients": self.entropy_coefficients}
        )

    @property
    def critic_variables(self) -> list[keras.Variable]:
        """Weights of all critics that are trained by gradients."""
        critics = [self.q1, self.q2, *([self.value] if self.value else [])]
        return [variable for critic in critics for variable in critic.trainable_variables]

    def follow(self, tau: float) -> None:
        """Moves every target weight by the share `tau` towards its source."""
        for target, source in zip(self.targets, self.sources, strict=True):
            for slow, fast in zip(target.weights, source.weights, strict=True):
                slow.assign(slow + tau * (fast - slow))
