"""An environment that does everything the contract allows, for tests of whatever consumes steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import Parameters, State, check_actions
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, IntArray, Step, make_step, stack_steps

TERMINATES, INTERRUPTED, VANISHES, PAUSES = 0.05, 0.10, 0.13, 0.20  # upper ends, of a draw in 0..1
BURST = 0.02  # chance that the population grows tenfold
DIES_AT_ONCE = 0.1  # chance that a newcomer's first row is its last
MOST_AGENTS = 200
NUM_GROUPS = 3


def random_spec(generator: np.random.Generator) -> Spec:
    """Up to three vector observations; continuous, discrete or hybrid actions."""
    sizes = generator.integers(1, 7, generator.integers(1, 4))
    continuous, num_branches = [(2, 0), (0, 2), (1, 3), (0, 1)][generator.integers(4)]
    branches = tuple(int(size) for size in generator.integers(2, 5, num_branches))
    observations = tuple(ObservationSpec((int(size),)) for size in sizes)
    return Spec(observations, ActionSpec(continuous, branches))


class FuzzEnv:
    """Agents that appear, pause, vanish without a word, end in their first step, and multiply.

    The first number of every observation of floats is the agent's age in steps; all else is noise.
    Deciding rows come in a new random order each step. Half of the agents belong to groups.
    """

    behavior: ClassVar[str] = "toy-fuzz"
    summary: ClassVar[str] = "agents come and go in every way the contract allows; nothing to learn"
    spec: ClassVar[Spec] = Spec(
        (ObservationSpec((3,), "age and noise"), ObservationSpec((2,), "age and noise")),
        ActionSpec(1, (3, 2)),
    )
    default_areas: ClassVar[int] = 4

    def __init__(
        self, num_areas: int | None = None, seed: int = 0, *, spec: Spec | None = None
    ) -> None:
        self.first_population = self.default_areas if num_areas is None else num_areas
        self.generator = np.random.default_rng(seed)
        self._spec = spec or self.spec
        self._specs = {self.behavior: self._spec}
        self._branches = np.asarray(self._spec.actions.discrete_branches, np.uint32)
        self._num_ids = 0
        self._ids = np.zeros(0, np.int64)
        self._ages = np.zeros(0, np.int64)
        self._current: Step | None = None

    @classmethod
    def all_specs(cls) -> Mapping[str, Spec]:
        """The spec of those that are made without another."""
        return {cls.behavior: cls.spec}

    @property
    def specs(self) -> Mapping[str, Spec]:
        """The one behavior's spec, by its name."""
        return self._specs

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """A new population of the first size."""
        self._ids = self._new_ids(self.first_population)
        self._ages = np.zeros(self.first_population, np.int64)
        self._current = self._rows(self._ids, self._ages)
        return {self.behavior: self._current}

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Every agent, paused ones included, meets its fate; newcomers appear."""
        self._check(actions)
        self._ages += 1
        fates = self.generator.random(len(self._ids))
        ending = fates < INTERRUPTED
        gone = self._rows(
            self._ids[ending], self._ages[ending], fates[ending] < TERMINATES, last=True
        )
        staying = fates >= VANISHES
        paused = fates[staying] < PAUSES
        self._ids, self._ages = self._ids[staying], self._ages[staying]
        newcomers, stillborn = self._newcomers()
        dead = self._rows(stillborn, np.zeros_like(stillborn), stillborn % 2 == 0, last=True)
        self._ids = np.concatenate([self._ids, newcomers])
        self._ages = np.concatenate([self._ages, np.zeros_like(newcomers)])
        awake = np.flatnonzero(np.concatenate([~paused, np.ones(len(newcomers), np.bool_)]))
        awake = self.generator.permutation(awake)
        here = self._rows(self._ids[awake], self._ages[awake])
        self._current = stack_steps(stack_steps(gone, dead), here)
        return {self.behavior: self._current}

    def close(self) -> None:
        """Nothing to free."""

    def state(self) -> State:
        """Population, generator and the current step."""
        if self._current is None:
            raise EnvError(f"{self.behavior}: there is no state before reset.")
        return {
            "generator": self.generator.bit_generator.state,
            "num_ids": self._num_ids,
            "ids": self._ids.copy(),
            "ages": self._ages.copy(),
            "obs": list(self._current.obs),
            "step": {
                name: value for name, value in self._current._asdict().items() if name != "obs"
            },
        }

    def load_state(self, state: State) -> dict[str, Step]:
        """Continue where `state()` was taken."""
        self.generator.bit_generator.state = state["generator"]
        self._num_ids = int(state["num_ids"])
        self._ids, self._ages = np.array(state["ids"]), np.array(state["ages"])
        self._current = Step(**state["step"], obs=tuple(state["obs"]))
        return {self.behavior: self._current}

    def _check(self, actions: Mapping[str, Actions]) -> None:
        """Raise EnvError unless each deciding row of the current step got its action."""
        if self._current is None or set(actions) != {self.behavior}:
            raise EnvError(f"{self.behavior}: step needs a reset, then actions for it alone.")
        rows = self._current.num_deciding
        spec = self._spec.actions
        check_actions(self.behavior, actions[self.behavior], spec, rows, self._branches)

    def _newcomers(self) -> tuple[IntArray, IntArray]:
        """Ids of agents that begin, and of those that begin and end at once."""
        count = int(self.generator.poisson(1.0))
        if self.generator.random() < BURST:
            count += 9 * len(self._ids)
        count = min(count, max(MOST_AGENTS - len(self._ids), 0))
        ids = self._new_ids(count)
        dies = self.generator.random(count) < DIES_AT_ONCE
        return ids[~dies], ids[dies]

    def _new_ids(self, count: int) -> IntArray:
        ids = np.arange(self._num_ids, self._num_ids + count)
        self._num_ids += count
        return ids

    def _rows(
        self,
        ids: IntArray,
        ages: NDArray[np.int64],
        terminated: BoolArray | None = None,
        *,
        last: bool = False,
    ) -> Step:
        """Rows of the agents `ids` [n]; with `last` those not terminated are interrupted."""
        n = len(ids)
        groups = np.where(ids % 2 == 0, 0, 1 + ids % NUM_GROUPS)
        earned = self.generator.normal(size=(2, n)).astype(np.float32)
        earned *= (ages > 0) | last
        return make_step(
            ids,
            tuple(self._observe(spec, ages) for spec in self._spec.observations),
            earned[0],
            allowed_actions=self._masks(n) if len(self._branches) else None,
            terminated=terminated,
            interrupted=~terminated if terminated is not None else None,
            group_ids=groups,
            group_rewards=earned[1] * (groups > 0),
        )

    def _observe(self, spec: ObservationSpec, ages: NDArray[np.int64]) -> NDArray[np.generic]:
        """[n, *shape] noise; floats begin with the age."""
        shape = (len(ages), *spec.shape)
        if spec.dtype == "uint8":
            return self.generator.integers(0, 256, shape, np.uint8)
        obs = self.generator.normal(size=shape).astype(np.float32)
        obs.T[(0,) * len(spec.shape)] = ages
        return obs

    def _masks(self, n: int) -> BoolArray:
        """[n, options] random, at least one option in each branch."""
        draws = self.generator.random((n, self._spec.actions.num_discrete))
        best = [
            draws[:, branch] == draws[:, branch].max(axis=1, keepdims=True)
            for branch in self._spec.actions.branch_slices()
        ]
        allowed: BoolArray = (draws < 0.7) | np.concatenate(best, axis=1)
        return allowed
