"""The low-level interface of ML-Agents' environments, for scripts written for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from mlagents_tf.envs.unity.agent_steps import (
    DecisionStep,
    DecisionSteps,
    TerminalStep,
    TerminalSteps,
)
from mlagents_tf.envs.unity.behavior_spec import (
    ActionSpec,
    ActionTuple,
    ActionType,
    BehaviorSpec,
    ObservationSpec,
)
from mlagents_tf.envs.unity.exception import UnityActionException
from mlagents_tf.specs import DimensionProperty, ObservationType

__all__ = [
    "ActionSpec",
    "ActionTuple",
    "ActionType",
    "AgentId",
    "BaseEnv",
    "BehaviorMapping",
    "BehaviorName",
    "BehaviorSpec",
    "DecisionStep",
    "DecisionSteps",
    "DimensionProperty",
    "GroupId",
    "ObservationSpec",
    "ObservationType",
    "TerminalStep",
    "TerminalSteps",
]

AgentId = int
GroupId = int
BehaviorName = str
BehaviorMapping = MappingProxyType


class BaseEnv(ABC):
    """Environments of many agents, driven by hand: look at steps, set actions, step."""

    @abstractmethod
    def reset(self) -> None:
        """Begins anew."""

    @abstractmethod
    def step(self) -> None:
        """Goes on with the actions that were set until agents end or ask for decisions."""

    @abstractmethod
    def close(self) -> None:
        """Ends the environment."""

    @property
    @abstractmethod
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        """Of each behavior that has had agents; read-only, may grow."""

    @abstractmethod
    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        """Agents of a behavior that ask for a decision now, and those that have just ended.

        Raises:
            UnityActionException: the behavior is unknown.
        """

    @abstractmethod
    def set_actions(self, behavior_name: str, action: ActionTuple | NDArray[Any]) -> None:
        """Actions of all agents of a behavior that ask for a decision, in their order.

        Args:
            behavior_name: one of `behavior_specs`.
            action: one row for each agent; an array, as Release 1 has it, if actions are not
                hybrid.

        Raises:
            UnityActionException: the behavior is unknown, or the actions do not fit it.
        """

    @abstractmethod
    def set_action_for_agent(
        self, behavior_name: str, agent_id: int, action: ActionTuple | NDArray[Any]
    ) -> None:
        """The action of one agent; those of its behavior that get none do nothing.

        Raises:
            UnityActionException: the behavior is unknown, or the action does not fit it.
            IndexError: the agent does not ask for a decision.
        """

    def get_behavior_names(self) -> list[str]:
        """Of `behavior_specs`, as Release 1 has it."""
        return list(self.behavior_specs)

    def get_behavior_spec(self, behavior_name: str) -> BehaviorSpec:
        """One of `behavior_specs`, as Release 1 has it.

        Raises:
            UnityActionException: the behavior is unknown.
        """
        try:
            return self.behavior_specs[behavior_name]
        except KeyError:
            known = ", ".join(self.behavior_specs) or "none before the first reset"
            raise UnityActionException(
                f"there is no behavior '{behavior_name}'; there are: {known}."
            ) from None
