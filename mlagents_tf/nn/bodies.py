"""From observations to an encoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from mlagents_tf.nn.attention import EntityEncoder
from mlagents_tf.nn.conditioning import HyperDense, scaled_normal
from mlagents_tf.nn.inputs import ObservationInputs, Seen
from mlagents_tf.nn.memory import LSTM, Recall, Remembered
from mlagents_tf.nn.own_encoders import make_encoders
from mlagents_tf.settings.network import NetworkSettings


class NetworkShape(NamedTuple):
    """Sizes and switches of a network; the keys of `network_settings` with the same names.

    Attributes:
        hidden_units: width of each body.
        num_layers: depth of each body.
        normalize: whether vector observations are scaled by running statistics.
        separate_goals: whether goal signals make the weights of the last layer
            (`goal_conditioning_type: hyper`) instead of being inputs like others.
        vis_encode_type: encoder of images.
        memory_size: numbers that each body with a memory remembers; 0 for no memory.
        encoder: name of one that takes its place.
    """

    hidden_units: int = 128
    num_layers: int = 2
    normalize: bool = False
    separate_goals: bool = True
    vis_encode_type: str = "simple"
    memory_size: int = 0
    encoder: str | None = None

    @property
    def seeds_per_body(self) -> int:
        """How many seeds a body needs for its initial weights."""
        return self.num_layers + 2


def network_shape(settings: NetworkSettings) -> NetworkShape:
    """What a network needs to know of `network_settings`."""
    return NetworkShape(
        hidden_units=settings.hidden_units,
        num_layers=settings.num_layers,
        normalize=settings.normalize,
        separate_goals=settings.goal_conditioning_type == "hyper",
        vis_encode_type=settings.vis_encode_type,
        memory_size=settings.memory.memory_size if settings.memory else 0,
        encoder=settings.encoder,
    )


class Body(keras.layers.Layer):
    """Encoders of images and entities, then dense swish layers (Ramachandran et al. 2017).

    With goals the last layer is hyper. With `memory_size` an LSTM follows.

    Args:
        inputs: what is encoded.
        shape: sizes and switches.
        seeds: `shape.seeds_per_body`.
        more: numbers that come in beside the observations.
    """

    def __init__(
        self,
        inputs: ObservationInputs,
        shape: NetworkShape,
        seeds: Sequence[int],
        more: int = 0,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        # those of the layers do not depend on how many encoders there are
        rest = _endless(seeds)
        chosen = (shape.vis_encode_type, shape.encoder)
        self.images = make_encoders(*chosen, inputs.image_shapes, shape.hidden_units, rest)
        size = inputs.size + len(self.images) * shape.hidden_units
        self.entities: EntityEncoder | None = None
        if inputs.entity_shapes:
            self.entities = EntityEncoder(inputs.entity_shapes, size, rest, name="entities")
            size += self.entities.output_size
        self.dense: list[keras.layers.Dense] = []
        self.hyper: HyperDense | None = None
        size += more
        for i in range(shape.num_layers - bool(inputs.goal_size)):
            dense = keras.layers.Dense(
                shape.hidden_units,
                activation="swish",
                kernel_initializer=scaled_normal(1.0, seeds[i]),
                name=f"dense_{i}",
            )
            dense.build((None, size))
            self.dense.append(dense)
            size = shape.hidden_units
        if inputs.goal_size:
            self.hyper = HyperDense(
                size, inputs.goal_size, shape.hidden_units, seeds[-3:], name="hyper"
            )
            size = shape.hidden_units
        self.memory_size = shape.memory_size
        self.lstm: LSTM | None = None
        if shape.memory_size:
            self.lstm = LSTM(size, shape.memory_size, [next(rest), next(rest)], name="lstm")
            size = self.lstm.units
        self.output_size = size
        self.built = True

    def call(
        self, seen: Seen, more: tf.Tensor | None = None, recall: Recall | None = None
    ) -> tf.Tensor:
        """What N agents saw, [N, more], what is remembered -> [N, output_size]."""
        return self.remember(seen, more, recall).encoding

    def remember(
        self, seen: Seen, more: tf.Tensor | None = None, recall: Recall | None = None
    ) -> Remembered:
        """The same with memories, of no width where the body has none; then `recall` is unused."""
        x = self._encoding(seen, more)
        if self.lstm is None:
            return Remembered(x, x[..., :0], x[..., :0])
        return self.lstm(x, recall)

    def _encoding(self, seen: Seen, more: tf.Tensor | None) -> tf.Tensor:
        """[N, hidden_units] of a moment."""
        parts = [seen.vector]
        parts += [encoder(x) for encoder, x in zip(self.images, seen.images, strict=True)]
        if self.entities is not None:
            parts.append(self.entities(seen.entities, tf.concat(parts, axis=-1)))
        if more is not None:
            parts.append(more)
        x = tf.concat(parts, axis=-1) if len(parts) > 1 else parts[0]
        for dense in self.dense:
            x = dense(x)
        return x if self.hyper is None else self.hyper(x, seen.goals)


def make_body(
    inputs: ObservationInputs, shape: NetworkShape, seeds: Sequence[int], name: str, more: int = 0
) -> Body:
    """A body for what `inputs` puts out and `more` numbers beside it; takes the first seeds."""
    return Body(inputs, shape, seeds[: shape.seeds_per_body], more, name=name)


def _endless(seeds: Sequence[int]) -> Iterator[int]:
    """Further seeds that follow from some."""
    rng = np.random.default_rng(list(seeds))
    while True:
        yield int(rng.integers(0, 2**31))


def draw_seeds(rng: np.random.Generator, count: int) -> list[int]:
    """`count` seeds of initial weights."""
    return [int(seed) for seed in rng.integers(0, 2**31, count)]
