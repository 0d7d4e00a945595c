"""Random network distillation (Burda et al. 2019): what is new is what cannot be predicted."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape, draw_seeds, make_body, network_shape
from mlagents_tf.nn.inputs import ObservationInputs
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.rewards.learned import LearnedReward, SignalNetwork
from mlagents_tf.rewards.signal import Transitions
from mlagents_tf.settings.rewards import RNDSettings
from mlagents_tf.specs import Spec


class Distillation(SignalNetwork):
    """A random network that never changes, and one that learns to predict it.

    Args:
        spec: of what is observed.
        shape: of both networks.
        rng: draws the seeds of initial weights.
    """

    def __init__(
        self, spec: Spec, shape: NetworkShape, rng: np.random.Generator, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)
        self.inputs = ObservationInputs(spec, shape.normalize, shape.separate_goals, name="inputs")
        n = shape.seeds_per_body
        self.target = make_body(self.inputs, shape, draw_seeds(rng, n), "target")
        self.target.trainable = False
        self.predictor = make_body(self.inputs, shape, draw_seeds(rng, n), "predictor")
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        return {"inputs": self.inputs, "target": self.target, "predictor": self.predictor}

    def call(self, obs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Tuple of [N, *obs_k] -> [N] squared distances of prediction and target."""
        seen = self.inputs(obs)
        return tf.reduce_sum(
            tf.math.squared_difference(self.predictor(seen), self.target(seen)), axis=-1
        )


class RNDReward(LearnedReward[Distillation]):
    """Pays for coming to where the prediction is bad."""

    goes_on_after_the_end = True
    tags = ("Losses/RND Loss",)

    def make_network(
        self, settings: RNDSettings, spec: Spec, rng: np.random.Generator
    ) -> Distillation:
        return Distillation(spec, network_shape(settings.network_settings), rng)

    def rewards(self, transitions: Transitions) -> tf.Tensor:
        """[N] scaled errors of predicting what was seen next."""
        return self.strength * self.has_learned * self.network(transitions.next_obs)

    def loss(self, transitions: Transitions, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        self.network.inputs.observe(transitions.next_obs, transitions.mask)
        loss = masked_mean(self.network(transitions.next_obs), transitions.mask)
        return loss, [loss]
