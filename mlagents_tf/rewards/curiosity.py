"""Intrinsic curiosity (Pathak et al. 2017): what cannot be foreseen is interesting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape, draw_seeds, make_body, network_shape
from mlagents_tf.nn.conditioning import scaled_normal
from mlagents_tf.nn.inputs import ObservationInputs
from mlagents_tf.ops.actions import action_vector
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.rewards.learned import LearnedReward, SignalNetwork
from mlagents_tf.rewards.signal import Transitions
from mlagents_tf.settings.rewards import CuriositySettings
from mlagents_tf.specs import Spec

HIDDEN_UNITS = 256
"""Of the layer between encodings and predictions, whatever network_settings say."""

FORWARD_SHARE, LOSS_SCALE = 0.2, 10.0
"""beta of Pathak et al., eq. 7, and ML-Agents' factor of the whole."""

MOST_REWARD = 1.0
"""Scaled rewards are cut off here, so that a forward model that fails cannot drown the task."""


class Foresight(NamedTuple):
    """What a curious agent thinks of N transitions.

    Attributes:
        surprise: [N] half the squared distance of the next encoding from what was expected.
        mistake: [N] error of telling the action from both encodings.
    """

    surprise: tf.Tensor
    mistake: tf.Tensor


class ForwardInverse(SignalNetwork):
    """An encoder of observations; a model of the next encoding, and one of the action between.

    Args:
        spec: observations and actions.
        shape: of the encoder.
        rng: draws the seeds of initial weights.
    """

    def __init__(
        self, spec: Spec, shape: NetworkShape, rng: np.random.Generator, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.actions = spec.actions
        self.inputs = ObservationInputs(spec, shape.normalize, shape.separate_goals, name="inputs")
        encoder_seeds = draw_seeds(rng, shape.seeds_per_body)
        self.encoder = make_body(self.inputs, shape, encoder_seeds, "encoder")
        width, size = self.encoder.output_size, spec.actions.vector_size
        seeds = draw_seeds(rng, 4)
        self.inverse = _perceptron(2 * width, size, seeds[:2], "inverse")
        self.forward = _perceptron(width + size, width, seeds[2:], "forward")
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        layers = (*self.inverse, *self.forward)
        return {
            "inputs": self.inputs,
            "encoder": self.encoder,
            **{layer.name: layer for layer in layers},
        }

    def call(self, transitions: Transitions) -> Foresight:
        """Surprise and mistake, with gradients into the encodings of both observations."""
        now, following = tf.split(self._encodings(transitions), 2)
        taken = action_vector(
            transitions.continuous, transitions.discrete, self.actions.discrete_branches
        )
        foreseen = _through(self.forward, tf.concat([now, taken], axis=-1))
        told = _through(self.inverse, tf.concat([now, following], axis=-1))
        surprise = 0.5 * tf.reduce_sum(tf.math.squared_difference(foreseen, following), axis=-1)
        return Foresight(surprise, self._mistake(told, transitions))

    def _encodings(self, transitions: Transitions) -> tf.Tensor:
        """[2 N, H] of the observations, then of the next ones: in one go, which is faster."""
        pairs = zip(transitions.obs, transitions.next_obs, strict=True)
        return self.encoder(self.inputs([tf.concat(pair, axis=0) for pair in pairs]))

    def _mistake(self, told: tf.Tensor, transitions: Transitions) -> tf.Tensor:
        """[N] squared error of continuous dimensions plus cross-entropy of branches."""
        size = self.actions.continuous_size
        errors = tf.math.squared_difference(told[:, :size], transitions.continuous)
        mistake = tf.reduce_sum(errors, axis=-1)
        for branch, options in enumerate(self.actions.branch_slices()):
            logits = told[:, size + options.start : size + options.stop]
            mistake += tf.nn.sparse_softmax_cross_entropy_with_logits(
                transitions.discrete[:, branch], logits
            )
        return mistake


class CuriosityReward(LearnedReward[ForwardInverse]):
    """Pays for what the forward model did not foresee."""

    goes_on_after_the_end = True
    tags = ("Losses/Curiosity Forward Loss", "Losses/Curiosity Inverse Loss")

    def make_network(
        self, settings: CuriositySettings, spec: Spec, rng: np.random.Generator
    ) -> ForwardInverse:
        return ForwardInverse(spec, network_shape(settings.network_settings), rng)

    def rewards(self, transitions: Transitions) -> tf.Tensor:
        """[N] scaled surprise, at most MOST_REWARD."""
        scaled = self.strength * self.network(transitions).surprise
        return self.has_learned * tf.minimum(scaled, MOST_REWARD)

    def loss(self, transitions: Transitions, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        self.network.inputs.observe(transitions.obs, transitions.mask)
        foresight = self.network(transitions)
        forward = masked_mean(foresight.surprise, transitions.mask)
        inverse = masked_mean(foresight.mistake, transitions.mask)
        loss = LOSS_SCALE * (FORWARD_SHARE * forward + (1.0 - FORWARD_SHARE) * inverse)
        return loss, [forward, inverse]


def _perceptron(
    input_size: int, output_size: int, seeds: Sequence[int], name: str
) -> list[keras.layers.Dense]:
    """A swish layer and a linear one."""
    hidden = keras.layers.Dense(
        HIDDEN_UNITS,
        activation="swish",
        kernel_initializer=scaled_normal(1.0, seeds[0]),
        name=f"{name}_hidden",
    )
    output = keras.layers.Dense(
        output_size, kernel_initializer=scaled_normal(1.0, seeds[1]), name=f"{name}_output"
    )
    hidden.build((None, input_size))
    output.build((None, HIDDEN_UNITS))
    return [hidden, output]


def _through(layers: Sequence[keras.layers.Dense], x: tf.Tensor) -> tf.Tensor:
    for layer in layers:
        x = layer(x)
    return x
