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


def input_specs(spec: Spec) -> list[tf.TensorSpec]:
    """`obs_0`, ..., and `action_masks` (1 = allowed) for a policy with discrete actions."""
    specs = [
        tf.TensorSpec((None, *observation.shape), tf.float32, f"obs_{k}")
        for k, observation in enumerate(spec.observations)
    ]
    if spec.actions.num_branches:
        specs.append(tf.TensorSpec((None, spec.actions.num_discrete), tf.float32, ACTION_MASKS))
    return specs


def constants(actions: ActionSpec) -> dict[str, Any]:
    """Outputs that describe the model, always as float32, by name."""
    values: dict[str, Any] = {"version_number": [VERSION_NUMBER], "memory_size": [0.0]}
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
    and `deterministic_discrete_actions`; the `*_output_shape` constants. Parts that the policy
    does not have are absent.
    """
    actions = policy.spec.actions

    def outputs_of(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        obs = inputs[: len(policy.spec.observations)]
        means, log_stds, logits, _ = policy(obs)
        outputs = {name: tf.constant(value) for name, value in constants(actions).items()}
        if actions.continuous_size:
            drawn = means + tf.exp(log_stds) * tf.random.normal(tf.shape(means))
            outputs["continuous_actions"] = policy.squashed(drawn)
            outputs["deterministic_continuous_actions"] = policy.squashed(means)
        if actions.num_branches:
            logits = masked_logits(logits, inputs[-1] > 0.5)
            branches = [logits[:, options] for options in actions.branch_slices()]
            outputs["discrete_actions"] = tf.concat(
                [tf.random.categorical(branch, 1, tf.int32) for branch in branches], axis=1
            )
            outputs["deterministic_discrete_actions"] = tf.stack(
                [tf.argmax(branch, axis=1, output_type=tf.int32) for branch in branches], axis=1
            )
        return outputs

    return outputs_of
