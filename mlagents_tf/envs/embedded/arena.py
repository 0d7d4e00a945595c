"""Areas in which agents have mates or opponents, or another behavior in another episode."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.areas import Areas, Observations, load_step, store_step
from mlagents_tf.envs.env import State, check_actions
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray, Step, make_step, stack_steps


class Outcome(NamedTuple):
    """What a decision has brought, in fresh arrays.

    Attributes:
        rewards: [N] float32 to agents.
        group_rewards: [N] float32 to agents for what their group did.
        left: [N] bool, agents whose episode has ended while that of their area goes on.
        over: [A] bool, areas whose episode has ended.
    """

    rewards: FloatArray
    group_rewards: FloatArray
    left: BoolArray
    over: BoolArray


class Arena(Areas):
    """A areas whose agents begin and end together, may be of groups, teams and several behaviors.

    An agent may leave before the others; it is back when its area begins anew. A time limit
    interrupts a whole area. Behaviors share their actions. A step holds every behavior, be it
    without rows; the ended rows come first, then the deciding ones, area by area. A group keeps its
    id from one episode to the next, as in Unity.

    Class attributes:
        behavior: the environment's name.
        behaviors: specs by the behaviors' names, which end in `?team=1` where there are teams.
        members: for each agent of an area its behavior, as a number in the order of `behaviors`.
        groups: for each agent of an area its group, counted from 1; 0 = it has none.
        The other attributes are those of `Areas`.

    Attributes:
        present: [N] bool, who takes part now.
        roles: [N] the number of the behavior that an agent has in this episode.
    """

    behaviors: ClassVar[Mapping[str, Spec]]
    members: ClassVar[tuple[int, ...]] = (0,)
    groups: ClassVar[tuple[int, ...]] = (0,)

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.present = np.ones(self.num_agents, np.bool_)
        self.roles = np.tile(np.array(self.members, np.int64), self.num_areas)
        area = np.repeat(np.arange(self.num_areas), self.agents_per_area)
        group = np.tile(np.array(self.groups, np.int64), self.num_areas)
        self._group_ids = np.where(group > 0, area * max(self.groups) + group, 0)
        self._action_spec = next(iter(self.behaviors.values())).actions
        self._branches = np.asarray(self._action_spec.discrete_branches, np.uint32)
        self._seats = [self._seats_of(number) for number in range(len(self.behaviors))]

    @abc.abstractmethod
    def _begin_areas(self, areas: NDArray[np.int64]) -> None:
        """Begin an episode in `areas`, [n] indices; all of their agents are present."""

    @abc.abstractmethod
    def _play(self, actions: Actions) -> Outcome:
        """Move all areas to the next decision.

        Args:
            actions: a row for every agent; zeros for those that are not present.
        """

    @abc.abstractmethod
    def _see(self, number: int) -> Observations:
        """What all agents that can have behavior `number` see now, in fresh arrays."""

    def _seats_of(self, number: int) -> NDArray[np.int64]:
        """Who can have behavior `number`, in ascending order."""
        return np.flatnonzero(self.roles == number)

    @classmethod
    def all_specs(cls) -> Mapping[str, Spec]:
        """Specs by behavior."""
        return cls.behaviors

    def _begin(self, areas: NDArray[np.int64]) -> None:
        self.present[areas] = True
        self._begin_areas(areas[:: self.agents_per_area] // self.agents_per_area)

    def _first(self) -> dict[str, Step]:
        nothing = np.zeros(self.num_agents, np.float32)
        return self._rows(self.present, nothing, nothing)

    def _next(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        rewards, group_rewards, left, over = self._play(self._gathered(actions))
        self._clock += 1
        late = np.zeros_like(over)
        if self.max_decisions:
            began = self._began[:: self.agents_per_area]
            late = (self._clock - began >= self.max_decisions) & ~over
        terminated = (self._of_agents(over) | left) & self.present
        interrupted = self._of_agents(late) & self.present & ~left
        if not (terminated | interrupted).any():
            return self._rows(self.present, rewards, group_rewards)
        ended = self._rows(
            terminated | interrupted, rewards, group_rewards, terminated, interrupted
        )
        self.present &= ~(terminated | interrupted)
        beginning = np.flatnonzero(self._of_agents(over | late))
        if len(beginning):
            self._start(beginning)
        rewards[beginning] = group_rewards[beginning] = 0.0
        here = self._rows(self.present, rewards, group_rewards)
        return {name: stack_steps(step, here[name]) for name, step in ended.items()}

    def _of_agents(self, areas: BoolArray) -> BoolArray:
        """[N] for each agent what `areas` [A] says of its area."""
        return np.repeat(areas, self.agents_per_area)

    def _rows(
        self,
        chosen: BoolArray,
        rewards: FloatArray,
        group_rewards: FloatArray,
        terminated: BoolArray | None = None,
        interrupted: BoolArray | None = None,
    ) -> dict[str, Step]:
        """Rows of the agents that are `chosen`, by behavior; all other arguments are [N] too."""
        steps = {}
        for number, (name, seats) in enumerate(zip(self.behaviors, self._seats, strict=True)):
            mine = chosen[seats] & (self.roles[seats] == number)
            rows = seats[mine]
            everybody = len(rows) == len(seats)
            steps[name] = make_step(
                self._ids[rows],
                tuple(obs if everybody else obs[mine] for obs in self._see(number)),
                rewards[rows],
                group_ids=self._group_ids[rows],
                group_rewards=group_rewards[rows],
                terminated=None if terminated is None else terminated[rows],
                interrupted=None if interrupted is None else interrupted[rows],
            )
        return steps

    def _gathered(self, actions: Mapping[str, Actions]) -> Actions:
        """One row for every agent, if each behavior has the right rows, sizes and options."""
        if set(actions) != set(self.behaviors):
            raise EnvError(
                f"{self.behavior}: actions were given for {sorted(actions)}; this environment has "
                f"the behaviors {list(self.behaviors)}."
            )
        spec = self._action_spec
        continuous = np.zeros((self.num_agents, spec.continuous_size), np.float32)
        discrete = np.zeros((self.num_agents, spec.num_branches), np.int32)
        for number, (name, seats) in enumerate(zip(self.behaviors, self._seats, strict=True)):
            rows = seats[self.present[seats] & (self.roles[seats] == number)]
            check_actions(name, actions[name], spec, len(rows), self._branches)
            continuous[rows] = actions[name].continuous
            discrete[rows] = actions[name].discrete
        return Actions(continuous, discrete)

    def _store_current(self) -> State:
        return {
            "present": self.present.copy(),
            "roles": self.roles.copy(),
            "steps": [store_step(self._current[name]) for name in self.behaviors],
        }

    def _load_current(self, state: State) -> dict[str, Step]:
        self.present, self.roles = np.array(state["present"]), np.array(state["roles"])
        return dict(zip(self.behaviors, map(load_step, state["steps"]), strict=True))
