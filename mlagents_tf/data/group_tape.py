"""A tape that knows which agents acted together, and what their group earned."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlagents_tf.data.agents import Slots
from mlagents_tf.data.moments import Moments, Presence, find_moments, padded_moments
from mlagents_tf.data.rows import Episodes, TapeRows
from mlagents_tf.data.tape import Tape
from mlagents_tf.steps import NO_GROUP, FloatArray, IntArray, Step

LIVES, INTERRUPTED, TERMINATED = 0, 1, 2
"""What a row says of its agent."""


class GroupRows(NamedTuple):
    """A filled tape and its groups.

    Attributes:
        rows: F of them. A reward is what the agent earned, what its group earned, and what its
            mates earned for decisions of the same step.
        moments: groups at single steps.
    """

    rows: TapeRows
    moments: Moments


class GroupTape(Tape):
    """On-policy memory of agents in groups.

    Mates are agents of one group that decide at the same step. An episode of a group begins with
    an agent that enters while no other of the group is left; an agent without a group is one by
    itself. Arguments are those of `Tape`.

    Attributes:
        num_places: agents that fit a moment; grows with the groups.
        num_moments: moments that are handed out; grows in large steps.
    """

    def __init__(self, *args: Any, **keys: Any) -> None:
        super().__init__(*args, **keys)
        self.num_places = 1
        self.num_moments = 0
        self._next_episode = 1

    def _agent_columns(self) -> dict[str, DTypeLike]:
        return super()._agent_columns() | {
            "group": np.int64,
            "group_episode": np.int64,  # 0 before the first decision
            "group_returns": np.float64,
        }

    def _make_columns(self, rows: int) -> dict[str, NDArray[Any]]:
        return super()._make_columns(rows) | {
            "group_episode": np.zeros(rows, np.int64),
            "clock": np.zeros(rows, np.int64),
            "own_rewards": np.zeros(rows, np.float32),  # without the group's
            "end": np.zeros(rows, np.int8),
        }

    def observe(self, step: Step) -> Episodes:
        agents = self._agents
        slots = agents.find(step.agent_ids)
        known = slots >= 0
        answered = slots[known]
        self._columns["own_rewards"][agents["row"][answered]] = step.rewards[known]
        agents["group_returns"][answered] += step.group_rewards[known]
        group_returns = self._group_returns(slots[known & step.ended])
        return super().observe(step)._replace(group_returns=group_returns)

    def _group_returns(self, ending: Slots) -> NDArray[np.float64]:
        """What groups earned whose last agents (slots [N]) end now, a mean over these agents."""
        if not len(ending):
            return np.zeros(0)
        agents = self._agents
        staying = np.setdiff1d(agents.live, ending)
        over = ~np.isin(agents["group_episode"][ending], agents["group_episode"][staying])
        last = ending[over & (agents["group"][ending] != NO_GROUP)]
        _, group = np.unique(agents["group_episode"][last], return_inverse=True)
        sums = np.bincount(group, agents["group_returns"][last])
        return sums / np.bincount(group)

    def append(
        self,
        deciding: Step,
        continuous: FloatArray,
        discrete: NDArray[np.int32],
        memories: FloatArray | None = None,
        log_probs: FloatArray | None = None,
    ) -> None:
        super().append(deciding, continuous, discrete, memories, log_probs)
        agents = self._agents
        slots = agents.find(deciding.agent_ids)
        new = agents["group_episode"][slots] == 0
        if new.any():
            self._join(deciding.group_ids[new], slots[new])
            self._columns["group_episode"][agents["row"][slots]] = agents["group_episode"][slots]

    def _join(self, group_ids: IntArray, newcomers: Slots) -> None:
        """Puts newcomers [N] into the running episodes of their groups, or into new ones."""
        agents = self._agents
        members = agents.live[agents["group_episode"][agents.live] > 0]
        running, first = np.unique(agents["group"][members], return_index=True)
        alone = group_ids == NO_GROUP
        own = np.where(alone, -1 - np.arange(len(group_ids)), group_ids)
        groups, which = np.unique(own, return_inverse=True)
        episodes = self._next_episode + np.arange(len(groups))
        self._next_episode += len(groups)
        _, there, found = np.intersect1d(groups, running, return_indices=True)
        episodes[there] = agents["group_episode"][members[first[found]]]
        agents["group"][newcomers] = group_ids
        agents["group_episode"][newcomers] = episodes[which]

    def _write(self, obs: tuple[NDArray[Any], ...], slots: Slots) -> slice:
        rows = super()._write(obs, slots)
        columns = self._columns
        columns["group_episode"][rows] = self._agents["group_episode"][slots]
        columns["clock"][rows] = self._clock
        columns["own_rewards"][rows] = 0
        columns["end"][rows] = LIVES
        return rows

    def _close(self, step: Step, slots: Slots) -> Episodes:
        episodes = super()._close(step, slots)
        ends = slice(self._used - len(slots), self._used)
        self._columns["end"][ends] = np.where(step.terminated, TERMINATED, INTERRUPTED)
        return episodes

    def group_rows(self) -> GroupRows:
        """Like `rows`, with groups; `clear` must follow."""
        rows = self.rows()
        order, at = self._layout()
        columns, agents = self._columns, self._agents
        waits_until = columns["clock"][: self._used].copy()
        waiting = agents.live[agents["waiting"][agents.live]]
        waits_until[agents["row"][waiting]] = self._clock
        end = columns["end"][order]
        presence = Presence(
            at,
            columns["group_episode"][order],
            columns["clock"][order],
            end != LIVES,
            end == TERMINATED,
            waits_until[order],
        )
        moments = find_moments(presence, len(rows.mask))
        own = np.zeros(len(rows.mask), np.float32)
        own[at] = columns["own_rewards"][order] * rows.mask[at]
        return GroupRows(_with_mates_rewards(rows, own, moments), self._padded(moments))

    def _padded(self, moments: Moments) -> Moments:
        """With room that seldom grows."""
        count, size = moments.members.shape
        self.num_places = max(self.num_places, size)
        room = self.num_moments if count <= self.num_moments else count + count // 8
        self.num_moments = -(-room // self.moments_at_once) * self.moments_at_once
        return padded_moments(moments, self.num_moments, self.num_places)

    @property
    def moments_at_once(self) -> int:
        """Moments whose agents are about `chunk` rows; `num_moments` is a multiple of it."""
        return max(self.chunk // self.num_places, 1)

    def state(self) -> dict[str, NDArray[Any]]:
        groups = np.array([self.num_places, self.num_moments, self._next_episode], np.int64)
        return super().state() | {"groups": groups}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        super().load_state(state)
        self.num_places, self.num_moments, self._next_episode = map(int, state["groups"])


def _with_mates_rewards(rows: TapeRows, own: FloatArray, moments: Moments) -> TapeRows:
    """Rewards with those of the mates.

    Args:
        rows: F of them.
        own: [F] what each agent earned without its group, 0 where it is not known yet.
        moments: groups at single steps.
    """
    real = rows.real
    moment = moments.of_row[real]
    together = np.bincount(moment, own[real], minlength=len(moments.members))
    rewards = rows.rewards.copy()
    rewards[real] += together[moment].astype(np.float32) - own[real]
    return rows._replace(rewards=rewards)
