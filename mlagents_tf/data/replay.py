"""Off-policy memory: a ring of what agents saw, did and earned, sampled at random.

A row is one observation of one agent. It is written when the agent sees it; what the agent then
does and earns is filled in. The row `next` rows further on holds what the same agent saw
afterwards, so that no observation is stored twice; what an agent saw last in an episode is a row
that nothing follows. Rows stand in the order of time: the oldest is overwritten first, and what
follows a row is always younger than it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.agents import Agents
from mlagents_tf.data.rows import Batches, Episodes
from mlagents_tf.errors import TrainingError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray, IntArray, Step

CLEANING = 1_000
"""Steps between looks for agents that were not heard of for long."""


class Replay:
    """Off-policy memory of one behavior.

    Rows are counted from the beginning of the run; row i stands at `i % capacity` of every column.
    Memory is reserved when the first row is written, so that who only acts needs none.

    Args:
        spec: observations and actions.
        capacity: rows; an episode takes one more than it has decisions.

    Attributes:
        columns: [capacity, ...] by name, as in `layout`.
        first: the oldest row there is.
        end: the row that is written next.
        num_real: rows that are transitions: answered, and with a row that follows.
        num_answered: decisions that were ever answered.
    """

    def __init__(self, spec: Spec, capacity: int) -> None:
        self.spec = spec
        self.capacity = capacity
        self.columns: dict[str, NDArray[Any]] = {}
        self.first = 0
        self.end = 0
        self.num_real = 0
        self.num_answered = 0
        self._clock = 0
        self._seen_ids: IntArray = np.zeros(0, np.int64)  # who was asked for a decision last
        self._agents = Agents(
            {
                "row": np.int64,  # the agent's latest observation
                "waiting": np.bool_,  # a decision was taken there and has not been answered yet
                "seen": np.int64,
                "returns": np.float64,
                "lengths": np.int64,
            }
        )

    def __len__(self) -> int:
        """Rows in use."""
        return self.end - self.first

    @property
    def full(self) -> bool:
        """Whether each new row takes the place of the oldest."""
        return len(self) == self.capacity

    def layout(self) -> np.dtype[np.void]:
        """Name, dtype and shape of what a row holds."""
        actions = self.spec.actions
        return np.dtype(
            [(f"obs_{k}", o.dtype, o.shape) for k, o in enumerate(self.spec.observations)]
            + [
                ("continuous", np.float32, (actions.continuous_size,)),
                ("discrete", np.int32, (actions.num_branches,)),
                ("allowed", np.bool_, (actions.num_discrete,)),
                ("rewards", np.float32, ()),
                ("terminated", np.bool_, ()),
                ("real", np.bool_, ()),
                ("next", np.int32, ()),
            ]
        )

    @property
    def num_bytes(self) -> int:
        """What the columns take when the ring is full."""
        return self.capacity * self.layout().itemsize

    def observe(self, step: Step) -> Episodes:
        """Takes what a step says about earlier decisions, and what its agents see now.

        Ended rows of agents that never decided are not answers to anything and are passed over.
        """
        self._clock += 1
        agents = self._agents
        slots = agents.find(step.agent_ids)
        ended = step.ended
        known = slots >= 0
        answered = known & agents["waiting"][slots]
        rows = self._write(step, answered | ~ended)
        self._answer(step, answered, slots, rows)
        closing = slots[answered & ended]
        episodes = Episodes(agents["returns"][closing].copy(), agents["lengths"][closing].copy())
        agents.remove(slots[known & ended])
        self._seen_ids = step.agent_ids[~ended]
        self._enter(self._seen_ids, rows[~ended])
        if self._clock % CLEANING == 0:
            agents.remove_silent(self._clock)
        return episodes

    def append(self, deciding: Step, continuous: FloatArray, discrete: NDArray[np.int32]) -> None:
        """Fills in the decisions [N] that were taken on the rows of `deciding`."""
        if not len(deciding.agent_ids):
            return
        if not np.array_equal(self._seen_ids, deciding.agent_ids):  # the rows of then are lost
            everyone = np.ones(len(deciding.agent_ids), np.bool_)
            self._enter(deciding.agent_ids, self._write(deciding, everyone))
        slots = self._agents.find(deciding.agent_ids)
        at = self._agents["row"][slots] % self.capacity
        self.columns["continuous"][at] = continuous
        self.columns["discrete"][at] = discrete
        self._agents["waiting"][slots] = True

    def sample(self, rng: np.random.Generator, batches: int, batch_size: int) -> Batches:
        """[K, B] transitions, each drawn uniformly from all there are, at least one."""
        rows = self._draw(rng, batches * batch_size)
        at = rows % self.capacity
        following = (rows + self.columns["next"][at]) % self.capacity

        def taken(name: str, places: IntArray) -> NDArray[Any]:
            column = self.columns[name]
            return column.take(places, axis=0).reshape(batches, batch_size, *column.shape[1:])

        return self._batches(lambda name: taken(name, at), lambda name: taken(name, following))

    def blank(self, batches: int, batch_size: int) -> Batches:
        """What `sample` returns, with zeros: shapes and dtypes."""
        layout = self.layout()

        def zeros(name: str) -> NDArray[Any]:
            return np.zeros((batches, batch_size, *layout[name].shape), layout[name].base)

        return self._batches(zeros, zeros)

    def _batches(
        self, taken: Callable[[str], NDArray[Any]], following: Callable[[str], NDArray[Any]]
    ) -> Batches:
        names = [f"obs_{k}" for k in range(len(self.spec.observations))]
        return Batches(
            obs=tuple(taken(name) for name in names),
            continuous=taken("continuous"),
            discrete=taken("discrete"),
            allowed=taken("allowed"),
            rewards=taken("rewards"),
            terminated=taken("terminated"),
            next_obs=tuple(following(name) for name in names),
            next_allowed=following("allowed"),
        )

    def obs_since(self, row: int) -> tuple[NDArray[Any], ...]:
        """Tuple of [M, *shape]: what agents saw from `row` on, as far as it is still there."""
        at = np.arange(max(row, self.first), self.end) % self.capacity
        return tuple(self.columns[f"obs_{k}"][at] for k in range(len(self.spec.observations)))

    def abandon(self) -> None:
        """Forgets the agents: the environment begins anew, what they saw last has no answer."""
        self._agents.remove(self._agents.live)
        self._seen_ids = np.zeros(0, np.int64)

    def state(self) -> dict[str, NDArray[Any]]:
        """Counters and agents; the rows themselves are in `columns`."""
        counters = (self.first, self.end, self.num_real, self.num_answered, self._clock)
        return {"counters": np.array(counters, np.int64), "seen": self._seen_ids.copy()} | {
            f"agents/{name}": array for name, array in self._agents.state().items()
        }

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken; rows must be put back, or given up, next."""
        counters = map(int, state["counters"])
        self.first, self.end, self.num_real, self.num_answered, self._clock = counters
        self._seen_ids = state["seen"].copy()
        prefix = "agents/"
        self._agents.load_state(
            {name[len(prefix) :]: a for name, a in state.items() if name.startswith(prefix)}
        )
        self.columns = {}

    def put_back(self) -> dict[str, NDArray[Any]]:
        """Columns for the rows from `first` to `end`, to be filled at `places`.

        If they are more than the ring holds, since buffer_size was lowered, the oldest are let go,
        and `num_real` is to be counted anew.
        """
        self.first = max(self.first, self.end - self.capacity)
        self.columns = {name: self._column(name) for name in self.layout().names or ()}
        return self.columns

    def places(self) -> list[slice]:
        """Where the rows from `first` to `end` stand in a column, in order: one part or two."""
        start, stop = self.first % self.capacity, self.first % self.capacity + len(self)
        if stop <= self.capacity:
            return [slice(start, stop)]
        return [slice(start, self.capacity), slice(0, stop - self.capacity)]

    def lose_rows(self) -> None:
        """Goes on with an empty ring; agents and their episodes are kept."""
        self.first, self.num_real = self.end, 0
        self._seen_ids = np.zeros(0, np.int64)  # so that who decides next is written again
        self.columns = {}

    def _write(self, step: Step, chosen: BoolArray) -> IntArray:
        """Writes what agents see on the `chosen` rows of a step; [N] rows, -1 where none."""
        count = int(np.count_nonzero(chosen))
        if 2 * count > self.capacity:
            raise TrainingError(
                f"buffer_size {self.capacity} cannot hold two observations of each of {count} "
                f"agents; raise it to at least {2 * count}, better to many times that"
            )
        if not self.columns:
            if len(self):
                raise RuntimeError("load_state was not followed by put_back or lose_rows")
            self.put_back()
        columns = self.columns
        rows = np.full(len(chosen), -1, np.int64)
        rows[chosen] = np.arange(self.end, self.end + count)
        self.end += count
        self.first = max(self.first, self.end - self.capacity)
        at = rows[chosen] % self.capacity
        self.num_real -= int(np.count_nonzero(columns["real"][at]))
        columns["real"][at] = False
        columns["terminated"][at] = False
        columns["next"][at] = 0
        for k, obs in enumerate(step.obs):
            columns[f"obs_{k}"][at] = obs[chosen]
        allowed = step.allowed_actions
        # nobody decides on an ended row, so that its mask may be anything
        columns["allowed"][at] = (
            True if allowed is None else allowed[chosen] | step.ended[chosen, None]
        )
        return rows

    def _answer(
        self, step: Step, answered: BoolArray, slots: NDArray[np.intp], rows: IntArray
    ) -> None:
        """Makes transitions of the decisions that the `answered` rows of a step are answers to."""
        agents, columns = self._agents, self.columns
        slots = slots[answered]
        rewards = (step.rewards + step.group_rewards)[answered]
        agents["returns"][slots] += rewards
        agents["lengths"][slots] += 1
        self.num_answered += len(slots)
        before = agents["row"][slots]
        here = before >= self.first  # slow agents may find their row overwritten
        at = before[here] % self.capacity
        columns["rewards"][at] = rewards[here]
        columns["terminated"][at] = step.terminated[answered][here]
        columns["next"][at] = (rows[answered] - before)[here]
        columns["real"][at] = True
        self.num_real += len(at)

    def _enter(self, agent_ids: IntArray, rows: IntArray) -> None:
        """Notes that agents [N], new ones among them, are asked for a decision at `rows` [N]."""
        agents = self._agents
        slots = agents.find(agent_ids)
        new = slots < 0
        if new.any():
            slots = slots.copy()
            slots[new] = agents.add(agent_ids[new])
        agents.expect(agent_ids, slots)
        agents["row"][slots] = rows
        agents["waiting"][slots] = False
        agents["seen"][slots] = self._clock

    def _draw(self, rng: np.random.Generator, count: int) -> IntArray:
        """[count] real rows; others that chance hits are thrown away and drawn again."""
        kept: list[IntArray] = []
        missing = count
        while missing:
            likely = missing * len(self) // self.num_real + 8
            rows = rng.integers(self.first, self.end, likely)
            rows = rows[self.columns["real"][rows % self.capacity]][:missing]
            kept.append(rows)
            missing -= len(rows)
        return np.concatenate(kept) if len(kept) > 1 else kept[0]

    def _column(self, name: str) -> NDArray[Any]:
        layout = self.layout()[name]
        return np.zeros((self.capacity, *layout.shape), layout.base)
