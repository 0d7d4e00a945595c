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

from mlagents_tf.data.agents import CLEANING, Agents
from mlagents_tf.data.memories import memory_column
from mlagents_tf.data.ring import Ring, replay_layout
from mlagents_tf.data.rows import Batches, Episodes
from mlagents_tf.errors import TrainingError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray, IntArray, Step


class Replay(Ring):
    """Off-policy memory of one behavior.

    Args:
        spec: observations and actions.
        capacity: rows; an episode takes one more than it has decisions.
        memory_size: M, numbers that an agent remembers from decision to decision; 0 for none.
        sequence_length: rows that are sampled together where agents remember something. An episode
            is cut into such sequences from its beginning.

    Attributes:
        num_real: rows that are transitions: answered, and with a row that follows.
        num_answered: decisions that were ever answered.
    """

    def __init__(
        self, spec: Spec, capacity: int, memory_size: int = 0, sequence_length: int = 1
    ) -> None:
        super().__init__(replay_layout(spec, memory_size), capacity)
        self.spec = spec
        self.memory_size = memory_size
        self.sequence_length = sequence_length
        self.num_real = 0
        self.num_answered = 0
        self._num_begins = 0
        self._clock = 0
        self._seen_ids: IntArray = np.zeros(0, np.int64)  # who was asked for a decision last
        self._agents = Agents(
            {
                "row": np.int64,  # the agent's latest observation
                "waiting": np.bool_,  # a decision was taken there and has not been answered yet
                "seen": np.int64,
                "returns": np.float64,
                "lengths": np.int64,
                "memories": memory_column(memory_size),  # behind the latest decision
            }
        )

    @property
    def num_starts(self) -> int:
        """Rows that a sample may begin with."""
        return self._num_begins if self.memory_size else self.num_real

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

    def memories(self, agent_ids: IntArray) -> FloatArray:
        """[N, M] what agents [N] remember; 0 for those that never decided."""
        return np.asarray(self._agents.values("memories", agent_ids), np.float32)

    def append(
        self,
        deciding: Step,
        continuous: FloatArray,
        discrete: NDArray[np.int32],
        memories: FloatArray | None = None,
    ) -> None:
        """Fills in the decisions [N] that were taken on the rows of `deciding`.

        What agents with memories remember behind them is `memories` [N, M].
        """
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
        if self.memory_size:
            self.columns["memories"][at] = self._agents["memories"][slots]
            self._agents["memories"][slots] = memories

    def sample(self, rng: np.random.Generator, batches: int, batch_size: int) -> Batches:
        """[K, B] transitions, each drawn uniformly from all there are, at least one.

        With memories whole sequences are drawn: B is a multiple of their length, and behind the end
        of an episode a sequence repeats its last row with `mask` 0.
        """
        length = self.sequence_length
        rows, mask = self._walk(self._draw(rng, batches * batch_size // length))
        at = rows.reshape(batches, batch_size) % self.capacity
        following = (at + self.columns["next"][at]) % self.capacity
        return self._batches(
            lambda name: self.columns[name].take(at, axis=0),
            lambda name: self.columns[name].take(following, axis=0),
            mask.reshape(batches, batch_size),
        )

    def _walk(self, starts: IntArray) -> tuple[IntArray, FloatArray]:
        """Rows [Q, L] of the sequences that begin at `starts` [Q], and 0 where they have ended."""
        rows = np.empty((len(starts), self.sequence_length), np.int64)
        mask = np.ones(rows.shape, np.float32)
        rows[:, 0] = starts
        for i in range(1, self.sequence_length):
            rows[:, i] = rows[:, i - 1] + self.columns["next"][rows[:, i - 1] % self.capacity]
            goes_on = (mask[:, i - 1] > 0) & self.columns["real"][rows[:, i] % self.capacity]
            mask[:, i] = goes_on
            rows[:, i] = np.where(goes_on, rows[:, i], rows[:, i - 1])
        return rows, mask

    def blank(self, batches: int, batch_size: int) -> Batches:
        """What `sample` returns, with zeros: shapes and dtypes."""
        layout = self.layout

        def zeros(name: str) -> NDArray[Any]:
            return np.zeros((batches, batch_size, *layout[name].shape), layout[name].base)

        return self._batches(zeros, zeros, np.ones((batches, batch_size), np.float32))

    def _batches(
        self,
        taken: Callable[[str], NDArray[Any]],
        following: Callable[[str], NDArray[Any]],
        mask: FloatArray,
    ) -> Batches:
        none = np.zeros((*mask.shape, 0), np.float32)
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
            memories=taken("memories") if self.memory_size else none,
            mask=mask,
        )

    def obs_since(self, row: int) -> tuple[NDArray[Any], ...]:
        """Tuple of [M, *shape]: what agents saw from `row` on, as far as it is still there."""
        at = np.arange(max(row, self.first), self.end) % self.capacity
        return tuple(self.columns[f"obs_{k}"][at] for k in range(len(self.spec.observations)))

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        """Forgets agents, so that what they saw last has no answer.

        Args:
            agent_ids: [N] agents that have vanished; None = all, the environment begins anew.
        """
        slots = self._agents.live if agent_ids is None else self._agents.find(agent_ids)
        self._agents.remove(slots[slots >= 0])
        self._seen_ids = np.zeros(0, np.int64)

    def state(self) -> dict[str, NDArray[Any]]:
        """Counters and agents; the rows themselves are in `columns`."""
        counters = (self.first, self.end, self.num_real, self.num_answered, self._clock)
        own = {"counters": np.array(counters, np.int64), "seen": self._seen_ids.copy()}
        return own | self._agents.state("agents/")

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken; rows must be put back, or given up, next."""
        counters = map(int, state["counters"])
        self.first, self.end, self.num_real, self.num_answered, self._clock = counters
        self._seen_ids = state["seen"].copy()
        self._agents.load_state(state, "agents/")
        self.columns = {}

    def recount(self) -> None:
        """Counts the transitions of rows that were put back."""
        at = np.arange(self.first, self.end) % self.capacity
        self.num_real = int(np.count_nonzero(self.columns["real"][at]))
        if self.memory_size:
            self._num_begins = int(np.count_nonzero(self.columns["begins"][at]))

    def lose_rows(self) -> None:
        """Goes on with an empty ring; agents and their episodes are kept."""
        self.first, self.num_real, self._num_begins = self.end, 0, 0
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
        if self.memory_size:
            self._num_begins -= int(np.count_nonzero(columns["begins"][at]))
            columns["begins"][at] = False
        columns["terminated"][at] = False
        columns["next"][at] = 0
        for k, obs in enumerate(step.obs):
            columns[f"obs_{k}"][at] = obs[chosen]
        allowed = True if step.allowed_actions is None else step.allowed_actions[chosen]
        # nobody decides on an ended row, so that its mask may be anything
        columns["allowed"][at] = allowed | step.ended[chosen, None]
        return rows

    def _answer(
        self, step: Step, answered: BoolArray, slots: NDArray[np.intp], rows: IntArray
    ) -> None:
        """Makes transitions of the decisions that the `answered` rows of a step are answers to."""
        agents, columns = self._agents, self.columns
        slots = slots[answered]
        rewards = (step.rewards + step.group_rewards)[answered]
        position = agents["lengths"][slots]
        agents["returns"][slots] += rewards
        agents["lengths"][slots] = position + 1
        self.num_answered += len(slots)
        before = agents["row"][slots]
        here = before >= self.first  # slow agents may find their row overwritten
        at = before[here] % self.capacity
        columns["rewards"][at] = rewards[here]
        columns["terminated"][at] = step.terminated[answered][here]
        columns["next"][at] = (rows[answered] - before)[here]
        columns["real"][at] = True
        self.num_real += len(at)
        if self.memory_size:
            begins = columns["begins"][at] = position[here] % self.sequence_length == 0
            self._num_begins += int(np.count_nonzero(begins))

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
        """[count] rows to start from; others that chance hits are thrown away and drawn again."""
        wanted = self.columns["begins" if self.memory_size else "real"]
        kept: list[IntArray] = []
        missing = count
        while missing:
            rows = rng.integers(self.first, self.end, missing * len(self) // self.num_starts + 8)
            rows = rows[wanted[rows % self.capacity]][:missing]
            kept.append(rows)
            missing -= len(rows)
        return np.concatenate(kept) if len(kept) > 1 else kept[0]
