"""A world in which everything happens to agents, and memory written down agent by agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Step, make_step

SPEC = Spec((ObservationSpec((2,)), ObservationSpec((1,))), ActionSpec(1, (2, 3)))


class Chances(NamedTuple):
    """How likely it is, at each step, that an agent ..."""

    waits: float = 0.2
    terminates: float = 0.1
    is_interrupted: float = 0.1
    vanishes: float = 0.02
    begins_anew: float = 0.7  # in the very step its episode ended
    is_born: float = 0.1
    ends_at_once: float = 0.2  # in the step it was born


class World:
    """Steps of a population that comes, goes, waits and grows."""

    def __init__(self, rng: np.random.Generator, chances: Chances) -> None:
        self.rng = rng
        self.chances = chances
        self.alive: set[int] = set()
        self.next_id = 0

    def born(self, count: int) -> list[int]:
        ids = list(range(self.next_id, self.next_id + count))
        self.next_id += count
        return ids

    def step(self, births: int) -> Step:
        """One step; `births` agents come on top of those that come by chance."""
        rng, chances = self.rng, self.chances
        rows = []  # agent, terminated, interrupted
        for agent in sorted(self.alive):
            fate = rng.random()
            if fate < chances.vanishes:
                self.alive.remove(agent)
            elif rng.random() < chances.waits:
                continue
            else:
                rows.append(self._row(agent))
        ended = sum(terminated or interrupted for _, terminated, interrupted in rows)
        births += rng.binomial(ended, chances.begins_anew) + (rng.random() < chances.is_born)
        for agent in self.born(int(births)):
            self.alive.add(agent)
            at_once = rng.random() < chances.ends_at_once
            rows.append(self._row(agent) if at_once else (agent, False, False))
        rng.shuffle(rows)
        for agent, terminated, interrupted in rows:
            if terminated or interrupted:
                self.alive.discard(agent)
        return self._as_step(rows)

    def begin_anew(self) -> None:
        self.alive.clear()

    def _row(self, agent: int) -> tuple[int, bool, bool]:
        fate = self.rng.random() - self.chances.terminates
        return agent, fate < 0, 0 <= fate < self.chances.is_interrupted

    def _as_step(self, rows: list[tuple[int, bool, bool]]) -> Step:
        rng, n = self.rng, len(rows)
        allowed = None if rng.random() < 0.5 else rng.random((n, 5)) < 0.7
        return make_step(
            np.array([row[0] for row in rows], np.int64),
            (rng.random((n, 2), np.float32), rng.random((n, 1), np.float32)),
            rng.random(n, np.float32),
            group_rewards=rng.random(n, np.float32),
            allowed_actions=allowed,
            terminated=np.array([row[1] for row in rows], np.bool_),
            interrupted=np.array([row[2] for row in rows], np.bool_),
        )


@dataclass
class Decision:
    """One decision of one agent and what came of it."""

    obs: tuple[float, ...]
    action: tuple[float, ...]
    allowed: tuple[bool, ...]
    reward: float | None = None
    terminated: bool = False


@dataclass
class Story:
    """Decisions of one agent without a gap, and the observation that followed the last one."""

    decisions: list[Decision]
    bootstrap: tuple[float, ...]

    def advantages(self, gamma: float, lambd: float) -> list[float]:
        """GAE by the textbook, one decision after another."""
        values = [value(decision.obs) for decision in self.decisions] + [value(self.bootstrap)]
        advantage, found = 0.0, []
        for t in reversed(range(len(self.decisions))):
            decision = self.decisions[t]
            goes_on = 0.0 if decision.terminated else 1.0
            delta = decision.reward + gamma * goes_on * values[t + 1] - values[t]
            advantage = delta + gamma * lambd * advantage
            found.append(advantage)
        return found[::-1]


def value(obs: tuple[float, ...]) -> float:
    """A made-up value of an observation."""
    return obs[0] - 2.0 * obs[1] + obs[2]


@dataclass
class Diary:
    """One agent's memory: the story so far and the decision that waits for an answer."""

    told: list[Decision] = field(default_factory=list)
    waiting: Decision | None = None
    sees: tuple[float, ...] = ()
    earned: float = 0.0
    decided: int = 0


class SlowMemory:
    """What a tape should hold, kept agent by agent."""

    def __init__(self, time_horizon: int) -> None:
        self.time_horizon = time_horizon
        self.diaries: dict[int, Diary] = {}
        self.stories: list[Story] = []

    @property
    def num_real(self) -> int:
        closed = sum(len(story.decisions) for story in self.stories)
        return closed + sum(len(diary.told) for diary in self.diaries.values())

    def observe(self, step: Step) -> list[tuple[float, int]]:
        """Returns (sum of rewards, decisions) of the episodes that ended."""
        episodes = []
        for row, agent in enumerate(step.agent_ids):
            diary = self.diaries.get(agent)
            if diary is None:
                continue
            decision, diary.waiting = diary.waiting, None
            decision.reward = float(step.rewards[row] + step.group_rewards[row])
            decision.terminated = bool(step.terminated[row])
            diary.told.append(decision)
            diary.earned += decision.reward
            diary.decided += 1
            diary.sees = seen(step, row)
            if step.ended[row] or len(diary.told) == self.time_horizon:
                self._close(diary)
            if step.ended[row]:
                episodes.append((diary.earned, diary.decided))
                del self.diaries[agent]
        return episodes

    def append(self, deciding: Step, continuous: np.ndarray, discrete: np.ndarray) -> None:
        for row, agent in enumerate(deciding.agent_ids):
            allowed = deciding.allowed_actions
            self.diaries.setdefault(agent, Diary()).waiting = Decision(
                seen(deciding, row),
                (*continuous[row].tolist(), *discrete[row].tolist()),
                (True,) * 5 if allowed is None else tuple(allowed[row].tolist()),
            )

    def take_stories(self) -> list[Story]:
        """All stories since the last call; open ones are cut."""
        for diary in self.diaries.values():
            self._close(diary)
        stories, self.stories = self.stories, []
        return stories

    def abandon(self) -> None:
        for diary in self.diaries.values():
            self._close(diary)
        self.diaries.clear()

    def _close(self, diary: Diary) -> None:
        if diary.told:
            follows = diary.waiting.obs if diary.waiting else diary.sees
            self.stories.append(Story(diary.told, follows))
        diary.told = []


def seen(step: Step, row: int) -> tuple[float, ...]:
    """All observations of one row as one tuple."""
    return tuple(float(x) for obs in step.obs for x in obs[row])
