"""A game that costs next to nothing and teaches nothing, for timing everything around it.

Needs NumPy alone: every library plays the same code, reads the same settings and is timed by the
same clock, each in its own Python.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

AGENTS, MEMBERS = 64, 4
OBSERVATION, OPTIONS, LENGTH = 32, 7, 100
NAME = "Game"
TEAMS = (f"{NAME}?team=0", f"{NAME}?team=1")

POCA, SELF_PLAY, TEAMS_ALONE, PPO = "poca", "self_play", "teams_alone", "ppo"
GAMES = {
    POCA: "16 groups of 4 and their rewards",
    SELF_PLAY: "32 against 32, PPO with self_play",
    TEAMS_ALONE: "the same two teams, each training for itself",
    PPO: "64 agents of one behavior",
}


def arguments(description: str | None) -> argparse.Namespace:
    """Of one run."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("game", choices=list(GAMES), help=str(GAMES))
    parser.add_argument("--hidden-units", type=int, default=128, help="of two layers")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a window, at least")
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=3, help="updates before the first window")
    parser.add_argument("--threads", type=int, help="of PyTorch; by default ML-Agents' choice")
    return parser.parse_args()


def settings(game: str, hidden_units: int) -> dict[str, Any]:
    """Of a run, in the spelling of the YAML file that both libraries read."""
    behavior: dict[str, Any] = {
        "trainer_type": "poca" if game == POCA else "ppo",
        "hyperparameters": {
            "batch_size": 1024,
            "buffer_size": 10240,
            "num_epoch": 3,
            "learning_rate_schedule": "constant",
        },
        "network_settings": {"hidden_units": hidden_units, "num_layers": 2},
        "time_horizon": 64,
        "max_steps": 10**9,
        "checkpoint_interval": 10**9,
    }
    if game == SELF_PLAY:
        behavior["self_play"] = {
            "save_steps": 10_000,
            "team_change": 40_000,
            "swap_steps": 2_000,
            "window": 10,
            "play_against_latest_model_ratio": 0.5,
        }
    return {"behaviors": {NAME: behavior}}


def after_each(kind: type, name: str, call: Callable[[Any], object]) -> None:
    """Calls `call` with the object after each call of one of its methods."""
    method = getattr(kind, name)

    def watched(self: Any, *args: Any, **others: Any) -> Any:
        result = method(self, *args, **others)
        call(self)
        return result

    setattr(kind, name, watched)


class Side(NamedTuple):
    """Which agents a behavior has: rows of the whole game, and their groups (0 = none)."""

    rows: slice
    groups: NDArray[np.int64]

    @property
    def grouped(self) -> bool:
        """Whether what is earned is earned by groups."""
        return bool(self.groups.all())


class Moment(NamedTuple):
    """What a side sees at a step.

    Attributes:
        ids: [N] int64, of all agents; new where an episode has just begun.
        obs: [N, OBSERVATION] float32.
        ended: [M] rows whose episode has just ended.
        last_ids: [M] int64, which they had until now.
        last_obs: [M, OBSERVATION] float32.
        last_rewards: [M] float32, 1 for who has won and -1 for who has lost.
    """

    ids: NDArray[np.int64]
    obs: NDArray[np.float32]
    ended: NDArray[np.intp]
    last_ids: NDArray[np.int64]
    last_obs: NDArray[np.float32]
    last_rewards: NDArray[np.float32]


