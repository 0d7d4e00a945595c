"""Policies at play: they decide for agents, remember what these remember, and learn nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.memories import Memories
from mlagents_tf.steps import Actions, BoolArray, FloatArray, Step
from mlagents_tf.trainers.actor import Decision


class Acting(Protocol):
    """What decides for agents: an actor, or an exported model.

    Attributes:
        memory_size: M, numbers to be remembered of each agent; 0 for none.
    """

    memory_size: int

    def decide(
        self,
        obs: tuple[NDArray[Any], ...],
        allowed: BoolArray | None,
        rng: np.random.Generator,
        memories: FloatArray | None = None,
    ) -> Decision:
        """Actions for agents that see `obs` (tuple of [N, *obs_k]) and remember [N, M]."""


class Player(Protocol):
    """What plays a behavior: a trainer, or an exported model."""

    @property
    def actor(self) -> Acting:
        """What decides."""


class Seat:
    """Where a policy plays one behavior.

    Args:
        actor: decides.

    Attributes:
        memories: of its agents.
    """

    def __init__(self, actor: Acting) -> None:
        self.actor = actor
        self.memories = Memories(actor.memory_size)

    def act(self, step: Step, rng: np.random.Generator) -> Actions:
        """Actions of the deciding rows of a step; to be called on every step."""
        deciding = step.deciding()
        self.memories.observe(step)
        before = self.memories.of(deciding.agent_ids)
        decision = self.actor.decide(deciding.obs, deciding.allowed_actions, rng, before)
        self.memories.keep(deciding.agent_ids, decision.memories)
        return decision.actions


class Players:
    """Decides for all agents of an environment.

    Args:
        players: by behavior.
        rng: of the draws.
    """

    def __init__(self, players: Mapping[str, Player], rng: np.random.Generator) -> None:
        self._seats = {name: Seat(player.actor) for name, player in players.items()}
        self._rng = rng

    def act(self, steps: Mapping[str, Step]) -> dict[str, Actions]:
        """Actions of the deciding rows of each step; to be called on every step."""
        return {name: self._seats[name].act(step, self._rng) for name, step in steps.items()}
