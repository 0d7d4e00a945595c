"""What a behavior sees and what it may do: shapes and dtypes, as Unity declares them."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

WHITE = 255.0
"""The byte that stands for 1 in images."""


class DimensionProperty(enum.IntFlag):
    """What one axis of an observation means (the values are those of Unity's protocol)."""

    UNSPECIFIED = 0
    NONE = 1
    TRANSLATIONAL_EQUIVARIANCE = 2
    VARIABLE_SIZE = 4


class ObservationType(enum.IntEnum):
    """What an observation is for (the values are those of Unity's protocol)."""

    DEFAULT = 0
    GOAL_SIGNAL = 1


@dataclass(frozen=True)
class ObservationSpec:
    """One observation of an agent.

    Attributes:
        shape: without the batch axis; images are channels first, as Unity sends them since 2.0.
        name: the sensor's name.
        dimension_properties: one per axis; empty means UNSPECIFIED for all.
        observation_type: an ordinary observation or a goal signal.
        dtype: "float32", or "uint8" for images that stay bytes until they reach the network.
    """

    shape: tuple[int, ...]
    name: str = ""
    dimension_properties: tuple[DimensionProperty, ...] = ()
    observation_type: ObservationType = ObservationType.DEFAULT
    dtype: str = "float32"

    @property
    def is_vector(self) -> bool:
        """True for a flat vector of floats."""
        return len(self.shape) == 1

    @property
    def is_image(self) -> bool:
        """True for channels of a picture, a grid or a board: three axes."""
        return len(self.shape) == 3

    @property
    def is_entities(self) -> bool:
        """True for rows that may be absent, in no order: (most there can be, numbers of each)."""
        variable, none = DimensionProperty.VARIABLE_SIZE, DimensionProperty.NONE
        return len(self.shape) == 2 and self.dimension_properties == (variable, none)


@dataclass(frozen=True)
class ActionSpec:
    """Continuous dimensions in [-1, 1] and discrete branches; with both, actions are hybrid."""

    continuous_size: int = 0
    discrete_branches: tuple[int, ...] = ()

    @property
    def num_branches(self) -> int:
        """How many discrete choices an agent makes at once."""
        return len(self.discrete_branches)

    @property
    def num_discrete(self) -> int:
        """Options of all branches together, the width of an action mask."""
        return sum(self.discrete_branches)

    @property
    def vector_size(self) -> int:
        """Numbers of an action as a vector: continuous dimensions, and 0 or 1 for each option."""
        return self.continuous_size + self.num_discrete

    def describe(self) -> str:
        """For people: `continuous 2; discrete [3, 2]`."""
        parts = []
        if self.continuous_size:
            parts.append(f"continuous {self.continuous_size}")
        if self.discrete_branches:
            parts.append(f"discrete {list(self.discrete_branches)}")
        return "; ".join(parts)

    def branch_slices(self) -> tuple[slice, ...]:
        """Where each branch stands in a row of `num_discrete` options."""
        ends = np.cumsum(self.discrete_branches, dtype=int)
        return tuple(
            slice(int(end) - size, int(end))
            for end, size in zip(ends, self.discrete_branches, strict=True)
        )


@dataclass(frozen=True)
class Spec:
    """Observations and actions of one behavior."""

    observations: tuple[ObservationSpec, ...]
    actions: ActionSpec

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return {
            "observations": [asdict(observation) for observation in self.observations],
            "actions": asdict(self.actions),
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Spec:
        """The spec that `to_json` was called on."""
        observations = tuple(
            ObservationSpec(
                shape=tuple(facts["shape"]),
                name=facts["name"],
                dimension_properties=tuple(map(DimensionProperty, facts["dimension_properties"])),
                observation_type=ObservationType(facts["observation_type"]),
                dtype=facts["dtype"],
            )
            for facts in facts["observations"]
        )
        actions = facts["actions"]
        branches = tuple(actions["discrete_branches"])
        return cls(observations, ActionSpec(actions["continuous_size"], branches))

    def fingerprint(self) -> str:
        """A short hash of everything that decides whether stored data fits (names do not)."""
        facts = self.to_json()
        for observation in facts["observations"]:
            del observation["name"]
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def describe(self) -> str:
        """One line for people: `obs [8]; continuous 2`."""
        seen = "obs " + ", ".join(str(list(o.shape)) for o in self.observations)
        return "; ".join(filter(None, (seen, self.actions.describe())))
