"""Arithmetic that several layers share, as ONNX nodes."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import ArrayLike

from mlagents_tf.export.onnx_graph import Graph
from mlagents_tf.nn.conditioning import LAYER_NORM_EPSILON
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


def columns(graph: Graph, x: str, start: int, end: int) -> str:
    """[batch, size] -> [batch, end - start]."""
    return graph.node("Slice", x, axes=[1], starts=[start], ends=[end])


def standardized(graph: Graph, x: str) -> str:
    """[..., H] with mean 0 and variance 1 over the last axis."""
    centred = graph.node("Sub", x, graph.node("ReduceMean", x, axes=[-1], keepdims=1))
    squares = graph.node("Mul", centred, centred)
    variance = graph.node("ReduceMean", squares, axes=[-1], keepdims=1)
    above_zero = graph.node("Add", variance, graph.weight("epsilon", LAYER_NORM_EPSILON))
    return graph.node("Div", centred, graph.node("Sqrt", above_zero))
