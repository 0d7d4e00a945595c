"""ONNX models are built as ML-Agents' own exporter builds them."""

import numpy as np
import pytest

from mlagents_tf.specs import ActionSpec
from tests.export.policies import EVERY_KIND, make_policy
from tests.nn.networks import make_network, make_soft, spec_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from mlagents_tf.export.models import OnnxModel  # noqa: E402
from mlagents_tf.export.onnx_policy import onnx_model  # noqa: E402

TWINS = {
    "continuous": (make_network, spec_of(ActionSpec(2), (8,))),
    "sac_continuous": (make_soft, spec_of(ActionSpec(2), (8,))),
    "discrete": (make_network, spec_of(ActionSpec(0, (3, 2)), (5,))),
    "hybrid": (make_network, spec_of(ActionSpec(3, (2,)), (5,))),
}
OPERATORS = {  # of ML-Agents' exports, which Unity reads; pools and rectifiers are its resnet's
    *("Add", "ArgMax", "Cast", "Clip", "Concat", "Conv", "Div", "Exp", "Gemm", "Identity"),
    *("LeakyRelu", "Less", "Log", "MatMul", "MaxPool", "Mul", "Multinomial", "RandomNormalLike"),
    *("ReduceMean", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Sqrt"),
    *("Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"),
}


def signature(values):
    """(name, type, sizes) of inputs or outputs; sizes that depend on the batch are None."""
    return [
        (
            value.name,
            value.type.tensor_type.elem_type,
            tuple(
                None if dim.HasField("dim_param") else dim.dim_value
                for dim in value.type.tensor_type.shape.dim
            ),
        )
        for value in values
    ]


@pytest.mark.parametrize("twin", TWINS)
def test_inputs_and_outputs_are_those_of_ml_agents(twin, shared):
    path = shared / "data" / "onnx" / f"{twin}.onnx"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} in the reference data")
    make, spec = TWINS[twin]
    theirs = onnx.load(path)
    ours = onnx.load_from_string(onnx_model(make(spec, normalize=True).policy))
    assert signature(ours.graph.input) == signature(theirs.graph.input)
    assert signature(ours.graph.output) == signature(theirs.graph.output)
    assert [s.version for s in ours.opset_import] == [s.version for s in theirs.opset_import]
    assert ours.ir_version == theirs.ir_version


@pytest.mark.parametrize("twin", TWINS)
def test_constants_are_those_of_ml_agents(twin, shared, tmp_path):
    path = shared / "data" / "onnx" / f"{twin}.onnx"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} in the reference data")
    make, spec = TWINS[twin]
    (tmp_path / "ours.onnx").write_bytes(onnx_model(make(spec, normalize=True).policy))
    theirs, ours = OnnxModel(path), OnnxModel(tmp_path / "ours.onnx")
    inputs = {name: np.ones((2, *shape), np.float32) for name, shape in theirs.inputs.items()}
    expected, found = theirs.run(inputs), ours.run(inputs)
    for name in ("version_number", "memory_size", *(n for n in ours.outputs if "shape" in n)):
        assert found[name].dtype == expected[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("kind", EVERY_KIND, ids=" ".join)
def test_models_are_valid_and_have_operators_that_unity_reads(kind):
    model = onnx.load_from_string(onnx_model(make_policy(*kind)))
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} <= OPERATORS


@pytest.mark.parametrize("kind", ["continuous", "discrete", "hybrid"])
def test_the_same_weights_give_the_same_bytes(kind):
    first, again, other = (make_policy(kind, "goal", seed=seed) for seed in (0, 0, 1))
    assert onnx_model(first) == onnx_model(again)
    assert onnx_model(first) != onnx_model(other)


def test_constants_are_outputs_that_hold_a_float_weight():
    model = onnx.load_from_string(onnx_model(make_policy("hybrid")))
    weights = {weight.name: weight for weight in model.graph.initializer}
    sources = {node.output[0]: node for node in model.graph.node if node.op_type == "Identity"}
    for name in ("version_number", "memory_size", "discrete_action_output_shape"):
        assert weights[sources[name].input[0]].data_type == onnx.TensorProto.FLOAT
