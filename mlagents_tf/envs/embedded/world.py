"""What all embedded environments share: areas stepped together as arrays, ids, limits, state."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import Parameters, State, check_actions
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray, Step, make_step, stack_steps

Observations = tuple[NDArray[np.generic], ...]
"""One array [A, *shape] for each observation of the spec."""

STEP_ARRAYS = tuple(name for name in Step._fields if name != "obs")


class World(abc.ABC):
    """A areas with one agent each, all of one behavior, moved together without a loop.

    A subclass says how areas begin, advance and look; this class gives ids to agents, ends episodes
    at the time limit, and builds steps. In a step the ended rows come first, then one deciding row
    for each area, in the order of the areas. Where `agents_per_area` agents share an area, each
    has a row and episodes of its own: "area" reads as "agent" below, and those of the first area
    come first. Arrays of a step are never written again by the world;
    those that seldom change (ids, groups, flags) are shared between steps and read-only.

    Class attributes:
        behavior: the behavior's name, as in Unity.
        summary: one line for people.
        spec: what an agent sees and does.
        default_areas: how many areas Unity's scene has.
        agents_per_area: how many agents share an area.
        max_decisions: decisions after which an episode is interrupted; 0 = no limit.
        default_parameters: environment parameters and their values until `reset` is given others.
        stored: names of the attributes that hold arrays and decide the future.

    Attributes:
        num_areas, num_agents: areas, and agents in all of them.
        unknown_parameters: names given to `reset` that this world does not have.
    """

    behavior: ClassVar[str]
    summary: ClassVar[str]
    spec: ClassVar[Spec]
    default_areas: ClassVar[int] = 1
    agents_per_area: ClassVar[int] = 1
    max_decisions: ClassVar[int] = 0
    default_parameters: ClassVar[Mapping[str, float]] = {}
    stored: ClassVar[tuple[str, ...]] = ()

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        self.num_areas = self.default_areas if num_areas is None else num_areas
        if self.num_areas < 1:
            raise EnvError(f"{self.behavior}: num_areas is {num_areas}; give 1 or more.")
        self.num_agents = self.num_areas * self.agents_per_area
        self.generator = np.random.default_rng(seed)
        self.parameters: dict[str, float] = dict(self.default_parameters)
        self.unknown_parameters: set[str] = set()
        self._ids = np.zeros(self.num_agents, np.int64)
        self._num_ids = 0
        self._clock = 0
        self._began = np.zeros(self.num_agents, np.int64)
        self._deadline = 0
        self._current: Step | None = None
        self._specs = {self.behavior: self.spec}
        self._all_areas = np.arange(self.num_agents)
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

    def _parameters_changed(self) -> None:  # noqa: B027, most worlds need not react
        """`parameters` may hold new values; raise EnvError if one cannot be used."""

    @property
    def specs(self) -> Mapping[str, Spec]:
        """The one behavior's spec, by its name."""
        return self._specs

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begin an episode in every area, under new ids."""
        for name, value in (parameters or {}).items():
            if name in self.default_parameters:
                self.parameters[name] = float(value)
            else:
                self.unknown_parameters.add(name)
        self._parameters_changed()
        self._start(self._all_areas)
        self._current = self._calm_step()
        return {self.behavior: self._current}

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Advance every area to its next decision."""
        if self._current is None:
            raise EnvError(f"{self.behavior}: step was called before reset.")
        rewards, terminated = self._advance(self._checked(actions))
        self._clock += 1
        if self._clock < self._deadline and not terminated.any():
            self._current = self._calm_step(rewards)
        else:
            self._current = self._eventful_step(rewards, terminated)
        return {self.behavior: self._current}

    def close(self) -> None:  # noqa: B027, nothing is held
        """Nothing to free; may be called twice."""

    def state(self) -> State:
        """Arrays, generator, ids, parameters and the current step."""
        if self._current is None:
            raise EnvError(f"{self.behavior}: there is no state before reset.")
        return {
            "arrays": {name: getattr(self, name).copy() for name in self.stored},
            "generator": self.generator.bit_generator.state,
            "ids": self._ids.copy(),
            "num_ids": self._num_ids,
            "clock": self._clock,
            "began": self._began.copy(),
            "parameters": dict(self.parameters),
            "step": {name: getattr(self._current, name) for name in STEP_ARRAYS},
            "obs": list(self._current.obs),
        }

    def load_state(self, state: State) -> dict[str, Step]:
        """Continue where `state()` was taken; the number of areas must be the same."""
        if set(state.get("arrays", ())) != set(self.stored):
            raise EnvError(f"{self.behavior}: the state was taken of another environment.")
        if len(state["ids"]) != self.num_agents:
            raise EnvError(
                f"{self.behavior}: the state has {len(state['ids']) // self.agents_per_area} "
                f"areas, this environment {self.num_areas}; make it with the same number of areas."
            )
        for name in self.stored:
            setattr(self, name, np.array(state["arrays"][name]))
        self.generator.bit_generator.state = state["generator"]
        self._ids = _read_only(np.array(state["ids"]))
        self._num_ids = int(state["num_ids"])
        self._clock = int(state["clock"])
        self._began = np.array(state["began"])
        self._set_deadline()
        self.parameters = {**self.default_parameters, **state["parameters"]}
        self._parameters_changed()
        self._current = Step(**state["step"], obs=tuple(state["obs"]))
        return {self.behavior: self._current}

    def _start(self, areas: NDArray[np.int64]) -> None:
        """New ids and episodes for `areas` [n]."""
        ids = self._ids.copy()
        ids[areas] = self._num_ids + np.arange(len(areas))
        self._ids = _read_only(ids)
        self._num_ids += len(areas)
        self._began[areas] = self._clock
        self._set_deadline()
        self._begin(areas)

    def _set_deadline(self) -> None:
        """When the oldest episode reaches the limit, on the clock."""
        never = np.iinfo(np.int64).max
        self._deadline = (
            int(self._began.min()) + self.max_decisions if self.max_decisions else never
        )

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


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _constants(rows: int) -> tuple[FloatArray, NDArray[np.int64], BoolArray]:
    """[rows] zeros as rewards, groups and flags, shared by all steps in which nothing ends."""
    kinds = (np.float32, np.int64, np.bool_)
    zeros = tuple(_read_only(np.zeros(rows, kind)) for kind in kinds)
    return zeros[0], zeros[1], zeros[2]
