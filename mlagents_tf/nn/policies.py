"""The policy of a behavior: what acts, and what is exported."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape, make_body
from mlagents_tf.nn.conditioning import scaled_normal
from mlagents_tf.nn.distributions import ActionDistribution, masked_logits
from mlagents_tf.nn.inputs import ObservationInputs
from mlagents_tf.nn.memory import each_alone
from mlagents_tf.nn.weights import packed_together
from mlagents_tf.specs import ActionSpec, Spec

ACTION_CLIP = 3.0
"""PPO's action of ±3 is the environment's ±1, as in ML-Agents."""

LOG_STD_RANGE = (-20.0, 2.0)
"""Bounds of logarithms of standard deviations that a network puts out."""


class ActionHeads(keras.layers.Layer):
    """Mean and deviation of continuous actions, logits of discrete ones.

    Args:
        input_size: width of the encoding.
        spec: actions.
        tanh: deviations depend on the encoding; otherwise they are weights of their own.
        seeds: of the initial weights of means and logits, and with `tanh` of deviations.
    """

    def __init__(
        self, input_size: int, spec: ActionSpec, tanh: bool, seeds: Sequence[int], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        size = spec.continuous_size
        self.means = _head(input_size, size, 0.2, seeds[0], "means")
        self.logits = _head(input_size, spec.num_discrete, 0.1, seeds[1], "logits")
        self.log_stds_of = _head(input_size, size, 0.2, seeds[2], "log_stds_of") if tanh else None
        self.log_stds = (
            self.add_weight(shape=(size,), initializer="zeros", name="log_stds")
            if size and not tanh
            else None
        )
        self.built = True

    def call(self, encoding: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """[N, H] -> means [N, C], log_stds [N, C] or [C], logits [N, sum of branch sizes]."""
        log_stds = nothing = encoding[..., :0]
        if self.log_stds is not None:
            log_stds = tf.convert_to_tensor(self.log_stds)
        elif self.log_stds_of is not None:
            log_stds = tf.clip_by_value(self.log_stds_of(encoding), *LOG_STD_RANGE)
        return (
            nothing if self.means is None else self.means(encoding),
            log_stds,
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


class Policy(keras.layers.Layer):
    """A Gaussian over continuous dimensions and a categorical for each discrete branch.

    Args:
        spec: observations and actions.
        shape: sizes and switches.
        tanh: SAC's kind, whose Gaussian goes through tanh and has a deviation for each
            observation; otherwise PPO's, which is clipped and whose deviation is a weight.
        seeds: `shape.seeds_per_body` for the body, then those of the heads.

    Attributes:
        memory_size: M, numbers that it remembers of each agent; 0 for no memory.
    """

    def __init__(
        self, spec: Spec, shape: NetworkShape, tanh: bool, seeds: Sequence[int], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.tanh = tanh
        self.inputs = ObservationInputs(spec, shape.normalize, shape.separate_goals, name="inputs")
        self.body = make_body(self.inputs, shape, seeds, name="actor")
        of_heads = seeds[shape.seeds_per_body :]
        self.heads = ActionHeads(
            self.body.output_size, spec.actions, tanh, of_heads, name="action_heads"
        )
        self.memory_size = self.body.memory_size
        self.built = True

    def call(
        self, obs: Sequence[tf.Tensor], memories: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """One decision of each of N agents.

        Args:
            obs: tuple of [N, *obs_k].
            memories: [N, M] before it, for a policy with memory.

        Returns:
            Means, log_stds and unmasked logits as `ActionHeads` has them; [N, M] memories.
        """
        recall = each_alone(memories) if self.memory_size else None
        remembered = self.body.remember(self.inputs(obs), recall=recall)
        return *self.heads(remembered.encoding), remembered.after

    def distribution(self, encoding: tf.Tensor, allowed: tf.Tensor | None) -> ActionDistribution:
        """[N, H] from the body, [N, sum of branch sizes] bool -> distribution over actions."""
        means, log_stds, logits = self.heads(encoding)
        if allowed is not None:
            logits = masked_logits(logits, allowed)
        return ActionDistribution(self.spec.actions, means, log_stds, logits)

    def squashed(self, continuous: tf.Tensor) -> tf.Tensor:
        """[..., C] as drawn from the Gaussian -> as the environment takes them, in [-1, 1]."""
        if self.tanh:
            return tf.tanh(continuous)
        return tf.clip_by_value(continuous, -ACTION_CLIP, ACTION_CLIP) / ACTION_CLIP

    def packed_weights(self) -> tf.Tensor:
        """All weights side by side as float32, in the order of `weights`."""
        return packed_together(self.weights)

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        return {"inputs": self.inputs, "actor": self.body, "action_heads": self.heads}
