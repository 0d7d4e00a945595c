"""What passes between an environment and a trainer at one instant, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.specs import ActionSpec, Spec

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NO_GROUP = 0


class Step(NamedTuple):
    """What an environment says about N agents of one behavior.

    Rows are agents whose episode has just ended (`terminated` or `interrupted`) and agents that
    ask for a decision (neither). Ids are unique within a step: an agent that begins a new episode
    gets a new id, so its last row of the old episode and its first row of the new one can stand
    in the same step. `rewards` is what the agent earned since its previous decision; on the first
    row of an episode it is 0.

    Attributes:
        agent_ids: [N] int64.
        obs: tuple of [N, *shape], in the order and dtype of the spec. On an ended row it is the
            last observation of the episode, never the first of the next.
        rewards: [N] float32.
        group_ids: [N] int64, NO_GROUP for an agent without a group.
        group_rewards: [N] float32.
        allowed_actions: [N, sum of branch sizes] bool, True = may be taken; None = all may.
        terminated: [N] bool, the task ended: no value beyond it.
        interrupted: [N] bool, cut from outside (time limit): the value goes on.
    """

    agent_ids: IntArray
    obs: tuple[NDArray[np.generic], ...]
    rewards: FloatArray
    group_ids: IntArray
    group_rewards: FloatArray
    allowed_actions: BoolArray | None
    terminated: BoolArray
    interrupted: BoolArray

    @property
    def ended(self) -> BoolArray:
        """[N] bool, rows that do not ask for a decision."""
        return self.terminated | self.interrupted

    @property
    def num_deciding(self) -> int:
        """Rows that ask for a decision."""
        return len(self.agent_ids) - int(np.count_nonzero(self.ended))

    def deciding(self) -> Step:
        """The same step with only the rows that ask for a decision."""
        ended = self.ended
        return self.take(~ended) if ended.any() else self

    def take(self, rows: NDArray[np.generic]) -> Step:
        """The same step with only `rows` ([M] indices or [N] bool), in that order."""
        return Step(
            self.agent_ids[rows],
            tuple(obs[rows] for obs in self.obs),
            self.rewards[rows],
            self.group_ids[rows],
            self.group_rewards[rows],
            None if self.allowed_actions is None else self.allowed_actions[rows],
            self.terminated[rows],
            self.interrupted[rows],
        )


class Actions(NamedTuple):
    """Actions of the deciding rows of a step, in their order.

    Attributes:
        continuous: [M, C] float32 in [-1, 1].
        discrete: [M, D] int32, the option taken in each branch.
    """

    continuous: FloatArray
    discrete: NDArray[np.int32]


def make_step(
    agent_ids: IntArray,
    obs: tuple[NDArray[np.generic], ...],
    rewards: FloatArray | None = None,
    *,
    allowed_actions: BoolArray | None = None,
    terminated: BoolArray | None = None,
    interrupted: BoolArray | None = None,
    group_ids: IntArray | None = None,
    group_rewards: FloatArray | None = None,
) -> Step:
    """A step in which whatever is not given is zero, false, or without a group."""
    n = len(agent_ids)
    return Step(
        agent_ids,
        obs,
        np.zeros(n, np.float32) if rewards is None else rewards,
        np.full(n, NO_GROUP, np.int64) if group_ids is None else group_ids,
        np.zeros(n, np.float32) if group_rewards is None else group_rewards,
        allowed_actions,
        np.zeros(n, np.bool_) if terminated is None else terminated,
        np.zeros(n, np.bool_) if interrupted is None else interrupted,
    )


def stack_steps(first: Step, second: Step) -> Step:
    """Rows of `first`, then rows of `second`; both have masks or neither has."""
    allowed = None
    if first.allowed_actions is not None and second.allowed_actions is not None:
        allowed = np.concatenate([first.allowed_actions, second.allowed_actions])
    return Step(
        np.concatenate([first.agent_ids, second.agent_ids]),
        tuple(np.concatenate(pair) for pair in zip(first.obs, second.obs, strict=True)),
        np.concatenate([first.rewards, second.rewards]),
        np.concatenate([first.group_ids, second.group_ids]),
        np.concatenate([first.group_rewards, second.group_rewards]),
        allowed,
        np.concatenate([first.terminated, second.terminated]),
        np.concatenate([first.interrupted, second.interrupted]),
    )


def empty_step(spec: Spec) -> Step:
    """A step without agents."""
    return make_step(
        np.zeros(0, np.int64),
        tuple(np.zeros((0, *obs.shape), obs.dtype) for obs in spec.observations),
    )


def no_actions(spec: ActionSpec, rows: int = 0) -> Actions:
    """Zero in every dimension and branch."""
    return Actions(
        np.zeros((rows, spec.continuous_size), np.float32),
        np.zeros((rows, spec.num_branches), np.int32),
    )
