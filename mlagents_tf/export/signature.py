"""The policy as a function of named tensors, the contract of ML-Agents' exported models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from mlagents_tf.nn.distributions import masked_logits
from mlagents_tf.nn.policies import Policy
from mlagents_tf.specs import ActionSpec, Spec

VERSION_NUMBER = 3.0
ACTION_MASKS = "action_masks"
RECURRENT_IN = "recurrent_in"
RECURRENT_OUT = "recurrent_out"


def input_shapes(spec: Spec, memory_size: int) -> dict[str, tuple[int, ...]]:
    """Inputs by name, without the batch axis, in ML-Agents' order.

    `obs_0`, ...; `action_masks` (1 = allowed) where there are discrete actions; `recurrent_in`,
    what was remembered before the decision, where anything is.
    """
    shapes = {f"obs_{k}": observation.shape for k, observation in enumerate(spec.observations)}
    if spec.actions.num_branches:
        shapes[ACTION_MASKS] = (spec.actions.num_discrete,)
    if memory_size:
        shapes[RECURRENT_IN] = (1, memory_size)
    return shapes


def input_specs(policy: Policy) -> list[tf.TensorSpec]:
    """The inputs of `policy_function`."""
    shapes = input_shapes(policy.spec, policy.memory_size)
    return [tf.TensorSpec((None, *shape), tf.float32, name) for name, shape in shapes.items()]


def constants(actions: ActionSpec, memory_size: int) -> dict[str, Any]:
    """Outputs that describe the model, always as float32, by name."""
    values: dict[str, Any] = {
        "version_number": [VERSION_NUMBER],
        "memory_size": [float(memory_size)],
    }
    if actions.continuous_size:
        values["continuous_action_output_shape"] = [float(actions.continuous_size)]
    if actions.num_branches:
        sizes = [float(size) for size in actions.discrete_branches]
        values["discrete_action_output_shape"] = [sizes]
    return values


def policy_function(policy: Policy) -> Callable[..., dict[str, tf.Tensor]]:
    """A function of the tensors of `input_specs` to the outputs of ML-Agents' version 3 models.

    Outputs: `version_number`, `memory_size`; `continuous_actions` [n, C] drawn from the policy and
    `deterministic_continuous_actions`, both in the environment's scale; `discrete_actions` [n, D]
    and `deterministic_discrete_actions`; the `*_output_shape` constants; `recurrent_out`
    [n, 1, M], what is remembered behind the decision. Parts that the policy does not have are
    absent.
    """
    actions, size = policy.spec.actions, policy.memory_size
    names = list(input_shapes(policy.spec, size))

    def outputs_of(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        given = dict(zip(names, inputs, strict=True))
        obs = inputs[: len(policy.spec.observations)]
        before = given[RECURRENT_IN][:, 0] if size else None
        means, log_stds, logits, after = policy(obs, before)
        outputs = {name: tf.constant(value) for name, value in constants(actions, size).items()}
        if actions.continuous_size:
            drawn = means + tf.exp(log_stds) * tf.random.normal(tf.shape(means))
            outputs["continuous_actions"] = policy.squashed(drawn)
            outputs["deterministic_continuous_actions"] = policy.squashed(means)
        if actions.num_branches:
            logits = masked_logits(logits, given[ACTION_MASKS] > 0.5)
            branches = [logits[:, options] for options in actions.branch_slices()]
            outputs["discrete_actions"] = tf.concat(
                [tf.random.categorical(branch, 1, tf.int32) for branch in branches], axis=1
            )
            outputs["deterministic_discrete_actions"] = tf.stack(
                [tf.argmax(branch, axis=1, output_type=tf.int32) for branch in branches], axis=1
            )
        if size:
            outputs[RECURRENT_OUT] = after[:, None]
        return outputs

    return outputs_of
