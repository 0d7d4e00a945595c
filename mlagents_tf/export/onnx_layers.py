"""What layers of `nn/` compute, as ONNX nodes.

A function for each kind of layer takes the graph, the layer and names of tensors, and returns names
of tensors. Operators, and how weights lie in memory, are those of ML-Agents' own exporter, because
that is what Unity is known to read.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import ArrayLike

from mlagents_tf.export.onnx_graph import Graph
from mlagents_tf.nn.bodies import Body, VectorInputs
from mlagents_tf.nn.conditioning import LAYER_NORM_EPSILON, HyperDense
from mlagents_tf.nn.normalizer import CLIP, Normalizer
from mlagents_tf.steps import FloatArray


def array(variable: keras.Variable) -> FloatArray:
    """A variable's value."""
    return np.asarray(variable.value)


def linear(graph: Graph, name: str, x: str, kernel: ArrayLike, bias: ArrayLike) -> str:
    """[batch, in] -> [batch, out] with `kernel` [in, out] and `bias` [out]."""
    weights = (
        graph.weight(f"{name}.weight", np.transpose(kernel)),
        graph.weight(f"{name}.bias", bias),
    )
    return graph.node("Gemm", x, *weights, alpha=1.0, beta=1.0, transB=1)


def dense(graph: Graph, name: str, layer: keras.layers.Dense, x: str) -> str:
    """What a layer computes before its activation."""
    return linear(graph, name, x, *weights_of(layer))


def weights_of(layer: keras.layers.Dense) -> tuple[FloatArray, FloatArray]:
    """Kernel [in, out] and bias [out]."""
    return array(layer.kernel), array(layer.bias)


def swish(graph: Graph, x: str) -> str:
    """x * sigmoid(x)."""
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def normalized(graph: Graph, layer: Normalizer, x: str) -> str:
    """What `Normalizer` does, with the statistics of now."""
    std = np.sqrt(array(layer.variance_sum) / np.float32(array(layer.rows)))
    centred = graph.node("Sub", x, graph.weight("normalizer.mean", array(layer.mean)))
    scaled = graph.node("Div", centred, graph.weight("normalizer.std", std))
    return graph.node("Clip", scaled, min=-CLIP, max=CLIP)


def columns(graph: Graph, x: str, start: int, end: int) -> str:
    """[batch, size] -> [batch, end - start]."""
    return graph.node("Slice", x, axes=[1], starts=[start], ends=[end])


def vector_inputs(graph: Graph, layer: VectorInputs, obs: Sequence[str]) -> tuple[str, str]:
    """Observations -> inputs of a body, and its goals ("" without any)."""
    x = obs[0]
    if len(obs) > 1:
        x = graph.node("Concat", *(obs[k] for k in layer.order), axis=1)
    if layer.normalizer is not None:
        x = normalized(graph, layer.normalizer, x)
    if not layer.goal_size:
        return x, ""
    total = layer.size + layer.goal_size
    return columns(graph, x, 0, layer.size), columns(graph, x, layer.size, total)


def body(graph: Graph, layer: Body, inputs: str, goals: str) -> str:
    """[batch, input_size], [batch, goal_size] -> [batch, hidden_units]."""
    x = inputs
    for i, each in enumerate(layer.dense):
        x = swish(graph, dense(graph, f"body.{i}", each, x))
    return x if layer.hyper is None else hyper_dense(graph, layer.hyper, x, goals)


def standardized(graph: Graph, x: str) -> str:
    """[batch, H] with mean 0 and variance 1 over the last axis."""
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes=[-1], keepdims=1))
    squares = graph.node("Mul", centred, centred)
    variance = graph.node("ReduceMean", squares, axes=[-1], keepdims=1)
    above_zero = graph.node("Add", variance, graph.weight("epsilon", LAYER_NORM_EPSILON))
    return graph.node("Div", centred, graph.node("Sqrt", above_zero))


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
