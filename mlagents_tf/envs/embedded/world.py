"""Embedded environments whose agents all have one behavior and nothing to do with each other."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.areas import (
    Areas,
    Observations,
    load_step,
    read_only,
    store_step,
)
from mlagents_tf.envs.env import State, check_actions
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray, Step, make_step, stack_steps

__all__ = ["Observations", "World"]


class World(Areas):
    """A areas with one agent each, all of one behavior, moved together without a loop.

    A subclass says how areas begin, advance and look; this class gives ids to agents, ends episodes
    at the time limit, and builds steps. In a step the ended rows come first, then one deciding row
    for each area, in the order of the areas. Where `agents_per_area` agents share an area, each
    has a row and episodes of its own: "area" reads as "agent" below, and those of the first area
    come first. Arrays of a step are never written again by the world;
    those that seldom change (ids, groups, flags) are shared between steps and read-only.

    Class attributes:
        spec: what an agent sees and does; the other attributes are those of `Areas`.
    """

    spec: ClassVar[Spec]

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self._calm = _constants(self.num_agents)
        self._branches = np.asarray(self.spec.actions.discrete_branches, np.uint32)

    @abc.abstractmethod
    def _begin(self, areas: NDArray[np.int64]) -> None:
        """Begin an episode in `areas`, [n] indices."""

    @abc.abstractmethod
    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        """Move all areas to the next decision; [A] rewards and [A] terminated, fresh arrays."""

    @abc.abstractmethod
    def _observe(self) -> Observations:
        """What each agent sees now, in fresh arrays."""

    def _allowed_actions(self) -> BoolArray | None:
        """[A, options] what each agent may do now, in a fresh array; None = everything."""
        return None

    @classmethod
    def all_specs(cls) -> Mapping[str, Spec]:
        """The one behavior's spec, by its name."""
        return {cls.behavior: cls.spec}

    def _store_current(self) -> State:
        """The part of a state that holds the current step."""
        return store_step(self._current[self.behavior])

    def _load_current(self, state: State) -> dict[str, Step]:
        """The current step that `_store_current` stored."""
        return {self.behavior: load_step(state)}

    def _first(self) -> dict[str, Step]:
        """What `reset` returns, when every area has begun."""
        return {self.behavior: self._calm_step()}

    def _next(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """What `step` returns."""
        rewards, terminated = self._advance(self._checked(actions))
        self._clock += 1
        if self._clock < self._deadline and not terminated.any():
            return {self.behavior: self._calm_step(rewards)}
        return {self.behavior: self._eventful_step(rewards, terminated)}

    def _calm_step(self, rewards: FloatArray | None = None) -> Step:
        """Every area decides and nothing has ended."""
        zeros, groups, flags = self._calm
        return Step(
            self._ids,
            self._observe(),
            zeros if rewards is None else rewards,
            groups,
            zeros,
            self._allowed_actions(),
            flags,
            flags,
        )

    def _eventful_step(self, rewards: FloatArray, terminated: BoolArray) -> Step:
        """Ended agents first, then the agents of all areas, those that ended being new ones."""
        interrupted = np.zeros_like(terminated)
        if self.max_decisions:
            interrupted = (self._clock - self._began >= self.max_decisions) & ~terminated
        areas = np.flatnonzero(terminated | interrupted)
        allowed = self._allowed_actions()
        ended = make_step(
            self._ids[areas],
            tuple(obs[areas] for obs in self._observe()),
            rewards[areas],
            allowed_actions=None if allowed is None else allowed[areas],
            terminated=terminated[areas],
            interrupted=interrupted[areas],
        )
        self._start(areas)
        rewards[areas] = 0.0
        return stack_steps(ended, self._calm_step(rewards))

    def _checked(self, actions: Mapping[str, Actions]) -> Actions:
        """This behavior's actions, if they have the right rows, sizes and options."""
        if len(actions) != 1 or self.behavior not in actions:
            raise EnvError(
                f"{self.behavior}: actions were given for {sorted(actions)}; "
                f"this environment has the behavior '{self.behavior}' alone."
            )
        mine = actions[self.behavior]
        check_actions(self.behavior, mine, self.spec.actions, self.num_agents, self._branches)
        return mine


def _constants(rows: int) -> tuple[FloatArray, NDArray[np.int64], BoolArray]:
    """[rows] zeros as rewards, groups and flags, shared by all steps in which nothing ends."""
    kinds = (np.float32, np.int64, np.bool_)
    zeros = tuple(read_only(np.zeros(rows, kind)) for kind in kinds)
    return zeros[0], zeros[1], zeros[2]
