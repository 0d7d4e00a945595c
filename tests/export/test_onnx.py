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
    "continuous": (make_network, spec_of(ActionSpec(2), (8,)), 0),
    "continuous_lstm": (make_network, spec_of(ActionSpec(2), (8,)), 16),
    "sac_continuous": (make_soft, spec_of(ActionSpec(2), (8,)), 0),
    "discrete": (make_network, spec_of(ActionSpec(0, (3, 2)), (5,)), 0),
    "hybrid": (make_network, spec_of(ActionSpec(3, (2,)), (5,)), 0),
}
# they have the operators of those without memory, too
REMEMBERING = [kind for kind in EVERY_KIND if kind[-1] == "memory"]
OPERATORS = {  # of ML-Agents' exports, which Unity reads; pools and rectifiers are its resnet's
    *("Add", "ArgMax", "Cast", "Clip", "Concat", "Conv", "Div", "Exp", "Gemm", "Identity"),
    *(
        "LSTM",
        "LeakyRelu",
        "Less",
        "Log",
        "MatMul",
        "MaxPool",
        "Mul",
        "Multinomial",
        "RandomNormalLike",
    ),
    *("ReduceMean", "ReduceSum", "Relu", "Reshape", "Sigmoid", "Slice", "Softmax", "Sqrt"),
    *("Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"),
}


def their_path(twin, shared):
    path = shared / "data" / "onnx" / f"{twin}.onnx"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} in the reference data")
    return path


def our_bytes(twin):
    make, spec, memory_size = TWINS[twin]
    shape = {"normalize": True, "num_layers": 1, "memory_size": memory_size}
    return onnx_model(make(spec, **shape).policy)


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
    theirs = onnx.load(their_path(twin, shared))
    ours = onnx.load_from_string(our_bytes(twin))
    assert signature(ours.graph.input) == signature(theirs.graph.input)
    assert signature(ours.graph.output) == signature(theirs.graph.output)
    assert [s.version for s in ours.opset_import] == [s.version for s in theirs.opset_import]
    assert ours.ir_version == theirs.ir_version


@pytest.mark.parametrize("twin", TWINS)
def test_constants_are_those_of_ml_agents(twin, shared, tmp_path):
    (tmp_path / "ours.onnx").write_bytes(our_bytes(twin))
    theirs, ours = OnnxModel(their_path(twin, shared)), OnnxModel(tmp_path / "ours.onnx")
    inputs = {name: np.ones((2, *shape), np.float32) for name, shape in theirs.inputs.items()}
    expected, found = theirs.run(inputs), ours.run(inputs)
    for name in ("version_number", "memory_size", *(n for n in ours.outputs if "shape" in n)):
        assert found[name].dtype == expected[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], expected[name])


def nodes_around_memory(graph):
    """(operator, attributes, sizes of weights) from what the LSTM needs to what is made of it.

    Where a slice ends is left out: theirs goes on for ever.
    """
    sizes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    kinds = ("LSTM", "Reshape", "Slice", "Squeeze", "Transpose")
    return [
        (
            node.op_type,
            {
                a.name: onnx.helper.get_attribute_value(a)
                for a in node.attribute
                if a.name != "ends"
            },
            [sizes.get(name) for name in node.input] if node.op_type == "LSTM" else None,
        )
        for node in graph.node
        if node.op_type in kinds or (node.op_type == "Concat" and len(node.input) > 1)
    ]


def test_memory_passes_the_nodes_of_ml_agents(shared):
    theirs = onnx.load(their_path("continuous_lstm", shared))
    ours = onnx.load_from_string(our_bytes("continuous_lstm"))
    assert nodes_around_memory(ours.graph) == nodes_around_memory(theirs.graph)


def gates_of_ours(of_onnx):
    """[1, 4 U, ...] of input, output, forget, candidates -> [..., 4 U] in our order."""
    let_in, let_out, keep, candidates = np.split(of_onnx[0], 4)
    return np.concatenate([let_in, keep, candidates, let_out]).T


def test_a_policy_with_the_weights_of_ml_agents_remembers_and_acts_alike(shared):
    path = their_path("continuous_lstm", shared)
    their = onnx.load(path).graph
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in their.initializer}
    lstm = next(node for node in their.node if node.op_type == "LSTM")
    of_inputs, of_hidden, biases = (weights[name] for name in lstm.input[1:4])
    make, spec, memory_size = TWINS["continuous_lstm"]
    policy = make(spec, normalize=True, num_layers=1, memory_size=memory_size).policy
    normalizer, dense, head = policy.inputs.normalizer, policy.body.dense[0], policy.heads.means
    normalizer.mean.assign(
        weights["network_body.observation_encoder.processors.0.normalizer.running_mean"]
    )
    normalizer.rows.assign(1)
    normalizer.variance_sum.assign(weights["onnx::Div_86"] ** 2)
    dense.kernel.assign(weights["network_body._body_endoder.seq_layers.0.weight"].T)
    dense.bias.assign(weights["network_body._body_endoder.seq_layers.0.bias"])
    policy.body.lstm.kernel.assign(gates_of_ours(of_inputs))
    policy.body.lstm.recurrent_kernel.assign(gates_of_ours(of_hidden))
    policy.body.lstm.bias.assign(sum(map(gates_of_ours, np.split(biases, 2, axis=1))))
    head.kernel.assign(weights["action_model._continuous_distribution.mu.weight"].T)
    head.bias.assign(weights["action_model._continuous_distribution.mu.bias"])

    rng = np.random.default_rng(0)
    obs = rng.normal(0, 2, (7, 8)).astype(np.float32)
    memories = rng.normal(0, 1, (7, 16)).astype(np.float32)
    means, _, _, after = policy((obs,), memories)
    expected = OnnxModel(path).run({"obs_0": obs, "recurrent_in": memories[:, None]})
    actions = expected["deterministic_continuous_actions"]
    np.testing.assert_allclose(policy.squashed(means), actions, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after, expected["recurrent_out"][:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", REMEMBERING, ids=" ".join)
def test_models_are_valid_and_have_operators_that_unity_reads(kind):
    model = onnx.load_from_string(onnx_model(make_policy(*kind)))
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} <= OPERATORS


@pytest.mark.parametrize("kind", ["continuous", "discrete", "hybrid"])
def test_the_same_weights_give_the_same_bytes(kind):
    first, again, other = (
        make_policy(kind, "goal", memory="memory", seed=seed) for seed in (0, 0, 1)
    )
    assert onnx_model(first) == onnx_model(again)
    assert onnx_model(first) != onnx_model(other)


def test_constants_are_outputs_that_hold_a_float_weight():
    model = onnx.load_from_string(onnx_model(make_policy("hybrid")))
    weights = {weight.name: weight for weight in model.graph.initializer}
    sources = {node.output[0]: node for node in model.graph.node if node.op_type == "Identity"}
    for name in ("version_number", "memory_size", "discrete_action_output_shape"):
        assert weights[sources[name].input[0]].data_type == onnx.TensorProto.FLOAT
