"""An ONNX graph that is built by hand, node by node; needs the package `onnx`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike

from mlagents_tf.version import __version__

OPSET = 9
"""What ML-Agents' own exporter writes, so that Barracuda and all versions of Sentis read it."""

IR_VERSION = 4
FLOAT = onnx.TensorProto.FLOAT
INT64 = onnx.TensorProto.INT64
BATCH = "batch"


class Graph:
    """Nodes and weights in the order in which they are added; the same calls give the same bytes.

    A tensor is the name that a method returned for it.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: tuple[int, ...]) -> str:
        """A float32 input [batch, *shape]."""
        self._inputs.append(onnx.helper.make_tensor_value_info(name, FLOAT, [BATCH, *shape]))
        return name

    def output(self, name: str, tensor: str, shape: Sequence[int], dtype: int = FLOAT) -> None:
        """Hands `tensor` [batch, *shape] out as `name`."""
        self.node("Identity", tensor, into=name)
        self._outputs.append(onnx.helper.make_tensor_value_info(name, dtype, [BATCH, *shape]))

    def constant_output(self, name: str, value: ArrayLike) -> None:
        """Hands a float32 constant out as `name`; Unity reads it as an output and as a constant."""
        array = np.asarray(value, np.float32)
        self.node("Identity", self.weight(f"{name}.value", array), into=name)
        self._outputs.append(onnx.helper.make_tensor_value_info(name, FLOAT, array.shape))

    def weight(self, name: str, value: ArrayLike) -> str:
        """A float32 constant; one of the same name is taken to be the same."""
        array = np.ascontiguousarray(value, np.float32)
        self._weights.setdefault(name, onnx.numpy_helper.from_array(array, name))
        return name

    def shape(self, *sizes: int) -> str:
        """An int64 constant for the operator Reshape; -1 stands for the batch."""
        name = "shape_" + "_".join(str(size).replace("-1", BATCH) for size in sizes)
        array = np.array(sizes, np.int64)
        self._weights.setdefault(name, onnx.numpy_helper.from_array(array, name))
        return name

    def node(self, operator: str, *inputs: str, into: str = "", **attributes: Any) -> str:
        """The output of an operator, called `into` or by the operator and a number."""
        output = into or f"{operator}_{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def nodes(self, operator: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
        """The `count` outputs of an operator that has several; "" for an input is none."""
        name = f"{operator}_{len(self._nodes)}"
        outputs = [f"{name}_{i}" for i in range(count)]
        self._nodes.append(onnx.helper.make_node(operator, inputs, outputs, name, **attributes))
        return outputs

    def to_bytes(self) -> bytes:
        """The model as a file."""
        graph = onnx.helper.make_graph(
            self._nodes, "policy", self._inputs, self._outputs, list(self._weights.values())
        )
        model = onnx.helper.make_model(
            graph,
            opset_imports=[onnx.helper.make_operatorsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="mlagents_tf",
            producer_version=__version__,
        )
        data: bytes = model.SerializeToString(deterministic=True)
        return data
