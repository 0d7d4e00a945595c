"""Generative adversarial imitation (Ho & Ermon 2016), optionally with a bottleneck (VAIL)."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape, draw_seeds, make_body, network_shape
from mlagents_tf.nn.conditioning import scaled_normal
from mlagents_tf.nn.inputs import ObservationInputs, Seen
from mlagents_tf.ops.actions import action_vector
from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.ops.seeds import folded, standard_normal, uniform
from mlagents_tf.rewards.demonstrations import Demonstrations, ExpertRows
from mlagents_tf.rewards.learned import LearnedReward, SignalNetwork
from mlagents_tf.rewards.signal import Transitions
from mlagents_tf.settings.rewards import GAILSettings
from mlagents_tf.specs import Spec

PENALTY_WEIGHT = 10.0
PENALTY_EPSILON = 1e-7

CODE_SIZE = 128
"""Numbers that pass the bottleneck."""

MOST_INFORMATION = 0.5
"""Bound of the bottleneck's divergence, I_c of Peng et al. (2019), eq. 5."""

BETA_STEP = 5e-4

STATISTICS = (
    "Losses/GAIL Loss",
    "Policy/GAIL Policy Estimate",
    "Policy/GAIL Expert Estimate",
    "Policy/GAIL Grad Mag Loss",
)
BOTTLENECK_STATISTICS = ("Losses/GAIL KL Loss", "Policy/GAIL Beta")


class Judged(NamedTuple):
    """What of N decisions is judged.

    Attributes:
        seen: observations.
        more: [N, A + 1] with `use_actions` what was done and whether it ended, else [N, 0].
    """

    seen: Seen
    more: tf.Tensor


