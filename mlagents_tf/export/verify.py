"""Runs an exported model beside its policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.errors import DataError
from mlagents_tf.export.contract import feeds, memory_size_of, misfit
from mlagents_tf.export.models import Arrays, Model
from mlagents_tf.export.signature import RECURRENT_OUT
from mlagents_tf.nn.distributions import masked_logits
from mlagents_tf.nn.policies import Policy
from mlagents_tf.specs import ActionSpec
from mlagents_tf.steps import BoolArray, FloatArray

TOLERANCE = 1e-5
"""Of actions and memories, absolute plus relative."""

BATCHES = (1, 7)

STEPS = 10
"""Decisions one after another, each with the memory that the one before it left."""


def verify(policy: Policy, model: Model) -> float:
    """The largest difference between deterministic actions and memories of `model` and `policy`.

    Raises:
        DataError: the model differs in more than the last digits, or is not of the contract.
    """
    problem = misfit(model, policy.spec)
    if not problem and memory_size_of(model) != policy.memory_size:
        problem = f"it remembers {memory_size_of(model)} numbers, the policy {policy.memory_size}"
    if problem:
        raise DataError(problem)
    rng = np.random.default_rng(0)
    return max(compare(policy, model, rows, rng) for rows in BATCHES)


def compare(policy: Policy, model: Model, rows: int, rng: np.random.Generator) -> float:
    """What `verify` does for one batch of `rows`: one decision, or STEPS where there is memory.

    At first both remember the same random numbers, from then on each what it made of them.
    """
    own = theirs = rng.standard_normal((rows, policy.memory_size), dtype=np.float32)
    difference = 0.0
    for _ in range(STEPS if policy.memory_size else 1):
        obs = random_obs(policy, rows, rng)
        allowed = random_masks(policy.spec.actions, rows, rng)
        *expected, own = policy(tuple(map(tf.constant, obs)), tf.constant(own))
        found = model.run(feeds(policy.spec.actions, obs, allowed, theirs))
        difference = max(difference, check_actions(policy, found, expected, allowed))
        if policy.memory_size:
            theirs = found[RECURRENT_OUT][:, 0]
            apart = largest_difference(RECURRENT_OUT, theirs, own.numpy())
            difference = max(difference, apart)
    return difference


def check_actions(
    policy: Policy, found: Arrays, expected: Sequence[tf.Tensor], allowed: BoolArray | None
) -> float:
    """The largest difference of actions; raise DataError if they are not those of the policy.

    Args:
        expected: means, log_stds and logits of the policy.
    """
    means, _, logits = expected
    difference = 0.0
    if policy.spec.actions.continuous_size:
        difference = check_continuous(found, policy.squashed(means).numpy())
    if allowed is not None:
        logits = masked_logits(logits, allowed).numpy()
        check_discrete(found, policy.spec.actions, logits, allowed)
    return difference


def random_obs(policy: Policy, rows: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
    """Tuple of [rows, *obs_k] of the size that the policy is used to, where it normalises."""
    observations, normalizer = policy.spec.observations, policy.inputs.normalizer
    obs = [rng.standard_normal((rows, *o.shape), dtype=np.float32) for o in observations]
    if normalizer is not None:
        start = 0
        mean = normalizer.mean.numpy()
        std = np.sqrt(normalizer.variance_sum.numpy() / np.float32(normalizer.rows.numpy()))
        for k in policy.inputs.order:
            end = start + observations[k].shape[0]
            obs[k] = mean[start:end] + 2 * std[start:end] * obs[k]  # beyond 5, now and then
            start = end
    return tuple(obs)


def random_masks(actions: ActionSpec, rows: int, rng: np.random.Generator) -> BoolArray | None:
    """[rows, sum of branch sizes] with at least one option of each branch, or None."""
    if not actions.num_branches:
        return None
    allowed = rng.random((rows, actions.num_discrete)) < 0.5
    for options in actions.branch_slices():
        always = rng.integers(options.start, options.stop, rows)
        allowed[np.arange(rows), always] = True
    return allowed


def check_continuous(found: Arrays, expected: FloatArray) -> float:
    """The largest difference of continuous actions; raise DataError if it is too large."""
    drawn, likeliest = found["continuous_actions"], found["deterministic_continuous_actions"]
    if drawn.shape != expected.shape or not (np.abs(drawn) <= 1).all():
        raise DataError(
            f"continuous_actions {list(drawn.shape)} should be {list(expected.shape)} within ±1"
        )
    return largest_difference("deterministic_continuous_actions", likeliest, expected)


def check_discrete(
    found: Arrays, actions: ActionSpec, logits: FloatArray, allowed: BoolArray
) -> None:
    """Raise DataError where options are not allowed, or the likeliest is another than ours.

    Of two options that score the same but for the last digits, either is right.
    """
    for branch, options in enumerate(actions.branch_slices()):
        drawn = found["discrete_actions"][:, branch : branch + 1]
        known = (drawn >= 0) & (drawn < actions.discrete_branches[branch])
        if not known.all() or not np.take_along_axis(allowed[:, options], drawn, axis=1).all():
            raise DataError("discrete_actions has an option that is masked out or unknown")
        scores = logits[:, options]
        taken = found["deterministic_discrete_actions"][:, branch : branch + 1]
        reached = np.take_along_axis(scores, taken, axis=1)
        best = scores.max(axis=1, keepdims=True)
        largest_difference("deterministic_discrete_actions", reached, best)


def largest_difference(name: str, found: NDArray[np.floating], expected: FloatArray) -> float:
    """The largest absolute difference; raise DataError if it is beyond the tolerance."""
    same_shape = found.shape == expected.shape
    if not same_shape or not np.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        apart = f"by {np.abs(found - expected).max():.2g}" if same_shape else "in shape"
        raise DataError(
            f"{name} differs from the policy {apart}, more than {TOLERANCE:g} "
            "(relative and absolute)"
        )
    return float(np.abs(found - expected).max())
