"""What a behavior sees and may do, and actions, as scripts for ML-Agents know them."""

# ruff: noqa: NPY002 - a script seeds random actions with np.random.seed

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlagents_tf.envs.unity.exception import UnityActionException
from mlagents_tf.specs import DimensionProperty, ObservationType, Spec
from mlagents_tf.steps import FloatArray

OptionArray = NDArray[np.int32]


class ActionType(Enum):
    """What kind of actions a behavior has, before there were hybrid ones (Release 1)."""

    DISCRETE = 0
    CONTINUOUS = 1


class ActionTuple:
    """Actions of n agents of one behavior.

    The part that is not given has no columns; while neither is, both are None.
    """

    def __init__(
        self, continuous: ArrayLike | None = None, discrete: ArrayLike | None = None
    ) -> None:
        self._continuous: FloatArray | None = None
        self._discrete: OptionArray | None = None
        if continuous is not None:
            self.add_continuous(continuous)
        if discrete is not None:
            self.add_discrete(discrete)

    @property
    def continuous(self) -> FloatArray:
        """[n, C] float32."""
        if self._continuous is None and self._discrete is not None:
            return np.zeros((len(self._discrete), 0), np.float32)
        return self._continuous  # type: ignore[return-value] # None if there is nothing yet

    @property
    def discrete(self) -> OptionArray:
        """[n, B] int32, the option taken in each branch."""
        if self._discrete is None and self._continuous is not None:
            return np.zeros((len(self._continuous), 0), np.int32)
        return self._discrete  # type: ignore[return-value] # None if there is nothing yet

    @property
    def discrete_dtype(self) -> type[np.int32]:
        """What options are stored as."""
        return np.int32

    def add_continuous(self, continuous: ArrayLike) -> None:
        """Sets the continuous part, [n, C]."""
        self._continuous = np.asarray(continuous, np.float32)

    def add_discrete(self, discrete: ArrayLike) -> None:
        """Sets the discrete part, [n, B]."""
        self._discrete = np.asarray(discrete).astype(np.int32, copy=False)


class ActionSpec(NamedTuple):
    """How many continuous actions there are, and how many options each discrete branch has."""

    continuous_size: int
    discrete_branches: tuple[int, ...]

    def __str__(self) -> str:
        return f"Continuous: {self.continuous_size}, Discrete: {self.discrete_branches}"

    def is_discrete(self) -> bool:
        """True if there are branches and nothing else."""
        return self.discrete_size > 0 and self.continuous_size == 0

    def is_continuous(self) -> bool:
        """True if there are no branches, but continuous actions."""
        return self.discrete_size == 0 and self.continuous_size > 0

    @property
    def discrete_size(self) -> int:
        """How many branches there are."""
        return len(self.discrete_branches)

    def empty_action(self, n_agents: int) -> ActionTuple:
        """Zeros for n agents."""
        return ActionTuple(
            np.zeros((n_agents, self.continuous_size), np.float32),
            np.zeros((n_agents, self.discrete_size), np.int32),
        )

    def random_action(self, n_agents: int) -> ActionTuple:
        """Uniform in [-1, 1] and over all options, masked ones too; of NumPy's global generator."""
        continuous = np.random.uniform(-1.0, 1.0, (n_agents, self.continuous_size))
        discrete = np.zeros((n_agents, self.discrete_size), np.int32)
        for branch, options in enumerate(self.discrete_branches):
            discrete[:, branch] = np.random.randint(0, options, n_agents, np.int32)
        return ActionTuple(continuous, discrete)

    @staticmethod
    def create_continuous(continuous_size: int) -> ActionSpec:
        """Continuous actions only."""
        return ActionSpec(continuous_size, ())

    @staticmethod
    def create_discrete(discrete_branches: tuple[int, ...]) -> ActionSpec:
        """Branches only."""
        return ActionSpec(0, tuple(discrete_branches))

    @staticmethod
    def create_hybrid(continuous_size: int, discrete_branches: tuple[int, ...]) -> ActionSpec:
        """Both."""
        return ActionSpec(continuous_size, tuple(discrete_branches))


class ObservationSpec(NamedTuple):
    """One observation.

    Attributes:
        shape: without the axis of agents; images are channels first.
        dimension_property: one for each axis.
        observation_type: an ordinary observation or a goal.
        name: the sensor's.
    """

    shape: tuple[int, ...]
    dimension_property: tuple[DimensionProperty, ...]
    observation_type: ObservationType
    name: str


class BehaviorSpec(NamedTuple):
    """What agents of a behavior see and may do; behind the two fields, what Release 1 called it."""

    observation_specs: list[ObservationSpec]
    action_spec: ActionSpec

    @property
    def observation_shapes(self) -> list[tuple[int, ...]]:
        """Of each observation, without the axis of agents."""
        return [observation.shape for observation in self.observation_specs]

    @property
    def action_type(self) -> ActionType:
        """Discrete or continuous.

        Raises:
            UnityActionException: actions are both, which Release 1 has no word for.
        """
        continuous, branches = self.action_spec
        if continuous and branches:
            raise UnityActionException(
                f"actions are hybrid ({self.action_spec}), which a script for Release 1 cannot "
                "say; use action_spec and ActionTuple."
            )
        return ActionType.DISCRETE if branches else ActionType.CONTINUOUS

    @property
    def action_shape(self) -> int | tuple[int, ...]:
        """How many continuous actions there are, or how many options each branch has."""
        continuous, branches = self.action_spec
        return branches if self.is_action_discrete() else continuous

    @property
    def action_size(self) -> int:
        """How many continuous actions or branches there are."""
        continuous, branches = self.action_spec
        return len(branches) if self.is_action_discrete() else continuous

    @property
    def discrete_action_branches(self) -> tuple[int, ...] | None:
        """How many options each branch has; None if actions are continuous."""
        return self.action_spec.discrete_branches if self.is_action_discrete() else None

    def is_action_discrete(self) -> bool:
        """True if there are branches."""
        return self.action_type is ActionType.DISCRETE

    def is_action_continuous(self) -> bool:
        """True if there are continuous actions."""
        return self.action_type is ActionType.CONTINUOUS

    def create_empty_action(self, n_agents: int) -> NDArray[Any]:
        """[n_agents, action_size] zeros, int32 or float32."""
        return self._part(self.action_spec.empty_action(n_agents))

    def create_random_action(self, n_agents: int) -> NDArray[Any]:
        """[n_agents, action_size], int32 or float32, as `ActionSpec.random_action` draws."""
        return self._part(self.action_spec.random_action(n_agents))

    def _part(self, actions: ActionTuple) -> NDArray[Any]:
        return actions.discrete if self.is_action_discrete() else actions.continuous


def behavior_spec(spec: Spec) -> BehaviorSpec:
    """The same in the words of ML-Agents."""
    observations = [
        ObservationSpec(
            seen.shape,
            seen.dimension_properties or (DimensionProperty.UNSPECIFIED,) * len(seen.shape),
            seen.observation_type,
            seen.name,
        )
        for seen in spec.observations
    ]
    actions = spec.actions
    return BehaviorSpec(
        observations, ActionSpec(actions.continuous_size, actions.discrete_branches)
    )