class Game:
    """Random observations, random winners; episodes of LENGTH steps, begun at different times.

    Args:
        game: one of GAMES.
        clock: told of every step.
        seed: of its draws.

    Attributes:
        sides: by behavior.
    """

    def __init__(self, game: str, clock: Clock, seed: int = 0) -> None:
        rows, half = np.arange(AGENTS), AGENTS // 2
        if game in (SELF_PLAY, TEAMS_ALONE):
            self._areas, self._signs = rows % half, np.where(rows < half, 1, -1)
            nobody = np.zeros(half, np.int64)
            places = slice(0, half), slice(half, AGENTS)
            self.sides = {t: Side(p, nobody) for t, p in zip(TEAMS, places, strict=True)}
        else:
            self._areas, self._signs = rows // MEMBERS, np.ones(AGENTS, np.int64)
            groups = 1 + self._areas if game == POCA else np.zeros(AGENTS, np.int64)
            self.sides = {NAME: Side(slice(0, AGENTS), groups)}
        self._clock = clock
        self._num_areas = int(self._areas.max()) + 1
        self._rng = np.random.default_rng(seed)
        self._ids = rows

    def reset(self) -> dict[str, Moment]:
        """Every area begins somewhere in its first episode."""
        self._ids = self._ids.max() + 1 + np.arange(AGENTS)
        self._ages = self._rng.integers(LENGTH, size=self._num_areas)
        self._obs = self._rng.random((AGENTS, OBSERVATION), np.float32)
        return self._seen(np.zeros(AGENTS, np.bool_), self._ids, self._obs)

    def step(self) -> dict[str, Moment]:
        """One step of every area, whatever the actions were."""
        self._clock.steps += AGENTS
        self._ages += 1
        over = self._ages >= LENGTH
        self._ages[over] = 0
        ended = over[self._areas]
        ids, last = self._ids, self._rng.random((AGENTS, OBSERVATION), np.float32)
        self._obs = last
        if ended.any():
            self._ids = np.where(ended, ids.max() + 1 + np.arange(AGENTS), ids)
            self._obs = self._rng.random((AGENTS, OBSERVATION), np.float32)
        return self._seen(ended, ids, last)

    def _seen(
        self, ended: NDArray[np.bool_], ids: NDArray[np.int64], last: NDArray[np.float32]
    ) -> dict[str, Moment]:
        winners = np.where(self._rng.random(self._num_areas) < 0.5, 1, -1)[self._areas]
        won = (self._signs * winners).astype(np.float32)
        moments = {}
        for name, (rows, _) in self.sides.items():
            m = np.flatnonzero(ended[rows])
            moments[name] = Moment(
                self._ids[rows],
                self._obs[rows],
                m,
                ids[rows][m],
                last[rows][m],
                won[rows][m],
            )
        return moments


class Clock:
    """Times a run from the end of an update to the end of a later one.

    Args:
        warm_up: updates before the first window.
        seconds: that a window takes at least.
        windows: how many are wanted.

    Attributes:
        steps: of all agents together; the game counts them.
        updates: of all learners together.
        happened: how often, of what was to be counted.
    """

    def __init__(self, warm_up: int, seconds: float, windows: int) -> None:
        self.steps = self.updates = 0
        self.happened: Counter[str] = Counter()
        self._warm_up, self._seconds, self._wanted = warm_up, seconds, windows
        self._learned: dict[str, int] = {}
        self._began = np.zeros(4)
        self._windows: list[NDArray[np.float64]] = []

    @property
    def over(self) -> bool:
        """Whether there are as many windows as were wanted."""
        return len(self._windows) >= self._wanted

    def updated(self, learner: str, steps: int) -> None:
        """A learner's update has ended; it has counted that many steps of its own so far."""
        self.updates += 1
        self._learned[learner] = steps
        clocks = time.perf_counter(), time.process_time()
        now = np.array([*clocks, self.steps, sum(self._learned.values())])
        if self.updates <= self._warm_up:
            self._began = now
        elif now[0] - self._began[0] >= self._seconds:
            self._windows.append(now - self._began)
            self._began = now

    def count(self, calls: Iterable[tuple[type, str, str]]) -> None:
        """Counts what happens: [(class, method, what a call of it is)]."""
        for kind, method, what in calls:
            after_each(kind, method, lambda _, what=what: self.happened.update([what]))

    def report(self) -> dict[str, Any]:
        """Medians of the windows, each by the clock and by the time of the processor."""
        seconds, processor, steps, learned = np.stack(self._windows, axis=1)
        return {
            "steps_per_s": round(float(np.median(steps / seconds)), 1),
            "steps_per_cpu_s": round(float(np.median(steps / processor)), 1),
            "learned_per_s": round(float(np.median(learned / seconds)), 1),
            "learned_per_cpu_s": round(float(np.median(learned / processor)), 1),
            "windows": (steps / seconds).round().tolist(),
            "updates": self.updates,
            "happened": dict(self.happened),
        }
