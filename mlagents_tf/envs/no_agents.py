"""The environment of a run that needs none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlagents_tf.envs.env import Parameters, State
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step, make_step


class NoAgents:
    """Behaviors without a single agent: for trainers that learn from demonstrations alone.

    Args:
        specs: of the behaviors.
    """

    def __init__(self, specs: Mapping[str, Spec]) -> None:
        self.specs = specs
        self._steps = {behavior: _nobody(spec) for behavior, spec in specs.items()}

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Steps without rows."""
        return self._steps

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Steps without rows."""
        return self._steps

    def state(self) -> State:
        """Nothing."""
        return {}

    def load_state(self, state: State) -> dict[str, Step]:
        """Steps without rows."""
        return self._steps

    def close(self) -> None:
        """There is nothing to free."""


def _nobody(spec: Spec) -> Step:
    obs = tuple(np.zeros((0, *seen.shape), seen.dtype) for seen in spec.observations)
    return make_step(np.zeros(0, np.int64), obs, np.zeros(0, np.float32))
