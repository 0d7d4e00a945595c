"""What layers of `nn/` compute, as ONNX nodes.

A function for each kind of layer takes the graph, the layer and names of tensors, and returns names
of tensors. Operators, and how weights lie in memory, are those of ML-Agents' own exporter, because
that is what Unity is known to read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlagents_tf.export.onnx_encoders import entity_encoding, image_encoding
from mlagents_tf.export.onnx_graph import Graph
from mlagents_tf.export.onnx_math import (
    array,
    columns,
    dense,
    linear,
    standardized,
    swish,
)
from mlagents_tf.nn.bodies import Body
from mlagents_tf.nn.conditioning import HyperDense
from mlagents_tf.nn.inputs import ObservationInputs, Seen
from mlagents_tf.nn.memory import LSTM
from mlagents_tf.nn.normalizer import CLIP, Normalizer
from mlagents_tf.steps import FloatArray


def normalized(graph: Graph, layer: Normalizer, x: str) -> str:
    """What `Normalizer` does, with the statistics of now."""
    std = np.sqrt(array(layer.variance_sum) / np.float32(array(layer.rows)))
    centred = graph.node("Sub", x, graph.weight("normalizer.mean", array(layer.mean)))
    scaled = graph.node("Div", centred, graph.weight("normalizer.std", std))
    return graph.node("Clip", scaled, min=-CLIP, max=CLIP)


def inputs(graph: Graph, layer: ObservationInputs, obs: Sequence[str]) -> Seen:
    """What `ObservationInputs` makes of observations; "" for a vector or goals of no width."""
    images = tuple(obs[k] for k in layer.images)
    entities = tuple(obs[k] for k in layer.entities)
    if not layer.order:
        return Seen("", "", images, entities)
    x = obs[layer.order[0]]
    if len(layer.order) > 1:
        x = graph.node("Concat", *(obs[k] for k in layer.order), axis=1)
    if layer.normalizer is not None:
        x = normalized(graph, layer.normalizer, x)
    if not layer.goal_size:
        return Seen(x, "", images, entities)
    vector = columns(graph, x, 0, layer.size) if layer.size else ""
    goals = columns(graph, x, layer.size, layer.size + layer.goal_size)
    return Seen(vector, goals, images, entities)


def body(graph: Graph, layer: Body, seen: Seen, memories: str) -> tuple[str, str]:
    """What was seen and remembered [batch, 1, M] -> [batch, output_size] and memories behind it.

    Memories are "" where the body has none.
    """
    x = moment(graph, layer, seen)
    return (x, "") if layer.lstm is None else recalled(graph, layer.lstm, x, memories)


def moment(graph: Graph, layer: Body, seen: Seen) -> str:
    """What was seen -> [batch, hidden_units]."""
    parts = [seen.vector] if seen.vector else []
    for i, (encoder, image) in enumerate(zip(layer.images, seen.images, strict=True)):
        parts.append(image_encoding(graph, f"image_{i}", encoder, image))
    if layer.entities is not None:
        known = together(graph, parts) if parts else ""
        parts.append(entity_encoding(graph, layer.entities, seen.entities, known))
    x = together(graph, parts)
    for i, each in enumerate(layer.dense):
        x = swish(graph, dense(graph, f"body.{i}", each, x))
    return x if layer.hyper is None else hyper_dense(graph, layer.hyper, x, seen.goals)


def together(graph: Graph, parts: Sequence[str]) -> str:
    """Side by side."""
    return parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)


def hyper_dense(graph: Graph, layer: HyperDense, x: str, goal: str) -> str:
    """What `HyperDense` does, with a kernel [batch, in, out] as ML-Agents makes it."""
    for i, each in enumerate(layer.encoder):
        goal = swish(graph, dense(graph, f"goal.{i}", each, goal))
    code = standardized(graph, goal)
    size, units = layer.kernel_bias.shape
    kernels = array(layer.kernels).reshape(-1, size * units)
    flat = linear(graph, "hyper.kernel", code, kernels, array(layer.kernel_bias).reshape(-1))
    kernel = graph.node("Reshape", flat, graph.shape(-1, size, units))
    row = graph.node("Unsqueeze", x, axes=[1])
    mixed = graph.node("Squeeze", graph.node("MatMul", row, kernel), axes=[1])
    return swish(graph, graph.node("Add", mixed, graph.weight("hyper.bias", array(layer.bias))))


def recalled(graph: Graph, layer: LSTM, x: str, memories: str) -> tuple[str, str]:
    """What `LSTM` makes of one decision: [batch, U] and memories [batch, 1, 2 U] behind it.

    In sequences of one decision, [time, batch, ...], with the nodes of ML-Agents' exporter.
    """
    units, swapped = layer.units, (1, 0, 2)
    row = graph.node("Reshape", x, graph.shape(-1, 1, layer.kernel.shape[0]))
    before = graph.node("Transpose", memories, perm=swapped)
    hidden = graph.node("Slice", before, axes=[2], starts=[0], ends=[units])
    cells = graph.node("Slice", before, axes=[2], starts=[units], ends=[2 * units])
    step = graph.node("Transpose", row, perm=swapped)
    bias = by_gates_of_onnx(array(layer.bias))
    weights = (
        graph.weight("lstm.weight", by_gates_of_onnx(array(layer.kernel)).T[None]),
        graph.weight(
            "lstm.recurrent_weight", by_gates_of_onnx(array(layer.recurrent_kernel)).T[None]
        ),
        graph.weight("lstm.bias", np.concatenate([bias, np.zeros_like(bias)])[None]),
    )
    outputs, hidden, cells = graph.nodes(
        "LSTM", step, *weights, "", hidden, cells, count=3, hidden_size=units
    )
    outputs = graph.node("Squeeze", outputs, axes=[1])  # of directions
    outputs = graph.node("Transpose", outputs, perm=swapped)
    after = graph.node("Concat", hidden, cells, axis=-1)
    after = graph.node("Transpose", after, perm=swapped)
    return graph.node("Reshape", outputs, graph.shape(-1, units)), after


def by_gates_of_onnx(weights: FloatArray) -> FloatArray:
    """[..., 4 U] of input, forget, candidates, output -> of input, output, forget, candidates."""
    let_in, keep, candidates, let_out = np.split(weights, 4, axis=-1)
    return np.concatenate([let_in, let_out, keep, candidates], axis=-1)
