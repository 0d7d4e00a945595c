"""Actor and critic of a behavior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.bodies import Body, VectorInputs
from mlagents_tf.nn.conditioning import scaled_normal
from mlagents_tf.nn.distributions import ActionDistribution, masked_logits
from mlagents_tf.specs import ActionSpec, Spec

ACTION_CLIP = 3.0
"""A Gaussian policy's action of ±3 is the environment's ±1, as in ML-Agents."""


class ActionHeads(keras.layers.Layer):
    """Mean and state-independent deviation of continuous actions, logits of discrete ones."""

    def __init__(
        self, input_size: int, spec: ActionSpec, seeds: Sequence[int], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.means = _head(input_size, spec.continuous_size, 0.2, seeds[0], "means")
        self.logits = _head(input_size, spec.num_discrete, 0.1, seeds[1], "logits")
        self._log_stds = (
            self.add_weight(shape=(spec.continuous_size,), initializer="zeros", name="log_stds")
            if spec.continuous_size
            else None
        )
        self.built = True

    @property
    def log_stds(self) -> tf.Tensor:
        """[C] logarithms of the continuous actions' standard deviations."""
        return tf.zeros([0]) if self._log_stds is None else tf.convert_to_tensor(self._log_stds)

    def call(self, encoding: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[..., H] -> means [..., C], logits [..., sum of branch sizes]."""
        nothing = encoding[..., :0]
        return (
            nothing if self.means is None else self.means(encoding),
            nothing if self.logits is None else self.logits(encoding),
        )


def _head(
    input_size: int, units: int, gain: float, seed: int, name: str
) -> keras.layers.Dense | None:
    """A linear layer of `units`, or None where there is nothing to put out."""
    if not units:
        return None
    dense = keras.layers.Dense(units, kernel_initializer=scaled_normal(gain, seed), name=name)
    dense.build((None, input_size))
    return dense


class ValueHeads(keras.layers.Layer):
    """One scalar value per reward signal, on one encoding."""

    def __init__(self, input_size: int, num_signals: int, seed: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(
            num_signals, kernel_initializer=keras.initializers.GlorotUniform(seed), name="values"
        )
        self.dense.build((None, input_size))
        self.built = True

    def call(self, encoding: tf.Tensor) -> tf.Tensor:
        """[N, H] -> [S, N]."""
        return tf.transpose(self.dense(encoding))


class NetworkShape(NamedTuple):
    """Sizes and switches of an ActorCritic; the keys of `network_settings` with the same names.

    Attributes:
        hidden_units: width of each body.
        num_layers: depth of each body.
        normalize: whether vector observations are scaled by running statistics.
        separate_goals: whether goal signals make the weights of the last layer
            (`goal_conditioning_type: hyper`) instead of being inputs like others.
        shared_critic: one body for actor and critic.
    """

    hidden_units: int = 128
    num_layers: int = 2
    normalize: bool = False
    separate_goals: bool = True
    shared_critic: bool = False


class ActorCritic(keras.layers.Layer):
    """A Gaussian and categorical policy, and a value for each reward signal.

    Actor and critic have bodies of their own unless `shared_critic`; the normaliser is one, since
    both would see the same rows.

    Args:
        spec: observations and actions.
        num_signals: value heads.
        shape: sizes and switches.
        rng: draws the seeds of all initial weights.
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
        self.spec = spec
        per_body = shape.num_layers + 2
        seeds = [int(seed) for seed in rng.integers(0, 2**31, 2 * per_body + 3)]
        self.inputs = VectorInputs(spec, shape.normalize, shape.separate_goals, name="inputs")
        sizes = (self.inputs.size, self.inputs.goal_size, shape.hidden_units, shape.num_layers)
        self.actor_body = Body(*sizes, seeds[:per_body], name="actor")
        self.critic_body = (
            self.actor_body
            if shape.shared_critic
            else Body(*sizes, seeds[per_body : 2 * per_body], name="critic")
        )
        size = self.actor_body.output_size
        self.action_heads = ActionHeads(size, spec.actions, seeds[-3:-1], name="action_heads")
        self.value_heads = ValueHeads(size, num_signals, seeds[-1], name="value_heads")
        self.built = True

    def named_weights(self) -> dict[str, keras.Variable]:
        """Every weight under a name that is unique and stays the same from run to run."""
        parts: dict[str, keras.layers.Layer] = {
            "inputs": self.inputs,
            "actor": self.actor_body,
            "critic": self.critic_body,
            "action_heads": self.action_heads,
            "value_heads": self.value_heads,
        }
        if self.critic_body is self.actor_body:
            del parts["critic"]
        return {
            f"{name}/{weight.path}": weight
            for name, part in parts.items()
            for weight in part.weights
        }

    def action_outputs(self, obs: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Tuple of [N, *obs_k] -> means [N, C] and logits [N, sum of branch sizes], unmasked."""
        return self.action_heads(self.actor_body(*self.inputs(obs)))

    def distribution_and_values(
        self, obs: Sequence[tf.Tensor], allowed: tf.Tensor | None
    ) -> tuple[ActionDistribution, tf.Tensor]:
        """Tuple of [N, *obs_k], [N, sum of branch sizes] bool -> distribution, values [S, N]."""
        inputs = self.inputs(obs)
        encoding = self.actor_body(*inputs)
        shared = self.critic_body is self.actor_body
        means, logits = self.action_heads(encoding)
        if allowed is not None:
            logits = masked_logits(logits, allowed)
        distribution = ActionDistribution(
            self.spec.actions, means, self.action_heads.log_stds, logits
        )
        return distribution, self.value_heads(encoding if shared else self.critic_body(*inputs))


def squashed(continuous: tf.Tensor) -> tf.Tensor:
    """A Gaussian policy's actions [..., C] as the environment takes them, in [-1, 1]."""
    return tf.clip_by_value(continuous, -ACTION_CLIP, ACTION_CLIP) / ACTION_CLIP
