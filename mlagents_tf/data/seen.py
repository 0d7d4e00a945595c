"""What the agents see that ask for a decision now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.agents import Slots
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, IntArray, empty_step


class Seen(NamedTuple):
    """N agents in the order of the step that asks.

    Attributes:
        ids: [N].
        obs: [N, *shape] for each observation.
        slots: [N], -1 for newcomers.
    """

    ids: IntArray
    obs: tuple[NDArray[Any], ...]
    slots: Slots

    @classmethod
    def nobody(cls, spec: Spec) -> Seen:
        """Where no agent asks."""
        return cls(np.zeros(0, np.int64), empty_step(spec).obs, np.zeros(0, np.intp))

    def take(self, rows: BoolArray) -> Seen:
        """Those of `rows` [N]."""
        return Seen(self.ids[rows], tuple(obs[rows] for obs in self.obs), self.slots[rows])

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays by name."""
        named = {"seen/ids": self.ids, "seen/slots": self.slots}
        named |= {f"seen/obs_{k}": obs for k, obs in enumerate(self.obs)}
        return {name: array.copy() for name, array in named.items()}

    def from_state(self, state: Mapping[str, NDArray[Any]]) -> Seen:
        """Those of whom `state()` was taken; other names may stand beside."""
        obs = tuple(state[f"seen/obs_{k}"] for k in range(len(self.obs)))
        return Seen(state["seen/ids"], obs, state["seen/slots"])
