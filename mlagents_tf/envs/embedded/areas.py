"""What all embedded environments share: parameters, ids, time limits, randomness, stored state."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.drawn import Drawn
from mlagents_tf.envs.env import Parameters, State
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step

Observations = tuple[NDArray[np.generic], ...]
"""One array [A, *shape] for each observation of the spec."""

STEP_ARRAYS = tuple(name for name in Step._fields if name != "obs")


class Areas(abc.ABC):
    """A areas with the same number of agents each, moved together without a loop.

    What agents of an area have to do with each other is for `World` and `Arena` to say.

    Class attributes:
        behavior: the environment's name, and in a `World` the behavior's, as in Unity.
        summary: one line for people.
        default_areas: how many areas Unity's scene has.
        agents_per_area: how many agents share an area; they stand area by area.
        max_decisions: decisions after which an episode is interrupted; 0 = no limit.
        default_parameters: environment parameters and their values until `reset` is given others.
        drawn_by_area: those of which a sampler draws a value for each episode of an area, where
            each has one agent; of the others it draws one for all areas, with each reset.
        stored: names of the attributes that hold arrays and decide the future.

    Attributes:
        num_areas, num_agents: areas, and agents in all of them.
        parameters: a float, or [A] what was drawn for the episode of each area.
        unknown_parameters: names given to `reset` that this environment does not have.
    """

    behavior: ClassVar[str]
    summary: ClassVar[str]
    default_areas: ClassVar[int] = 1
    agents_per_area: ClassVar[int] = 1
    max_decisions: ClassVar[int] = 0
    default_parameters: ClassVar[Mapping[str, float]] = {}
    drawn_by_area: ClassVar[frozenset[str]] = frozenset()
    stored: ClassVar[tuple[str, ...]] = ()

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        self.num_areas = self.default_areas if num_areas is None else num_areas
        if self.num_areas < 1:
            raise EnvError(f"{self.behavior}: num_areas is {num_areas}; give 1 or more.")
        self.num_agents = self.num_areas * self.agents_per_area
        self.generator = np.random.default_rng(seed)
        self.parameters: dict[str, Any] = dict(self.default_parameters)
        self._drawn: dict[str, Drawn] = {}
        self.unknown_parameters: set[str] = set()
        self._ids = np.zeros(self.num_agents, np.int64)
        self._num_ids = 0
        self._clock = 0
        self._began = np.zeros(self.num_agents, np.int64)
        self._deadline = 0
        self._specs = self.all_specs()
        self._current: dict[str, Step] = {}
        self._all_areas = np.arange(self.num_agents)

    @classmethod
    @abc.abstractmethod
    def all_specs(cls) -> Mapping[str, Spec]:
        """Specs by behavior."""

    @abc.abstractmethod
    def _begin(self, areas: NDArray[np.int64]) -> None:
        """Begin an episode for agents `areas`, [n] indices."""

    @abc.abstractmethod
    def _first(self) -> dict[str, Step]:
        """What `reset` returns, when every area has begun."""

    @abc.abstractmethod
    def _next(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """What `step` returns."""

    @abc.abstractmethod
    def _store_current(self) -> State:
        """The part of a state that holds the current step."""

    @abc.abstractmethod
    def _load_current(self, state: State) -> dict[str, Step]:
        """The current step that `_store_current` stored."""

    def _parameters_changed(self) -> None:  # noqa: B027, most worlds need not react
        """`parameters` may hold new values; raise EnvError if one cannot be used.

        Is called before areas begin, where new values were drawn for them.
        """

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Specs by behavior."""
        return self._specs

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begin an episode in every area, under new ids."""
        self._set(parameters or {})
        for name in self._drawn.keys() - self.drawn_by_area:
            self.parameters[name] = float(self._drawn[name].values(1)[0])
        if not self._drawn.keys() & self.drawn_by_area:  # where there are, beginning says so
            self._parameters_changed()
        self._start(self._all_areas)
        self._current = self._first()
        return dict(self._current)

    def set_parameters(self, parameters: Parameters) -> None:
        """New parameters without a reset: numbers hold at once, samplers draw for new episodes."""
        self._set(parameters)
        self._parameters_changed()

    def _set(self, parameters: Parameters) -> None:
        for name, value in parameters.items():
            if name not in self.default_parameters:
                self.unknown_parameters.add(name)
                continue
            self._drawn.pop(name, None)
            if isinstance(value, (int, float)):
                self.parameters[name] = float(value)
                continue
            self._drawn[name] = Drawn(value)
            if name in self.drawn_by_area:
                self.parameters[name] = self._drawn[name].values(self.num_agents)

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Advance every area to its next decision."""
        if not self._current:
            raise EnvError(f"{self.behavior}: step was called before reset.")
        self._current = self._next(actions)
        return dict(self._current)

    def close(self) -> None:  # noqa: B027, nothing is held
        """Nothing to free; may be called twice."""

    def state(self) -> State:
        """Arrays, generator, ids, parameters and the current step."""
        if not self._current:
            raise EnvError(f"{self.behavior}: there is no state before reset.")
        return {
            "arrays": {name: getattr(self, name).copy() for name in self.stored},
            "generator": self.generator.bit_generator.state,
            "ids": self._ids.copy(),
            "num_ids": self._num_ids,
            "clock": self._clock,
            "began": self._began.copy(),
            "parameters": dict(self.parameters),
            "samplers": {name: drawn.state() for name, drawn in self._drawn.items()},
            **self._store_current(),
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
        self._ids = read_only(np.array(state["ids"]))
        self._num_ids = int(state["num_ids"])
        self._clock = int(state["clock"])
        self._began = np.array(state["began"])
        self._set_deadline()
        self.parameters = {**self.default_parameters, **state["parameters"]}
        samplers = state.get("samplers", {})  # earlier versions had none
        self._drawn = {name: Drawn.from_state(each) for name, each in samplers.items()}
        self._parameters_changed()
        self._current = self._load_current(state)
        return dict(self._current)

    def _start(self, areas: NDArray[np.int64]) -> None:
        """New ids and episodes for `areas` [n]."""
        ids = self._ids.copy()
        ids[areas] = self._num_ids + np.arange(len(areas))
        self._ids = read_only(ids)
        self._num_ids += len(areas)
        self._began[areas] = self._clock
        self._set_deadline()
        self._draw(areas)
        self._begin(areas)

    def _draw(self, areas: NDArray[np.int64]) -> None:
        """What samplers draw for the episodes that begin in `areas` [n]."""
        if not self._drawn or not len(areas):
            return
        for name in self._drawn.keys() & self.drawn_by_area:
            values = self.parameters[name].copy()
            values[areas] = self._drawn[name].values(len(areas))
            self.parameters[name] = values
        self._parameters_changed()

    def _set_deadline(self) -> None:
        """When the oldest episode reaches the limit, on the clock."""
        never = np.iinfo(np.int64).max
        self._deadline = (
            int(self._began.min()) + self.max_decisions if self.max_decisions else never
        )


def store_step(step: Step) -> State:
    """A step as a part of a state."""
    return {
        "step": {name: getattr(step, name) for name in STEP_ARRAYS},
        "obs": list(step.obs),
    }


def load_step(state: State) -> Step:
    """The step that `store_step` stored."""
    return Step(**state["step"], obs=tuple(state["obs"]))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, which nobody can write any more."""
    array.flags.writeable = False
    return array
