"""Matches between teams, as the agents of one side see them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.agents import CLEANING, Agents
from mlagents_tf.steps import NO_GROUP, BoolArray, IntArray, Step

WON, DRAWN, LOST = 1.0, 0.5, 0.0


class Ended(NamedTuple):
    """Matches that are over.

    Attributes:
        sides: [M] numbers of the sides, as they began.
        scores: [M] WON, DRAWN or LOST, by the sign of what was earned at the last step.
        interrupted: [M] bool, cut from outside: nobody has won.
    """

    sides: IntArray
    scores: NDArray[np.float64]
    interrupted: BoolArray


NOBODY = Ended(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_))


class Matches:
    """Says which matches of one behavior begin and end.

    A side is a group, or an agent without one. Its match begins when nobody of it has been playing,
    and is over when its last agent's episode ends.
    """

    def __init__(self) -> None:
        self._agents = Agents({"side": np.int64, "seen": np.int64})
        self._clock = 0

    def observe(self, step: Step) -> tuple[IntArray, Ended]:
        """[B] sides whose matches begin with a step, and those whose matches it has ended.

        A group that plays again may be in both.
        """
        self._clock += 1
        if self._clock % CLEANING == 0:
            self._agents.remove_silent(self._clock)
        slots = self._agents.find(step.agent_ids)
        known, ended = slots >= 0, step.ended
        self._agents["seen"][slots[known]] = self._clock
        over = self._leave(step, slots, np.flatnonzero(known & ended))
        return self._enter(step, np.flatnonzero(~known & ~ended)), over

    def _leave(self, step: Step, slots: NDArray[np.intp], rows: NDArray[np.intp]) -> Ended:
        if not len(rows):
            return NOBODY
        sides, first = np.unique(self._agents["side"][slots[rows]], return_index=True)
        self._agents.remove(slots[rows])
        over = ~np.isin(sides, self._sides())
        last = rows[first[over]]
        earned = np.sign(step.rewards[last] + step.group_rewards[last])
        return Ended(sides[over], (earned + 1.0) / 2.0, step.interrupted[last])

    def _enter(self, step: Step, rows: NDArray[np.intp]) -> IntArray:
        if not len(rows):
            return NOBODY.sides
        ids, groups = step.agent_ids[rows], step.group_ids[rows]
        sides = np.where(groups == NO_GROUP, 2 * ids, 2 * groups + 1)  # so that they never meet
        begun = np.setdiff1d(sides, self._sides())
        slots = self._agents.add(ids)
        self._agents["side"][slots] = sides
        self._agents["seen"][slots] = self._clock
        return begun

    def _sides(self) -> IntArray:
        """Of all who are playing."""
        sides: IntArray = self._agents["side"][self._agents.live]
        return sides

    def forget(self, agent_ids: IntArray | None = None) -> None:
        """Passes over the matches of agents [N] that have vanished, or of all."""
        if agent_ids is None:
            self._agents.remove(self._agents.live)
            return
        slots = self._agents.find(agent_ids)
        self._agents.remove(slots[slots >= 0])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Arrays by name."""
        return {**self._agents.state(), "clock": np.array(self._clock)}

    def load_state(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Goes on where `state()` was taken."""
        self._agents.load_state(state)
        self._clock = int(state["clock"])


class Games:
    """The results of the first `games` matches that begin, so that short ones do not count double.

    Args:
        games: how many to follow.
        limit: decisions after which a match counts as drawn; 0 = none.

    Attributes:
        scores: [games] in the order in which they began; nan where one is not over.
    """

    def __init__(self, games: int, limit: int = 0) -> None:
        self.scores = np.full(games, np.nan)
        self._limit = limit
        self._matches = Matches()
        self._begun = 0
        self._clock = 0
        self._open = Agents({"number": np.int64, "began": np.int64})  # by side

    @property
    def finished(self) -> bool:
        """Whether all have a result."""
        return not np.isnan(self.scores).any()

    def observe(self, step: Step) -> None:
        """Counts a step of the side whose results they are."""
        self._clock += 1
        begun, ended = self._matches.observe(step)
        slots = self._open.find(ended.sides)
        self._record(slots, np.where(ended.interrupted, DRAWN, ended.scores))
        self._open.remove(slots)
        if self._limit:
            live = self._open.live
            late = live[self._clock - self._open["began"][live] >= self._limit]
            self._record(late, np.full(len(late), DRAWN))
        if len(begun):
            slots = self._open.add(begun)
            self._open["number"][slots] = self._begun + np.arange(len(begun))
            self._open["began"][slots] = self._clock
            self._begun += len(begun)

    def _record(self, slots: NDArray[np.intp], scores: NDArray[np.float64]) -> None:
        numbers = self._open["number"][slots]
        counted = numbers < len(self.scores)
        self.scores[numbers[counted]] = scores[counted]
        self._open["number"][slots] = len(self.scores)  # once is enough
