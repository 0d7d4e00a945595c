"""A policy as an ONNX model that Unity runs; the contract is ML-Agents' version 3."""

from __future__ import annotations

import numpy as np

from mlagents_tf.export.onnx_graph import INT64, Graph
from mlagents_tf.export.onnx_layers import body, inputs
from mlagents_tf.export.onnx_math import array, columns, dense, linear, weights_of
from mlagents_tf.export.signature import (
    ACTION_MASKS,
    RECURRENT_IN,
    RECURRENT_OUT,
    constants,
    input_shapes,
)
from mlagents_tf.nn.distributions import FORBIDDEN
from mlagents_tf.nn.policies import ACTION_CLIP, LOG_STD_RANGE, Policy


def onnx_model(policy: Policy) -> bytes:
    """The model with inputs and outputs as `policy_function` describes them, in Unity's order."""
    graph, spec = Graph(), policy.spec
    shapes = input_shapes(spec, policy.memory_size)
    for name, shape in shapes.items():
        graph.input(name, shape)
    obs = [name for name in shapes if name not in (ACTION_MASKS, RECURRENT_IN)]
    seen = inputs(graph, policy.inputs, obs)
    encoding, memories = body(graph, policy.body, seen, RECURRENT_IN)
    add_constants(graph, policy, "version_number", "memory_size")
    if spec.actions.continuous_size:
        add_continuous(graph, policy, encoding)
    if spec.actions.num_branches:
        add_discrete(graph, policy, encoding)
    if memories:
        graph.output(RECURRENT_OUT, memories, (1, policy.memory_size))
    return graph.to_bytes()


def add_constants(graph: Graph, policy: Policy, *names: str) -> None:
    """Outputs that describe the model."""
    values = constants(policy.spec.actions, policy.memory_size)
    for name in names:
        graph.constant_output(name, values[name])


def add_continuous(graph: Graph, policy: Policy, encoding: str) -> None:
    """Outputs of continuous actions, drawn and likeliest."""
    size = policy.spec.actions.continuous_size
    means = dense(graph, "means", policy.heads.means, encoding)
    noise = graph.node("RandomNormalLike", means, dtype=1)
    drawn = graph.node("Add", means, graph.node("Mul", noise, deviations(graph, policy, encoding)))
    graph.output("continuous_actions", squashed(graph, policy, drawn), (size,))
    add_constants(graph, policy, "continuous_action_output_shape")
    graph.output("deterministic_continuous_actions", squashed(graph, policy, means), (size,))


def deviations(graph: Graph, policy: Policy, encoding: str) -> str:
    """Standard deviations [batch, C] or [1, C]."""
    heads = policy.heads
    if heads.log_stds_of is None:
        return graph.weight("stds", np.exp(array(heads.log_stds))[None])
    low, high = LOG_STD_RANGE
    log_stds = dense(graph, "log_stds", heads.log_stds_of, encoding)
    return graph.node("Exp", graph.node("Clip", log_stds, min=low, max=high))


def squashed(graph: Graph, policy: Policy, continuous: str) -> str:
    """What `Policy.squashed` does."""
    if policy.tanh:
        return graph.node("Tanh", continuous)
    clipped = graph.node("Clip", continuous, min=-ACTION_CLIP, max=ACTION_CLIP)
    return graph.node("Div", clipped, graph.weight("action_clip", [ACTION_CLIP]))


def add_discrete(graph: Graph, policy: Policy, encoding: str) -> None:
    """Outputs of discrete actions, drawn and likeliest."""
    actions = policy.spec.actions
    kernel, bias = weights_of(policy.heads.logits)
    drawn, likeliest = [], []
    for branch, options in enumerate(actions.branch_slices()):
        logits = linear(graph, f"logits.{branch}", encoding, kernel[:, options], bias[options])
        allowed = columns(graph, ACTION_MASKS, options.start, options.stop)
        logits = masked(graph, logits, allowed)
        likeliest.append(graph.node("ArgMax", logits, axis=1, keepdims=1))
        log_probs = graph.node("Log", graph.node("Softmax", logits, axis=1))
        drawn.append(graph.node("Multinomial", log_probs, dtype=INT64, sample_size=1))
    shape = (actions.num_branches,)
    graph.output("discrete_actions", graph.node("Concat", *drawn, axis=1), shape, INT64)
    add_constants(graph, policy, "discrete_action_output_shape")
    together = graph.node("Concat", *likeliest, axis=1)
    graph.output("deterministic_discrete_actions", together, shape, INT64)


def masked(graph: Graph, logits: str, allowed: str) -> str:
    """FORBIDDEN where `allowed` is 0: logits * allowed + FORBIDDEN * (1 - allowed).

    Arithmetic, since Unity's runtimes are weak at booleans; it is exact for 0 and 1.
    """
    negative = graph.node("Mul", allowed, graph.weight("minus_one", [-1.0]))
    forbidden = graph.node("Add", negative, graph.weight("one", [1.0]))
    penalty = graph.node("Mul", forbidden, graph.weight("forbidden", [FORBIDDEN]))
    return graph.node("Add", graph.node("Mul", logits, allowed), penalty)
