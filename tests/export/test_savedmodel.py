"""An exported policy needs nothing but TensorFlow and acts as the trainer's does."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mlagents_tf.export.savedmodel import write_savedmodel
from mlagents_tf.trainers.actor import Actor
from tests.nn.networks import ACTIONS, make_network, make_soft, random_obs, spec_of

CONSUMER = """
import sys
for library in ("mlagents_tf", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[library] = None  # importing it is now an ImportError
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
policy = model.signatures["serving_default"]
inputs = dict(np.load(sys.argv[2]))
results = {"inputs": np.array(sorted(policy.structured_input_signature[1]))}
for rows in (1, 7):
    outputs = policy(**{name: tf.constant(x[:rows]) for name, x in inputs.items()})
    results |= {f"{rows}/{name}": tensor.numpy() for name, tensor in outputs.items()}
draws = [policy(**{name: tf.constant(x) for name, x in inputs.items()}) for _ in range(30)]
for name in ("continuous_actions", "discrete_actions"):
    if name in draws[0]:
        results[f"draws/{name}"] = np.stack([draw[name].numpy() for draw in draws])
np.savez(sys.argv[3], **results)
"""


def make_exported(kind):
    """`continuous` is PPO's policy, `soft continuous` SAC's."""
    make = make_soft if "soft" in kind else make_network
    memory_size = 6 if "remembering" in kind else 0
    spec = spec_of(ACTIONS[kind.split()[-1]])
    return make(spec, normalize=True, memory_size=memory_size).policy


def inputs_for(policy):
    """Seven rows by input name, and the mask as the trainer has it."""
    actions, obs = policy.spec.actions, random_obs(policy.spec, 7)
    inputs = {f"obs_{k}": array for k, array in enumerate(obs)}
    memories = np.random.default_rng(0).normal(0, 1, (7, policy.memory_size)).astype(np.float32)
    if policy.memory_size:
        inputs["recurrent_in"] = memories[:, None]
    if not actions.num_branches:
        return inputs, None
    allowed = np.ones((7, actions.num_discrete), np.bool_)
    _, _, logits, _ = Actor(policy).outputs(obs, memories)
    # whatever would be taken in the first branch is forbidden
    allowed[np.arange(7), logits[:, actions.branch_slices()[0]].argmax(axis=1)] = False
    inputs["action_masks"] = allowed.astype(np.float32)
    return inputs, allowed


@pytest.fixture(scope="module", params=[*ACTIONS, "soft continuous", "remembering soft hybrid"])
def consumed(request, tmp_path_factory):
    """A policy, its inputs, its mask, and what a process without our code got from the export."""
    directory = tmp_path_factory.mktemp(request.param)
    policy = make_exported(request.param)
    inputs, allowed = inputs_for(policy)
    np.savez(directory / "inputs.npz", **inputs)
    write_savedmodel(policy, directory / "saved_model")
    arguments = [directory / name for name in ("saved_model", "inputs.npz", "outputs.npz")]
    subprocess.run(
        [sys.executable, "-I", "-c", CONSUMER, *map(str, arguments)],
        check=True,
        cwd=directory,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    with np.load(directory / "outputs.npz") as outputs:
        return policy, inputs, allowed, dict(outputs)


def test_inputs_have_ml_agents_names(consumed):
    _, inputs, _, outputs = consumed
    assert outputs["inputs"].tolist() == sorted(inputs)


def test_outputs_are_those_of_the_actions_that_the_policy_has(consumed):
    policy, _, _, outputs = consumed
    actions = policy.spec.actions
    expected = {"version_number", "memory_size"}
    if actions.continuous_size:
        expected |= {
            "continuous_actions",
            "deterministic_continuous_actions",
            "continuous_action_output_shape",
        }
    if actions.num_branches:
        expected |= {
            "discrete_actions",
            "deterministic_discrete_actions",
            "discrete_action_output_shape",
        }
    if policy.memory_size:
        expected |= {"recurrent_out"}
    names = {name.removeprefix("7/") for name in outputs if name.startswith("7/")}
    assert names == expected


def test_constants_describe_the_model(consumed):
    policy, _, _, outputs = consumed
    actions = policy.spec.actions
    assert outputs["7/version_number"] == [3.0]
    assert outputs["7/memory_size"] == [float(policy.memory_size)]
    if actions.continuous_size:
        assert outputs["7/continuous_action_output_shape"] == [2.0]
    if actions.num_branches:
        shape = outputs["7/discrete_action_output_shape"]
        assert shape.tolist() == [[float(size) for size in actions.discrete_branches]]


@pytest.mark.parametrize("rows", [1, 7])
def test_deterministic_outputs_are_the_actors_at_any_number_of_rows(consumed, rows):
    policy, inputs, allowed, outputs = consumed
    obs = tuple(obs[:rows] for obs in random_obs(policy.spec, 7))
    mask = None if allowed is None else allowed[:rows]
    memories = inputs["recurrent_in"][:rows, 0] if policy.memory_size else None
    actor = Actor(policy, deterministic=True)
    decision = actor.decide(obs, mask, np.random.default_rng(0), memories)
    expected = decision.actions
    if policy.memory_size:
        found = outputs[f"{rows}/recurrent_out"][:, 0]
        np.testing.assert_allclose(found, decision.memories, rtol=1e-5, atol=1e-5)
    if policy.spec.actions.continuous_size:
        found = outputs[f"{rows}/deterministic_continuous_actions"]
        np.testing.assert_allclose(found, expected.continuous, rtol=1e-5, atol=1e-5)
    if policy.spec.actions.num_branches:
        found = outputs[f"{rows}/deterministic_discrete_actions"]
        np.testing.assert_array_equal(found, expected.discrete)


def test_drawn_actions_vary_within_what_is_allowed(consumed):
    policy, _, allowed, outputs = consumed
    actions = policy.spec.actions
    if actions.continuous_size:
        drawn = outputs["draws/continuous_actions"]
        assert drawn.shape == (30, 7, actions.continuous_size)
        assert (np.abs(drawn) <= 1).all()
        assert drawn.std() > 0.1
        assert (drawn[0] != drawn[1]).any()
    if actions.num_branches:
        drawn = outputs["draws/discrete_actions"]
        assert drawn.shape == (30, 7, actions.num_branches)
        first = allowed[:, actions.branch_slices()[0]]
        assert first[np.arange(7), drawn[:, :, 0]].all()
        for branch, size in enumerate(actions.discrete_branches):
            assert set(np.unique(drawn[:, :, branch])) <= set(range(size))
