"""What comes out of a memory: ended episodes, and the rows an update trains on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray


class Episodes(NamedTuple):
    """Episodes that ended in a step.

    Attributes:
        returns: [N] float64 sums of rewards of agents.
        lengths: [N] int64 their decisions.
        group_returns: [M] float64 sums of group rewards of groups; none from a memory that does
            not know groups.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    group_returns: NDArray[np.float64] = np.zeros(0)


class TapeRows(NamedTuple):
    """A filled tape, story by story, padded to F rows; every array has F rows.

    Behind row i stands what the same agent saw next. A story ends with a row that has `mask` 0 and
    carries nothing but the observation to bootstrap from. Where agents remember something, each
    story begins a sequence, and the last sequence of each is filled up.

    Attributes:
        obs: tuple of [F, *shape].
        continuous: [F, C] float32, as sampled.
        discrete: [F, D] int32.
        allowed: [F, sum of branch sizes] bool.
        rewards: [F] float32 from the environment, group rewards included.
        terminated: [F] float32, 1 where nothing is to be earned beyond the row.
        last: [F] float32, 1 on the final row of a story.
        mask: [F] float32, 1 on real rows, 0 on bootstrap and padding rows.
        memories: [F, M] float32, what was remembered before the row.
        log_probs: ([F] float32,) of what was drawn, by the weights that drew it, NaN where nobody
            knows; empty if acting does not note them.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    allowed: NDArray[np.bool_]
    rewards: FloatArray
    terminated: FloatArray
    last: FloatArray
    mask: FloatArray
    memories: FloatArray
    log_probs: tuple[FloatArray, ...] = ()

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
        memories: [K, B, M] float32, what the policy remembered before the row.
        mask: [K, B] float32, 0 on rows that only fill a sequence up.
    """

    obs: tuple[NDArray[Any], ...]
    continuous: FloatArray
    discrete: NDArray[np.int32]
    allowed: BoolArray
    rewards: FloatArray
    terminated: BoolArray
    next_obs: tuple[NDArray[Any], ...]
    next_allowed: BoolArray
    memories: FloatArray
    mask: FloatArray


def story_places(stories: NDArray[np.int64], length: int) -> NDArray[np.intp]:
    """Where rows [N], sorted by story, stand if each story begins a sequence of `length` rows."""
    first = np.flatnonzero(np.diff(stories, prepend=-1))
    counts = np.diff(first, append=len(stories))
    padded = -(-counts // length) * length
    shifts: NDArray[np.intp] = np.cumsum(padded) - padded - first
    return np.arange(len(stories), dtype=np.intp) + np.repeat(shifts, counts)


def tape_columns(
    spec: Spec, memory_size: int, log_probs: bool, rows: int
) -> dict[str, NDArray[Any]]:
    """What a tape stores of each of `rows` decisions, by name; `log_probs` only if asked for."""
    actions = spec.actions
    columns: dict[str, NDArray[Any]] = {
        f"obs_{k}": np.zeros((rows, *observation.shape), observation.dtype)
        for k, observation in enumerate(spec.observations)
    }
    if log_probs:
        columns["log_probs"] = np.zeros(rows, np.float32)
    return columns | {
        "continuous": np.zeros((rows, actions.continuous_size), np.float32),
        "discrete": np.zeros((rows, actions.num_branches), np.int32),
        "allowed": np.ones((rows, actions.num_discrete), np.bool_),
        "rewards": np.zeros(rows, np.float32),
        "terminated": np.zeros(rows, np.float32),
        "last": np.zeros(rows, np.float32),
        "mask": np.zeros(rows, np.float32),
        "story": np.zeros(rows, np.int64),
        "memories": np.zeros((rows, memory_size), np.float32),
    }


def sorted_rows(
    columns: Mapping[str, NDArray[Any]],
    order: NDArray[np.intp],
    at: NDArray[np.intp],
    num_rows: int,
) -> TapeRows:
    """A tape as an update learns from it.

    Args:
        columns: [N, ...] by name, as `tape_columns` has them.
        order: [N] sorts them by story.
        at: [N] where they stand then, ascending.
        num_rows: F; rows where none stands are padding.
    """
    without_gaps = len(at) == 0 or at[-1] == len(at) - 1

    def told(name: str, padding: int = 0) -> NDArray[Any]:
        column = columns[name]
        rows = np.full((num_rows, *column.shape[1:]), padding, column.dtype)
        if without_gaps:  # no copy in between
            np.take(column, order, axis=0, out=rows[: len(at)], mode="clip")
        else:
            rows[at] = column[order]
        return rows

    mask, last = told("mask"), told("last")
    # an answered row before one without an answer ends its story
    last[:-1] = np.where(mask[1:] == 0, mask[:-1], last[:-1])
    return TapeRows(
        obs=tuple(told(name) for name in columns if name.startswith("obs_")),
        continuous=told("continuous"),
        discrete=told("discrete"),
        allowed=told("allowed", True),
        rewards=told("rewards"),
        terminated=told("terminated"),
        last=last,
        mask=mask,
        memories=told("memories"),
        log_probs=tuple(told(name) for name in columns if name == "log_probs"),
    )
