"""Agents that ask for a decision and agents that have ended, as scripts for ML-Agents see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.unity.behavior_spec import BehaviorSpec
from mlagents_tf.specs import WHITE, ActionSpec
from mlagents_tf.steps import BoolArray, FloatArray, Step

Ids = NDArray[np.int32]


class DecisionStep(NamedTuple):
    """One agent that asks for a decision.

    Attributes:
        obs: of each sensor.
        reward: since its previous decision.
        agent_id: of the agent.
        action_mask: [options] bool of each branch, True = not allowed; None without branches.
        group_id: 0 = none.
        group_reward: of its group, since the previous decision.
    """

    obs: list[NDArray[Any]]
    reward: float
    agent_id: int
    action_mask: list[BoolArray] | None
    group_id: int = 0
    group_reward: float = 0.0


class TerminalStep(NamedTuple):
    """One agent whose episode has ended.

    Attributes:
        obs: of each sensor, the last of the episode.
        reward: since its previous decision.
        interrupted: it was cut, as by Max Step.
        agent_id: of the agent.
        group_id: 0 = none.
        group_reward: of its group, since the previous decision.
    """

    obs: list[NDArray[Any]]
    reward: float
    interrupted: bool
    agent_id: int
    group_id: int = 0
    group_reward: float = 0.0

    @property
    def max_step(self) -> bool:
        """What Release 1 calls `interrupted`."""
        return self.interrupted


class _Agents(Mapping[int, Any]):
    """Columns of n agents, and each of them by its id."""

    def __init__(
        self,
        obs: list[NDArray[Any]],
        reward: FloatArray,
        agent_id: Ids,
        group_id: Ids | None,
        group_reward: FloatArray | None,
    ) -> None:
        self.obs = obs
        self.reward = reward
        self.agent_id = agent_id
        self.group_id = np.zeros(len(agent_id), np.int32) if group_id is None else group_id
        self.group_reward = (
            np.zeros(len(agent_id), np.float32) if group_reward is None else group_reward
        )

    @cached_property
    def agent_id_to_index(self) -> dict[int, int]:
        """Where each agent stands in the columns."""
        return {number: index for index, number in enumerate(self.agent_id.tolist())}

    def __len__(self) -> int:
        return len(self.agent_id)

    def __iter__(self) -> Iterator[int]:
        return iter(self.agent_id.tolist())

    def _index(self, agent_id: int) -> int:
        try:
            return self.agent_id_to_index[agent_id]
        except KeyError:
            raise KeyError(f"agent {agent_id} is not among these {type(self).__name__}") from None


class DecisionSteps(_Agents):
    """Agents of a behavior that ask for a decision; a mapping from ids to `DecisionStep`.

    Attributes:
        obs: [n, *shape] of each sensor, float32.
        reward: [n] float32, since the previous decision.
        agent_id: [n] int32.
        action_mask: [n, options] bool of each branch, True = not allowed; None without branches.
        group_id: [n] int32, 0 = none.
        group_reward: [n] float32.
    """

    def __init__(
        self,
        obs: list[NDArray[Any]],
        reward: FloatArray,
        agent_id: Ids,
        action_mask: list[BoolArray] | None,
        group_id: Ids | None = None,
        group_reward: FloatArray | None = None,
    ) -> None:
        super().__init__(obs, reward, agent_id, group_id, group_reward)
        self.action_mask = action_mask

    def __getitem__(self, agent_id: int) -> DecisionStep:
        index = self._index(agent_id)
        mask = self.action_mask
        return DecisionStep(
            [obs[index] for obs in self.obs],
            self.reward[index],
            agent_id,
            None if mask is None else [branch[index] for branch in mask],
            self.group_id[index],
            self.group_reward[index],
        )

    @staticmethod
    def empty(spec: BehaviorSpec) -> DecisionSteps:
        """Without agents."""
        return DecisionSteps(_no_obs(spec), np.zeros(0, np.float32), np.zeros(0, np.int32), None)


class TerminalSteps(_Agents):
    """Agents of a behavior whose episodes have ended; a mapping from ids to `TerminalStep`.

    Attributes:
        obs: [n, *shape] of each sensor, float32, the last of the episode.
        reward: [n] float32, since the previous decision.
        interrupted: [n] bool, cut, as by Max Step.
        agent_id: [n] int32.
        group_id: [n] int32, 0 = none.
        group_reward: [n] float32.
    """

    def __init__(
        self,
        obs: list[NDArray[Any]],
        reward: FloatArray,
        interrupted: BoolArray,
        agent_id: Ids,
        group_id: Ids | None = None,
        group_reward: FloatArray | None = None,
    ) -> None:
        super().__init__(obs, reward, agent_id, group_id, group_reward)
        self.interrupted = interrupted

    @property
    def max_step(self) -> BoolArray:
        """What Release 1 calls `interrupted`."""
        return self.interrupted

    def __getitem__(self, agent_id: int) -> TerminalStep:
        index = self._index(agent_id)
        return TerminalStep(
            [obs[index] for obs in self.obs],
            self.reward[index],
            self.interrupted[index],
            agent_id,
            self.group_id[index],
            self.group_reward[index],
        )

    @staticmethod
    def empty(spec: BehaviorSpec) -> TerminalSteps:
        """Without agents."""
        none = np.zeros(0, np.float32)
        return TerminalSteps(_no_obs(spec), none, np.zeros(0, np.bool_), np.zeros(0, np.int32))


def decision_steps(step: Step, actions: ActionSpec) -> DecisionSteps:
    """The rows of a step that ask for a decision."""
    rows = step.deciding()
    return DecisionSteps(
        _as_floats(rows),
        rows.rewards,
        rows.agent_ids.astype(np.int32),
        _forbidden(rows, actions),
        rows.group_ids.astype(np.int32),
        rows.group_rewards,
    )


def terminal_steps(step: Step) -> TerminalSteps:
    """The rows of a step that have ended."""
    rows = step.take(step.ended)
    return TerminalSteps(
        _as_floats(rows),
        rows.rewards,
        rows.interrupted,
        rows.agent_ids.astype(np.int32),
        rows.group_ids.astype(np.int32),
        rows.group_rewards,
    )


def _forbidden(rows: Step, actions: ActionSpec) -> list[BoolArray] | None:
    """[n, options] of each branch; there is a mask of branches even if nothing is forbidden."""
    if not actions.num_branches:
        return None
    if rows.allowed_actions is None:
        forbidden = np.zeros((len(rows.agent_ids), actions.num_discrete), np.bool_)
    else:
        forbidden = ~rows.allowed_actions
    return [forbidden[:, branch] for branch in actions.branch_slices()]


def _as_floats(rows: Step) -> list[NDArray[Any]]:
    """Observations; those that are bytes become numbers from 0 to 1."""
    return [
        obs.astype(np.float32) / np.float32(WHITE) if obs.dtype == np.uint8 else obs
        for obs in rows.obs
    ]


def _no_obs(spec: BehaviorSpec) -> list[NDArray[Any]]:
    return [np.zeros((0, *shape), np.float32) for shape in spec.observation_shapes]
