"""Worlds that fit the models of ML-Agents' exporter in the reference data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, ObservationType, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

ENTITIES = (DimensionProperty.VARIABLE_SIZE, DimensionProperty.NONE)


class Noise(World):
    """Episodes of five decisions among random numbers; each pays the first action."""

    behavior = "Noise"
    summary = "random numbers"
    default_areas = 3
    max_decisions = 5

    def _begin(self, areas: NDArray[np.int64]) -> None:
        pass

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        first = np.concatenate([actions.continuous, actions.discrete], axis=1)[:, 0]
        return first.astype(np.float32), np.zeros(self.num_agents, np.bool_)

    def _observe(self) -> Observations:
        return tuple(
            self.generator.normal(0, 1, (self.num_agents, *seen.shape)).astype(np.float32)
            for seen in self.spec.observations
        )

    def _allowed_actions(self) -> BoolArray | None:
        """Everything but the first option of each branch."""
        actions = self.spec.actions
        if not actions.num_branches:
            return None
        allowed = np.ones((self.num_agents, actions.num_discrete), np.bool_)
        allowed[:, [options.start for options in actions.branch_slices()]] = False
        return allowed


class Discrete(Noise):
    """Of `discrete.onnx`."""

    spec = Spec((ObservationSpec((5,)),), ActionSpec(0, (3, 2)))


class Hybrid(Noise):
    """Of `hybrid.onnx`."""

    spec = Spec((ObservationSpec((5,)),), ActionSpec(3, (2,)))


class Visual(Noise):
    """Of `discrete_visual.onnx`."""

    spec = Spec((ObservationSpec((3, 36, 36)), ObservationSpec((4,))), ActionSpec(0, (5,)))


class EntitiesAndGoal(Noise):
    """Of `entities_goal.onnx`."""

    spec = Spec(
        (
            ObservationSpec((6, 4), dimension_properties=ENTITIES),
            ObservationSpec((3,)),
            ObservationSpec((2,), observation_type=ObservationType.GOAL_SIGNAL),
        ),
        ActionSpec(1),
    )


MODELS = {
    "continuous": "3DBall",
    "continuous_lstm": "3DBall",
    "sac_continuous": "3DBall",
    "discrete": Discrete,
    "discrete_visual": Visual,
    "entities_goal": EntitiesAndGoal,
    "hybrid": Hybrid,
}
"""Where each file can play: the name of an embedded environment, or a world of this file."""
