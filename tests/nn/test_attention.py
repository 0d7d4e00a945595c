"""Residual self-attention over entities, beside an independent NumPy version."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.attention import EntityEncoder, present
from mlagents_tf.nn.weights import named_weights
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, Spec
from tests.nn.networks import make_network

ENTITIES = ObservationSpec(
    (6, 4), "buffer", (DimensionProperty.VARIABLE_SIZE, DimensionProperty.NONE)
)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def shaken(encoder):
    """With weights large enough for attention to matter."""
    for i, weight in enumerate(encoder.weights):
        weight.assign(0.2 * draw(*weight.shape, seed=i))
    return encoder


def swish(x):
    return x / (1 + np.exp(-x))


def normed(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def by_the_book(encoder, entities, known):
    """One agent: list of [M_k, size_k], [S] -> [128]."""
    affine = lambda layer, x: x @ np.asarray(layer.kernel) + np.asarray(layer.bias)  # noqa: E731
    own = swish(affine(encoder.of_self, known)) if encoder.of_self else np.zeros(0)
    rows, there = [], []
    for layer, some in zip(encoder.embeddings, entities, strict=True):
        for entity in some:
            rows.append(swish(affine(layer, np.concatenate([own, entity]))))
            there.append((entity**2).sum() >= 0.01)
    x, there = normed(np.array(rows)), np.array(there)
    query, key, value = (affine(e, x) for e in (encoder.query, encoder.key, encoder.value))
    gathered = np.zeros_like(x)
    for head in range(4):
        part = slice(32 * head, 32 * head + 32)
        scores = query[:, part] @ key[:, part].T / np.sqrt(128)
        weights = np.exp(scores) * there
        gathered[:, part] = weights / weights.sum(1, keepdims=True) @ value[:, part]
    x = normed(x + affine(encoder.output_layer, gathered))
    return x[there].sum(0) / (there.sum() + 1e-7)


@pytest.mark.parametrize("self_size", [0, 3])
def test_it_computes_what_it_says(self_size):
    encoder = shaken(EntityEncoder([(5, 4), (2, 2)], self_size, itertools.count()))
    one, other, known = draw(3, 5, 4), draw(3, 2, 2, seed=1), draw(3, self_size, seed=2)
    one[:, 3:] = 0.0
    found = encoder([tf.constant(one), tf.constant(other)], tf.constant(known))
    for row in range(3):
        expected = by_the_book(encoder, [one[row], other[row]], known[row])
        np.testing.assert_allclose(found[row], expected, rtol=1e-3, atol=1e-4)


def test_neither_order_nor_padding_matters():
    encoder = shaken(EntityEncoder([(6, 4)], 2, itertools.count()))
    entities, known = draw(1, 3, 4), tf.constant(draw(1, 2))
    padded = np.concatenate([entities[:, ::-1], np.zeros((1, 5, 4), np.float32)], axis=1)
    np.testing.assert_allclose(
        encoder([tf.constant(entities)], known), encoder([tf.constant(padded)], known), atol=1e-4
    )


def test_without_any_entity_the_encoding_is_zero():
    encoder = shaken(EntityEncoder([(6, 4)], 2, itertools.count()))
    found = encoder([tf.zeros([2, 6, 4])], tf.constant(draw(2, 2)))
    np.testing.assert_array_equal(found, np.zeros((2, 128)))


def test_an_entity_near_zero_is_absent():
    rows = np.array([[[0.0, 0.0], [0.1, 0.0], [0.09, 0.0], [-3.0, 1.0]]], np.float32)
    np.testing.assert_array_equal(present(tf.constant(rows)), [[0, 1, 0, 1]])


def test_first_weights_are_small():
    encoder = EntityEncoder([(6, 40)], 0, itertools.count())
    for layer in (*encoder.embeddings, encoder.query, encoder.output_layer):
        np.testing.assert_allclose(np.asarray(layer.kernel).std(), 0.03125, rtol=0.1)


def test_actor_and_critic_attend_on_their_own():
    network = make_network(Spec((ENTITIES, ObservationSpec((3,))), ActionSpec(1)), hidden_units=8)
    names = named_weights(network)
    for body in ("actor", "critic"):
        assert names[f"{body}/query/kernel"].shape == (128, 128)
        assert names[f"{body}/dense_0/kernel"].shape == (3 + 128, 8)
        assert names[f"{body}/embedding_0/kernel"].shape == (128 + 4, 128)
