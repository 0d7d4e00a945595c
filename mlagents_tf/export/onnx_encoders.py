"""Encoders of images and entities, as ONNX nodes."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from mlagents_tf.errors import DataError
from mlagents_tf.export.onnx_graph import Graph
from mlagents_tf.export.onnx_math import array, dense, standardized, swish, weights_of
from mlagents_tf.nn.attention import (
    EMBEDDING_SIZE,
    EPSILON,
    FAR_BELOW,
    NUM_HEADS,
    PRESENT,
    EntityEncoder,
)
from mlagents_tf.nn.encoders import LEAK, ImageEncoder, PlainEncoder, ResNetEncoder


def image_encoding(graph: Graph, name: str, encoder: ImageEncoder, image: str) -> str:
    """[batch, C, H, W] from 0 to 1 -> [batch, hidden_units]."""
    own = encoder.onnx_nodes(graph, name, image)
    if own is not None:
        return own
    if isinstance(encoder, PlainEncoder):
        for i, each in enumerate(encoder.convolutions):
            image = leaky(graph, convolution(graph, f"{name}.conv_{i}", each, image))
        return leaky(graph, flat_dense(graph, name, encoder.dense, image))
    if isinstance(encoder, ResNetEncoder):
        image = swish(graph, residual_stages(graph, name, encoder, image))
        return graph.node("Relu", flat_dense(graph, name, encoder.dense, image))
    raise DataError(
        f"the encoder {type(encoder).__name__} does not say how it is written as ONNX (it has no "
        "onnx_nodes, see docs/encoders.md); the formats savedmodel and litert can hold it"
    )


def convolution(graph: Graph, name: str, layer: keras.layers.Conv2D, image: str) -> str:
    """What a layer computes before its activation."""
    kernel = np.transpose(array(layer.kernel), (3, 2, 0, 1))
    margin = kernel.shape[-1] // 2 if layer.padding == "same" else 0
    return graph.node(
        "Conv",
        image,
        graph.weight(f"{name}.weight", kernel),
        graph.weight(f"{name}.bias", array(layer.bias)),
        kernel_shape=kernel.shape[2:],
        strides=layer.strides,
        pads=[margin] * 4,
    )


def leaky(graph: Graph, x: str) -> str:
    """x, or a hundredth of it below 0."""
    return graph.node("LeakyRelu", x, alpha=LEAK)


def flat_dense(graph: Graph, name: str, layer: keras.layers.Dense, image: str) -> str:
    """[batch, C, H, W] -> [batch, hidden_units]."""
    flat = graph.node("Reshape", image, graph.shape(-1, layer.kernel.shape[0]))
    return dense(graph, f"{name}.dense", layer, flat)


def residual_stages(graph: Graph, name: str, encoder: ResNetEncoder, image: str) -> str:
    """What `ResNetEncoder.convolve` does, but for the swish at its end."""
    blocks = iter(enumerate(encoder.blocks))
    for stage, opening in enumerate(encoder.openings):
        x = convolution(graph, f"{name}.stage_{stage}", opening, image)
        image = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
        for _ in range(encoder.num_blocks):
            inner = image
            for _ in range(2):
                i, layer = next(blocks)
                inner = convolution(graph, f"{name}.block_{i}", layer, swish(graph, inner))
            image = graph.node("Add", image, inner)
    return image


def entity_encoding(
    graph: Graph, encoder: EntityEncoder, entities: Sequence[str], known: str
) -> str:
    """Entities [batch, M_k, size_k] and what else is known [batch, S], or "" -> [batch, 128]."""
    mask = masks(graph, entities)
    x = standardized(graph, embedded(graph, encoder, entities, known))
    x = standardized(graph, graph.node("Add", x, attended(graph, encoder, x, mask)))
    column = graph.node("Unsqueeze", mask, axes=[2])
    total = graph.node("ReduceSum", graph.node("Mul", x, column), axes=[1], keepdims=0)
    count = graph.node("ReduceSum", mask, axes=[1], keepdims=1)
    return graph.node("Div", total, graph.node("Add", count, graph.weight("few", [EPSILON])))


def masks(graph: Graph, entities: Sequence[str]) -> str:
    """[batch, M] 1 where there is an entity."""
    one = graph.weight("one", [1.0])
    present = []
    for x in entities:
        sizes = graph.node("ReduceSum", graph.node("Mul", x, x), axes=[2], keepdims=0)
        absent = graph.node("Less", sizes, graph.weight("present", [PRESENT]))
        present.append(graph.node("Sub", one, graph.node("Cast", absent, to=1)))
    return present[0] if len(present) == 1 else graph.node("Concat", *present, axis=1)


def embedded(graph: Graph, encoder: EntityEncoder, entities: Sequence[str], known: str) -> str:
    """[batch, M, 128]; what is known of the agent is added to every entity, not copied."""
    own = swish(graph, dense(graph, "self", encoder.of_self, known)) if encoder.of_self else ""
    parts = []
    for i, (layer, x) in enumerate(zip(encoder.embeddings, entities, strict=True)):
        kernel, bias = weights_of(layer)
        split = EMBEDDING_SIZE if own else 0
        x = graph.node("MatMul", x, graph.weight(f"embedding_{i}.entity", kernel[split:]))
        x = graph.node("Add", x, graph.weight(f"embedding_{i}.bias", bias))
        if own:
            weight = graph.weight(f"embedding_{i}.self", kernel[:split])
            row = graph.node("Unsqueeze", graph.node("MatMul", own, weight), axes=[1])
            x = graph.node("Add", x, row)
        parts.append(swish(graph, x))
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)


def attended(graph: Graph, encoder: EntityEncoder, x: str, mask: str) -> str:
    """[batch, M, 128] what each entity gathers from those that are present."""

    def heads(name: str, layer: keras.layers.Dense, order: Sequence[int]) -> str:
        projected = projection(graph, name, layer, x)
        split = graph.node(
            "Reshape",
            projected,
            graph.shape(-1, encoder.num_entities, NUM_HEADS, EMBEDDING_SIZE // NUM_HEADS),
        )
        return graph.node("Transpose", split, perm=order)

    query = heads("query", encoder.query, (0, 2, 1, 3))
    key = heads("key", encoder.key, (0, 2, 3, 1))
    value = heads("value", encoder.value, (0, 2, 1, 3))
    root = graph.weight("root", [EMBEDDING_SIZE**0.5])
    scores = graph.node("Div", graph.node("MatMul", query, key), root)
    absent = graph.node(
        "Sub", graph.weight("one", [1.0]), graph.node("Unsqueeze", mask, axes=[1, 2])
    )
    far = graph.node("Mul", absent, graph.weight("far_below", [FAR_BELOW]))
    weights = graph.node("Softmax", graph.node("Add", scores, far), axis=3)
    gathered = graph.node("Transpose", graph.node("MatMul", weights, value), perm=(0, 2, 1, 3))
    flat = graph.shape(-1, encoder.num_entities, EMBEDDING_SIZE)
    return projection(graph, "output", encoder.output_layer, graph.node("Reshape", gathered, flat))


def projection(graph: Graph, name: str, layer: keras.layers.Dense, x: str) -> str:
    """[batch, M, 128] -> [batch, M, 128]."""
    kernel, bias = weights_of(layer)
    x = graph.node("MatMul", x, graph.weight(f"{name}.weight", kernel))
    return graph.node("Add", x, graph.weight(f"{name}.bias", bias))
