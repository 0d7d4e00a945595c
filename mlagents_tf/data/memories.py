"""What agents remember from decision to decision, for who acts without learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.agents import CLEANING, Agents
from mlagents_tf.steps import FloatArray, IntArray, Step


def memory_column(memory_size: int) -> np.dtype[Any]:
    """As a column of `Agents`: `memory_size` numbers of each."""
    return np.dtype((np.float32, (memory_size,)))


class Memories:
    """[M] numbers of each agent, 0 at the beginning of an episode.

    Args:
        memory_size: M; 0 costs nothing.
    """

    def __init__(self, memory_size: int) -> None:
        self.memory_size = memory_size
        self._agents = Agents({"memories": memory_column(memory_size), "seen": np.int64})
        self._clock = 0

    def of(self, agent_ids: IntArray) -> FloatArray:
        """[N, M] of agents [N], whether they were heard of or not."""
        if not self.memory_size:
            return np.zeros((len(agent_ids), 0), np.float32)
        memories: FloatArray = self._agents.values("memories", agent_ids)
        return memories

    def keep(self, agent_ids: IntArray, memories: FloatArray) -> None:
        """Takes over what agents [N] remember now, [N, M]."""
        if not self.memory_size:
            return
        slots = self._agents.find(agent_ids)
        new = slots < 0
        if new.any():
            slots = slots.copy()
            slots[new] = self._agents.add(agent_ids[new])
        self._agents["memories"][slots] = memories
        self._agents["seen"][slots] = self._clock

    def observe(self, step: Step) -> None:
        """Forgets agents whose episode ended, and those that were not heard of for long."""
        if not self.memory_size:
            return
        self._clock += 1
        self.forget(step.agent_ids[step.ended])
        if self._clock % CLEANING == 0:
            self._agents.remove_silent(self._clock)

    def forget(self, agent_ids: IntArray | None = None) -> None:
        """Agents [N], or all, remember nothing any more."""
        slots = self._agents.live if agent_ids is None else self._agents.find(agent_ids)
        self._agents.remove(slots[slots >= 0])

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays by name that stay as they are."""
        return {**self._agents.state(), "clock": np.array(self._clock)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken."""
        self._agents.load_state(state)
        self._clock = int(state["clock"])
