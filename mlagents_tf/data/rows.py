"""What comes out of a memory: ended episodes, and the rows an update trains on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.steps import BoolArray, FloatArray


class Episodes(NamedTuple):
    """Episodes that ended in a step: sum of rewards [N] float64 and decisions [N] int64."""

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]


class TapeRows(NamedTuple):
    """A filled tape, story by story, padded to F rows; every array has F rows.

    Behind row i stands what the same agent saw next. A story ends with a row that has `mask` 0 and
    carries nothing but the observation to bootstrap from.

    Attributes:
        obs: tuple of [F, *shape].
        continuous: [F, C] float32, as sampled.
        discrete: [F, D] int32.
        allowed: [F, sum of branch sizes] bool.
        rewards: [F] float32 from the environment, group rewards included.
        terminated: [F] float32, 1 where nothing is to be earned beyond the row.
        last: [F] float32, 1 on the final row of a story.
        mask: [F] float32, 1 on real rows, 0 on bootstrap and padding rows.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    allowed: NDArray[np.bool_]
    rewards: FloatArray
    terminated: FloatArray
    last: FloatArray
    mask: FloatArray

    @property
    def real(self) -> NDArray[np.intp]:
        """Indices of real rows."""
        return np.flatnonzero(self.mask)


class Batches(NamedTuple):
    """K minibatches of B transitions; every array is [K, B, ...].

    Attributes:
        obs: tuple of [K, B, *shape], in the dtype of the spec.
        continuous: [K, B, C] float32 in the environment's scale.
        discrete: [K, B, D] int32.
        allowed: [K, B, sum of branch sizes] bool.
        rewards: [K, B] float32 from the environment, group rewards included.
        terminated: [K, B] bool, True where nothing is to be earned afterwards.
        next_obs: like `obs`, what the same agent saw afterwards.
        next_allowed: like `allowed`, for the decision at `next_obs`.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    allowed: BoolArray
    rewards: FloatArray
    terminated: BoolArray
    next_obs: tuple[NDArray[Any], ...]
    next_allowed: BoolArray
