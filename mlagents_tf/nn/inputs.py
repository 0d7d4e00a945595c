"""Observations as networks take them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.nn.normalizer import Normalizer, RowSummary
from mlagents_tf.specs import WHITE, ObservationType, Spec


class Seen(NamedTuple):
    """What N agents saw, normalised and as floats.

    Attributes:
        vector: [N, I] all vector observations side by side.
        goals: [N, G] goal signals, where they are apart from the rest.
        images: [N, C, H, W] each, from 0 to 1.
        entities: [N, M, size] each; rows of zeros are absent.
    """

    vector: tf.Tensor
    goals: tf.Tensor
    images: tuple[tf.Tensor, ...]
    entities: tuple[tf.Tensor, ...]


class ObservationInputs(keras.layers.Layer):
    """Sorts observations by kind; vectors side by side, goals last, normalised if asked for.

    Args:
        spec: of what is observed.
        normalize: whether vectors are scaled by running statistics.
        separate_goals: whether goal signals are handed out apart from the rest.

    Attributes:
        order: indices of vector observations, goals last.
        size: numbers of `Seen.vector`.
        goal_size: numbers of `Seen.goals`.
        images: indices of images.
        entities: indices of entity observations.
        image_shapes: (C, H, W) of each image.
        entity_shapes: (M, size) of each entity observation.
    """

    def __init__(self, spec: Spec, normalize: bool, separate_goals: bool, **kwargs: object) -> None:
        super().__init__(**kwargs)
        seen = list(enumerate(spec.observations))
        self.images = [k for k, obs in seen if obs.is_image]
        self.entities = [k for k, obs in seen if obs.is_entities]
        self.image_shapes = [spec.observations[k].shape for k in self.images]
        self.entity_shapes = [spec.observations[k].shape for k in self.entities]
        vectors = [k for k, obs in seen if obs.is_vector]
        goals = {
            k
            for k in vectors
            if spec.observations[k].observation_type == ObservationType.GOAL_SIGNAL
        }
        if not separate_goals or len(goals) == len(spec.observations):
            goals = set()
        # sorted is stable: within both kinds the order is the spec's
        self.order = sorted(vectors, key=goals.__contains__)
        sizes = {k: spec.observations[k].shape[0] for k in vectors}
        self.goal_size = sum(sizes[k] for k in goals)
        self.size = sum(sizes.values()) - self.goal_size
        total = self.size + self.goal_size
        self.normalizer = Normalizer(total, name="normalizer") if normalize and total else None
        self.built = True

    def call(self, obs: Sequence[tf.Tensor]) -> Seen:
        """Tuple of [N, *shape_k] -> what was seen."""
        vector = self._together(obs)
        if self.normalizer is not None:
            vector = self.normalizer(vector)
        return Seen(
            vector[..., : self.size],
            vector[..., self.size :],
            tuple(_as_floats(obs[k]) for k in self.images),
            tuple(obs[k] for k in self.entities),
        )

    def observe(self, obs: Sequence[tf.Tensor], mask: tf.Tensor) -> None:
        """Counts rows (tuple of [N, *shape_k]) where `mask` [N] is 1 into the statistics."""
        if self.normalizer is not None:
            self.normalizer.update(self._together(obs), mask)

    def summary(self, obs: Sequence[NDArray[Any]]) -> RowSummary:
        """What `merge` has to know of rows (tuple of [N, *shape_k]); computed on the host."""
        rows = np.concatenate([obs[k] for k in self.order], axis=1)
        mean = rows.mean(axis=0, dtype=np.float64) if len(rows) else np.zeros(rows.shape[1])
        spread = np.square(rows - mean).sum(axis=0).clip(max=np.finfo(np.float32).max)
        return RowSummary(np.float32(len(rows)), mean.astype(np.float32), spread.astype(np.float32))

    def merge(self, seen: RowSummary) -> None:
        """Counts rows of which `summary` was made into the statistics."""
        if self.normalizer is not None:
            self.normalizer.merge(seen)

    def _together(self, obs: Sequence[tf.Tensor]) -> tf.Tensor:
        if not self.order:
            return tf.zeros([tf.shape(obs[0])[0], 0])
        if len(self.order) == 1:
            return obs[self.order[0]]
        return tf.concat([obs[k] for k in self.order], axis=-1)


def _as_floats(image: tf.Tensor) -> tf.Tensor:
    """Bytes stand for 0 to 1."""
    return tf.cast(image, tf.float32) / WHITE if image.dtype == tf.uint8 else image
