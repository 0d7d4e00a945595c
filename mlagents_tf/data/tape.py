"""On-policy memory: what agents saw, did and earned since the last update, in the order of time.

A row is one decision. Rows of all agents follow each other as they are made, so a step of N agents
is one contiguous write, whoever was born or died in between. What followed a row is found by
sorting rows by story when an update begins (`TapeRows`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlagents_tf.data.agents import Agents, Slots
from mlagents_tf.data.memories import memory_column
from mlagents_tf.data.rows import Episodes, TapeRows, sorted_rows, story_places, tape_columns
from mlagents_tf.data.seen import Seen
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, FloatArray, IntArray, Step


class Tape:
    """On-policy memory of one behavior.

    Args:
        spec: observations and actions.
        buffer_size: real rows after which an update is due.
        time_horizon: decisions after which a story is cut and bootstrapped, though the agent
            lives on.
        chunk: padded lengths are multiples of it.
        memory_size: M, numbers that an agent remembers from decision to decision.
        sequence_length: rows of a sequence; a divisor of `chunk`.
        log_probs: whether those of decisions are kept.
    """

    def __init__(
        self,
        spec: Spec,
        buffer_size: int,
        time_horizon: int,
        chunk: int = 256,
        memory_size: int = 0,
        sequence_length: int = 1,
        log_probs: bool = False,
    ) -> None:
        self._keeps_log_probs = log_probs
        self.memory_size = memory_size
        self.spec = spec
        self.sequence_length = sequence_length
        self.buffer_size = buffer_size
        self.time_horizon = time_horizon
        self.chunk = chunk
        self.num_real = 0
        self.padded_length = self._rounded(buffer_size + buffer_size // 8)
        self._used = 0
        self._clock = 0
        self._next_story = 0
        self._all_cut = True  # no story waits to be cut by an update
        self._seen = Seen.nobody(spec)
        self._agents = Agents(self._agent_columns())
        self._columns = self._make_columns(self.padded_length)

    def _agent_columns(self) -> dict[str, DTypeLike]:
        """What is known of each living agent."""
        return {
            "row": np.int64,  # row of the agent's latest decision
            "waiting": np.bool_,  # that decision has not been answered yet
            "story": np.int64,
            "since_cut": np.int64,
            "seen": np.int64,
            "returns": np.float64,
            "lengths": np.int64,
            "memories": memory_column(self.memory_size),  # behind that decision
        }

    def _make_columns(self, rows: int) -> dict[str, NDArray[Any]]:
        """What is stored of each of `rows` decisions."""
        return tape_columns(self.spec, self.memory_size, self._keeps_log_probs, rows)

    @property
    def full(self) -> bool:
        """Whether an update is due."""
        return self.num_real >= self.buffer_size

    @property
    def num_agents(self) -> int:
        """Agents in the middle of an episode."""
        return len(self._agents)

    def observe(self, step: Step) -> Episodes:
        """Takes what a step says about earlier decisions: rewards and ends.

        Rows of agents that never decided are not answers to anything and are passed over.
        """
        self._clock += 1
        agents = self._agents
        slots = agents.find(step.agent_ids)
        ended, known = step.ended, slots >= 0
        answered = slice(None) if known.all() else known  # a slice copies nothing
        self._answer(slots[answered], (step.rewards + step.group_rewards)[answered])
        if not ended.any():
            self._seen = Seen(step.agent_ids, step.obs, slots)
            return Episodes(np.zeros(0), np.zeros(0, np.int64))
        self._seen = Seen(step.agent_ids, step.obs, slots).take(~ended)
        closing = ended & known
        return self._close(step.take(closing), slots[closing])

    def memories(self, agent_ids: IntArray) -> FloatArray:
        """[N, M] what agents [N] remember; 0 for those that never decided."""
        memories: FloatArray = self._agents.values("memories", agent_ids)
        return memories

    def append(
        self,
        deciding: Step,
        continuous: FloatArray,
        discrete: NDArray[np.int32],
        memories: FloatArray | None = None,
        log_probs: FloatArray | None = None,
    ) -> None:
        """Writes the decisions [N] that were taken on the rows of `deciding`.

        What agents with memories remember behind them is `memories` [N, M]; `log_probs` [N] are
        given if they are kept.
        """
        agents = self._agents
        observed = np.array_equal(self._seen.ids, deciding.agent_ids)
        slots = self._seen.slots if observed else agents.find(deciding.agent_ids)
        new = slots < 0
        if new.any():
            entered = agents.add(deciding.agent_ids[new])
            agents["story"][entered] = self._next_story + np.arange(len(entered))
            self._next_story += len(entered)
            slots = slots.copy()
            slots[new] = entered
        if observed:
            self._seen = self._seen._replace(slots=slots)
        agents.expect(deciding.agent_ids, slots)
        rows = self._write(deciding.obs, slots)
        columns = self._columns
        columns["continuous"][rows] = continuous
        columns["discrete"][rows] = discrete
        allowed = deciding.allowed_actions
        columns["allowed"][rows] = True if allowed is None else allowed
        if log_probs is not None:
            columns["log_probs"][rows] = log_probs
        agents["row"][slots] = np.arange(rows.start, rows.stop)
        agents["waiting"][slots] = True
        agents["seen"][slots] = self._clock
        if memories is not None:
            agents["memories"][slots] = memories
        self._all_cut = False

    def rows(self) -> TapeRows:
        """Cuts all open stories and hands out a sorted copy of the tape; `clear` must follow."""
        self._bootstrap_open_stories()
        order, at = self._layout()
        end = int(at[-1]) + 1 if len(at) else 0
        if end > self.padded_length:
            # how much gaps take changes from update to update
            self.padded_length = self._rounded(end + (end // 4 if self.sequence_length > 1 else 0))
        columns = {name: column[: self._used] for name, column in self._columns.items()}
        return sorted_rows(columns, order, at, self.padded_length)

    def _layout(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """[N] rows in the order of their stories, and [N] where they stand when handed out."""
        stories = self._columns["story"][: self._used]
        order = np.argsort(stories, kind="stable")
        return order, story_places(stories[order], self.sequence_length)

    def clear(self) -> None:
        """Forgets all answered rows; decisions that still wait for an answer are kept."""
        agents = self._agents
        agents.remove_silent(self._clock)
        live = agents.live
        waiting = live[agents["waiting"][live]]
        kept = {name: column[agents["row"][waiting]] for name, column in self._columns.items()}
        before, self._used = self._used, len(waiting)
        self.num_real = 0
        for name, column in self._columns.items():
            column[: self._used] = kept[name]
            # as in a new tape, which a resumed run has: rows of observations alone show it
            column[self._used : before] = name == "allowed"
        agents["row"][waiting] = np.arange(self._used)
        agents["since_cut"][live] = 0

    def abandon(self, agent_ids: IntArray | None = None) -> None:
        """Cuts open stories and forgets the agents.

        Args:
            agent_ids: [N] agents that have vanished; None = all, the environment begins anew.
        """
        if agent_ids is None:
            self._bootstrap_open_stories()
            self._agents.remove(self._agents.live)
            self._seen = Seen.nobody(self.spec)
            return
        gone = np.isin(self._seen.ids, agent_ids)
        self._bootstrap(gone)
        self._seen = self._seen._replace(slots=np.where(gone, -1, self._seen.slots))
        slots = self._agents.find(agent_ids)
        self._agents.remove(slots[slots >= 0])

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that decides the future, as arrays that stay as they are."""
        counters = [self._used, self.num_real, self._clock, self._next_story]
        counters += [self.padded_length, self._all_cut]
        rows = {name: column[: self._used].copy() for name, column in self._columns.items()}
        return (
            {"counters": np.array(counters, np.int64)}
            | self._seen.state()
            | {f"rows/{name}": column for name, column in rows.items()}
            | self._agents.state("agents/")
        )

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken."""
        used, real, clock, story, padded, cut = (int(count) for count in state["counters"])
        self.num_real, self._clock, self._next_story = real, clock, story
        self.padded_length, self._all_cut = padded, bool(cut)
        self._used = 0
        self._reserve(max(used, padded))
        self._used = used
        # who kept no log-probabilities leaves them to the update
        stored: dict[str, Any] = {"rows/log_probs": np.nan} | state
        for name, column in self._columns.items():
            if column.size:  # earlier versions had no memories
                column[:used] = stored[f"rows/{name}"]
        self._seen = self._seen.from_state(state)
        self._agents.load_state(state, "agents/")

    def _answer(self, slots: Slots, rewards: FloatArray) -> None:
        """Writes the rewards [N] of the latest decisions of agents that are known."""
        agents, columns = self._agents, self._columns
        rows = agents["row"][slots]
        columns["rewards"][rows] = rewards
        columns["mask"][rows] = 1
        self.num_real += len(rows)
        agents["waiting"][slots] = False
        agents["returns"][slots] += rewards
        agents["lengths"][slots] += 1
        since_cut = agents["since_cut"][slots] + 1
        cut = since_cut >= self.time_horizon
        if cut.any():
            columns["last"][rows[cut]] = 1
            since_cut[cut] = 0
        agents["since_cut"][slots] = since_cut

    def _close(self, step: Step, slots: Slots) -> Episodes:
        """Ends the stories of agents whose final rows are those of `step`."""
        agents = self._agents
        rows = agents["row"][slots]
        self._columns["terminated"][rows] = step.terminated
        self._write(step.obs, slots)
        episodes = Episodes(agents["returns"][slots].copy(), agents["lengths"][slots].copy())
        agents.remove(slots)
        return episodes

    def _bootstrap_open_stories(self) -> None:
        """Writes what living agents see now behind their answered rows, once."""
        if self._all_cut:
            return
        self._all_cut = True
        self._bootstrap(np.ones(len(self._seen.ids), np.bool_))

    def _bootstrap(self, rows: BoolArray) -> None:
        """Writes what those of `rows` [N] of the latest step see whose decisions were answered."""
        answered = rows & (self._seen.slots >= 0)
        answered[answered] = ~self._agents["waiting"][self._seen.slots[answered]]
        seen = self._seen.take(answered)
        self._write(seen.obs, seen.slots)

    def _write(self, obs: tuple[NDArray[Any], ...], slots: Slots) -> slice:
        """Adds unanswered rows that hold what agents see and remember."""
        rows = slice(self._used, self._used + len(slots))
        self._reserve(rows.stop)
        columns = self._columns
        for k, array in enumerate(obs):
            columns[f"obs_{k}"][rows] = array
        columns["story"][rows] = self._agents["story"][slots]
        columns["memories"][rows] = self._agents["memories"][slots]
        columns["mask"][rows] = 0
        columns["last"][rows] = 0
        columns["terminated"][rows] = 0
        self._used = rows.stop
        return rows

    def _rounded(self, rows: int) -> int:
        """`rows` rounded up so that few lengths occur: to a chunk, and to about an eighth."""
        step = max(self.chunk, self.buffer_size // 8 // self.chunk * self.chunk)
        return -(-rows // step) * step

    def _reserve(self, rows: int) -> None:
        if rows <= len(self._columns["mask"]):
            return
        larger = self._make_columns(rows + rows // 2)
        for name, column in self._columns.items():
            larger[name][: self._used] = column[: self._used]
        self._columns = larger