class Discriminator(SignalNetwork):
    """Tells decisions of the expert from those of the policy.

    Args:
        spec: observations and actions.
        shape: of the body.
        rng: draws the seeds of initial weights.
        use_actions: actions and ends are judged too.
        use_vail: what the body puts out goes through a bottleneck of noise.

    """

    def __init__(
        self,
        spec: Spec,
        shape: NetworkShape,
        rng: np.random.Generator,
        *,
        use_actions: bool,
        use_vail: bool,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.branches = spec.actions.discrete_branches
        self.use_actions = use_actions
        self.inputs = ObservationInputs(spec, shape.normalize, shape.separate_goals, name="inputs")
        more = spec.actions.vector_size + 1 if use_actions else 0
        seeds = draw_seeds(rng, shape.seeds_per_body + 2)
        self.body = make_body(self.inputs, shape, seeds, "body", more)
        width = self.body.output_size
        self.bottleneck = Bottleneck(width, seeds[-2], name="bottleneck") if use_vail else None
        self.estimate = keras.layers.Dense(
            1, kernel_initializer=scaled_normal(0.2, seeds[-1]), name="estimate"
        )
        self.estimate.build((None, CODE_SIZE if use_vail else width))
        self.built = True

    def parts(self) -> dict[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        parts = {"inputs": self.inputs, "body": self.body, "estimate": self.estimate}
        return parts if self.bottleneck is None else parts | {"bottleneck": self.bottleneck}

    def together(self, rows: ExpertRows | Transitions) -> Judged:
        """What is judged of N decisions."""
        more = rows.terminated[:, None]
        if self.use_actions:
            action = action_vector(rows.continuous, rows.discrete, self.branches)
            more = tf.concat([action, more], axis=-1)
        else:
            more = more[:, :0]
        return Judged(self.inputs(rows.obs), more)

    def encode(self, judged: Judged) -> tf.Tensor:
        """[N, H], or the means of codes [N, CODE_SIZE] with a bottleneck."""
        encoding = self.body(judged.seen, judged.more)
        return encoding if self.bottleneck is None else self.bottleneck.means(encoding)

    def logits(self, encoding: tf.Tensor) -> tf.Tensor:
        """[N] log-odds of being the expert's; its sigmoid is the estimate of Ho & Ermon."""
        return self.estimate(encoding)[:, 0]

    def penalty(self, judged: Judged) -> tf.Tensor:
        """[N] squared distance from 1 of the estimate's slope (Gulrajani et al. 2017, eq. 3).

        The slope is taken over everything that is judged, as the body sees it.
        """
        watched = [x for x in tf.nest.flatten(judged) if x.shape[-1]]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            for x in watched:
                tape.watch(x)
            estimates = tf.sigmoid(self.logits(self.encode(judged)))
        slopes = tape.gradient(estimates, watched)
        squares = [tf.reduce_sum(tf.square(x), axis=range(1, len(x.shape))) for x in slopes]
        norms = tf.sqrt(tf.add_n(squares) + PENALTY_EPSILON)
        return tf.square(norms - 1.0)


class Bottleneck(keras.layers.Layer):
    """Gaussian codes whose information is bounded (VAIL, Peng et al. 2019).

    Args:
        input_size: width of the encoding.
        seed: of the initial weights.

    Attributes:
        beta: [] weight of the divergence in the loss, moved by `tighten` and by no gradient.
    """

    def __init__(self, input_size: int, seed: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.means = keras.layers.Dense(
            CODE_SIZE, kernel_initializer=scaled_normal(0.2, seed), name="means"
        )
        self.means.build((None, input_size))
        self.stds = self.add_weight(shape=(CODE_SIZE,), initializer="ones", name="stds")
        self.beta = self.add_weight(shape=(), initializer="zeros", trainable=False, name="beta")
        self.built = True

    def codes(self, means: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """[N, CODE_SIZE] means and standard normal noise -> codes."""
        return means + noise * self.stds

    def divergence(self, means: tf.Tensor) -> tf.Tensor:
        """[N] Kullback-Leibler divergence of codes from a standard normal."""
        variances = tf.square(tf.convert_to_tensor(self.stds))
        terms = 1.0 + tf.math.log(variances) - tf.square(means) - variances
        return -0.5 * tf.reduce_sum(terms, axis=-1)

    def tighten(self, divergence: tf.Tensor) -> None:
        """Moves beta towards the bound [] (dual gradient ascent, Peng et al. 2019, eq. 7)."""
        moved = self.beta.value + BETA_STEP * (divergence - MOST_INFORMATION)
        self.beta.assign(tf.where(tf.math.is_finite(moved), tf.maximum(moved, 0.0), self.beta))


class GAILReward(LearnedReward[Discriminator]):
    """Pays for decisions that look like those of the demonstrations."""

    demonstrations: Demonstrations

    def __init__(
        self, name: str, settings: GAILSettings, spec: Spec, rng: np.random.Generator
    ) -> None:
        super().__init__(name, settings, spec, rng)
        self.demonstrations = Demonstrations(settings, spec)
        self.tags = STATISTICS + (BOTTLENECK_STATISTICS if settings.use_vail else ())

    def make_network(
        self, settings: GAILSettings, spec: Spec, rng: np.random.Generator
    ) -> Discriminator:
        return Discriminator(
            spec,
            network_shape(settings.network_settings),
            rng,
            use_actions=settings.use_actions,
            use_vail=settings.use_vail,
        )

    def prepare(self) -> list[str]:
        remarks = [] if self.demonstrations.loaded else self.demonstrations.load()
        if self.network.inputs.normalizer is not None:
            # once, so that the policy's wanderings do not change how the expert looks
            for obs in self.demonstrations.obs_chunks():
                self.network.inputs.observe(obs, tf.ones([obs[0].shape[0]]))
        return [f"reward signal {self.name}: {remark}" for remark in remarks]

    def before_update(self, rng: np.random.Generator, num_rows: int) -> None:
        self.demonstrations.renew(rng, num_rows)

    def rewards(self, transitions: Transitions) -> tf.Tensor:
        """[N] -log(1 - estimate), scaled (Ho & Ermon 2016, algorithm 1, with signs turned)."""
        network = self.network
        logits = network.logits(network.encode(network.together(transitions)))
        return self.strength * tf.math.softplus(logits)

    def train(self, transitions: Transitions, seed: tf.Tensor) -> tf.Tensor:
        statistics = super().train(transitions, seed)
        if self.network.bottleneck is not None:
            divergence = statistics[self.tags.index("Losses/GAIL KL Loss")]
            self.network.bottleneck.tighten(divergence)
        return statistics

    def loss(self, transitions: Transitions, seed: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        network, mask = self.network, transitions.mask
        count = transitions.rewards.shape[0]
        draw, mix, noise = (folded(seed, i) for i in range(3))
        policy = network.together(transitions)
        expert = network.together(self.demonstrations.draw(count, draw))
        share = uniform([count], mix)
        between = tf.nest.map_structure(lambda p, e: _mixed(p, e, share), policy, expert)
        penalty = PENALTY_WEIGHT * masked_mean(network.penalty(between), mask)
        both = tf.nest.map_structure(lambda p, e: tf.concat([p, e], axis=0), policy, expert)
        encoding = network.encode(both)
        bound, of_bottleneck = tf.zeros([]), []
        if network.bottleneck is not None:
            divergence = _sum_of_means(network.bottleneck.divergence(encoding), mask)
            beta = tf.convert_to_tensor(network.bottleneck.beta)
            bound, of_bottleneck = beta * (divergence - MOST_INFORMATION), [divergence, beta]
            drawn = standard_normal(encoding.shape, noise)
            encoding = network.bottleneck.codes(encoding, drawn)
        of_policy, of_expert = tf.split(network.logits(encoding), 2)
        # -log(1 - D) of the policy's and -log D of the expert's
        loss = _sum_of_means(tf.math.softplus(tf.concat([of_policy, -of_expert], axis=0)), mask)
        estimates = [masked_mean(tf.sigmoid(logits), mask) for logits in (of_policy, of_expert)]
        return loss + penalty + bound, [loss, *estimates, penalty, *of_bottleneck]


def _mixed(one: tf.Tensor, other: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """[N, ...] between both, [N] `share` of the first."""
    share = tf.reshape(share, [-1] + [1] * (len(one.shape) - 1))
    return share * one + (1.0 - share) * other


def _sum_of_means(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """[2 B] of the policy's and the expert's rows -> [] sum of both means."""
    return tf.add_n([masked_mean(part, mask) for part in tf.split(x, 2)])
