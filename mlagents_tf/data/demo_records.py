"""Records of a `.demo` file as they stand there, as arrays."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray


class Records(NamedTuple):
    """K records as they stand in a file; actions are not aligned with observations yet.

    Attributes:
        obs: tuple of [K, *shape], in the dtype of the spec, images channels first.
        continuous: [K, C] float32.
        discrete: [K, D] int32.
        has_action: [K] bool, False where a converted file has none: behind the last decision.
        allowed: [K, sum of branch sizes] bool, for the decision that follows.
        rewards: [K] float32 since the record before, group rewards included.
        ended: [K] bool, the last record of its episode.
        interrupted: [K] bool, ended because it was cut.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    has_action: BoolArray
    allowed: BoolArray
    rewards: FloatArray
    ended: BoolArray
    interrupted: BoolArray


def empty_records(spec: Spec, count: int) -> Records:
    """Room for `count` records that have not ended and were rewarded with nothing."""
    actions = spec.actions
    return Records(
        tuple(np.empty((count, *obs.shape), obs.dtype) for obs in spec.observations),
        np.zeros((count, actions.continuous_size), np.float32),
        np.zeros((count, actions.num_branches), np.int32),
        np.ones(count, np.bool_),
        np.ones((count, actions.num_discrete), np.bool_),
        np.zeros(count, np.float32),
        np.zeros(count, np.bool_),
        np.zeros(count, np.bool_),
    )


def record_bytes(spec: Spec) -> int:
    """What a record takes in memory."""
    seen = sum(math.prod(obs.shape) * np.dtype(obs.dtype).itemsize for obs in spec.observations)
    actions = spec.actions
    return seen + 4 * (actions.continuous_size + actions.num_branches) + actions.num_discrete + 7
