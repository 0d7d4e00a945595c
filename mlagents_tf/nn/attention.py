"""A number of entities that changes, as one encoding (residual self-attention)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from mlagents_tf.nn.conditioning import standardized

EMBEDDING_SIZE = 128
NUM_HEADS = 4
PRESENT = 0.01
"""Sum of squares of an entity from which on it counts; absent ones are padded with zeros."""

FAR_BELOW = -1e6
EPSILON = 1e-7


class EntityEncoder(keras.layers.Layer):
    """Residual self-attention over all entities (Baker et al. 2019), averaged over those present.

    Each entity is embedded together with what the agent knows of itself.

    Args:
        shapes: (most there can be, numbers of each) of each entity observation.
        self_size: numbers of what else is known; 0 for nothing.
        seeds: as many as are asked for.
    """

    output_size = EMBEDDING_SIZE

    def __init__(
        self,
        shapes: Sequence[tuple[int, ...]],
        self_size: int,
        seeds: Iterator[int],
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.num_entities = sum(count for count, _ in shapes)
        self.of_self = small_dense(self_size, next(seeds), "self", "swish") if self_size else None
        known = EMBEDDING_SIZE if self_size else 0
        self.embeddings = [
            small_dense(size + known, next(seeds), f"embedding_{i}", "swish")
            for i, (_, size) in enumerate(shapes)
        ]
        self.query, self.key, self.value, self.output_layer = (
            small_dense(EMBEDDING_SIZE, next(seeds), name)
            for name in ("query", "key", "value", "output")
        )
        self.built = True

    def call(self, entities: Sequence[tf.Tensor], known: tf.Tensor) -> tf.Tensor:
        """Entities [N, M_k, size_k] of each observation, [N, self_size] -> [N, 128]."""
        mask = tf.concat([present(x) for x in entities], axis=1)
        x = standardized(self._embedded(entities, known))
        x = standardized(x + self._attended(x, mask))
        return pooled(x, mask)

    def _embedded(self, entities: Sequence[tf.Tensor], known: tf.Tensor) -> tf.Tensor:
        """[N, M, 128] of all entities."""
        parts = []
        for dense, x in zip(self.embeddings, entities, strict=True):
            if self.of_self is not None:
                own = tf.repeat(self.of_self(known)[:, None], x.shape[1], axis=1)
                x = tf.concat([own, x], axis=-1)
            parts.append(dense(x))
        return tf.concat(parts, axis=1)

    def _attended(self, x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """[N, M, 128] what each entity gathers from those that are present."""
        return self.output_layer(gathered(self.query(x), self.key(x), self.value(x), mask))


def gathered(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Values averaged by softmax attention in `NUM_HEADS` heads, side by side.

    Args:
        query: [N, M, H] of each entity.
        key: [N, M, H].
        value: [N, M, H].
        mask: [N, M] 1 where there is an entity; the others are not attended to.

    Returns:
        [N, M, H].
    """
    query, key, value = split_heads(query), split_heads(key), split_heads(value)
    width = NUM_HEADS * value.shape[-1]
    # ML-Agents divides by the whole width, not by a head's
    scores = tf.matmul(query, key, transpose_b=True) / width**0.5
    scores += FAR_BELOW * (1.0 - mask[:, None, None, :])
    found = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), (0, 2, 1, 3))
    return tf.reshape(found, (-1, found.shape[1], width))


def present(entities: tf.Tensor) -> tf.Tensor:
    """[N, M, size] -> [N, M] 1 where there is an entity."""
    return tf.cast(tf.reduce_sum(tf.square(entities), axis=-1) >= PRESENT, tf.float32)


def split_heads(x: tf.Tensor) -> tf.Tensor:
    """[N, M, H] -> [N, heads, M, H / heads]."""
    split = tf.reshape(x, (-1, x.shape[1], NUM_HEADS, x.shape[2] // NUM_HEADS))
    return tf.transpose(split, (0, 2, 1, 3))


def pooled(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """[..., M, H], [..., M] 1 where there is an entity -> [..., H] mean over these."""
    total = tf.reduce_sum(x * mask[..., None], axis=-2)
    return total / (tf.reduce_sum(mask, axis=-1, keepdims=True) + EPSILON)


def small_dense(
    input_size: int,
    seed: int,
    name: str,
    activation: str | None = None,
    width: int = EMBEDDING_SIZE,
) -> keras.layers.Dense:
    """A layer with small normal weights, so that attention begins almost even."""
    initializer = keras.initializers.RandomNormal(stddev=(0.125 / width) ** 0.5, seed=seed)
    dense = keras.layers.Dense(
        width, activation=activation, kernel_initializer=initializer, name=name
    )
    dense.build((None, input_size))
    return dense
