"""When a worker that failed may start again, and when a run must end instead."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from mlagents_tf.errors import EnvError

FIRST_PAUSE = 0.1  # seconds
LONGEST_PAUSE = 30.0


class Failure(NamedTuple):
    """Why a worker's process is of no use any more.

    Attributes:
        sentence: what happened, without the worker's number.
        traceback: of an exception in the worker, "" if its sentence is enough.
    """

    sentence: str
    traceback: str = ""

    def error(self, beginning: str) -> EnvError:
        """An error whose message ends with the traceback, if there is one."""
        tail = f"\n\n{self.traceback.rstrip()}" if self.traceback else ""
        return EnvError(f"{beginning}{self.sentence}{tail}")


@dataclass(frozen=True)
class RestartLimits:
    """How often one worker may be restarted; the names and values are ML-Agents'.

    Attributes:
        max_lifetime_restarts: in a run; -1 = no limit.
        restarts_rate_limit_n: within a period; -1 = no limit.
        restarts_rate_limit_period_s: the period, in seconds.
    """

    max_lifetime_restarts: int = 10
    restarts_rate_limit_n: int = 1
    restarts_rate_limit_period_s: float = 60.0


class Restarts:
    """The failures of one worker."""

    def __init__(self, limits: RestartLimits) -> None:
        self._limits = limits
        self._total = 0
        self._recent: deque[float] = deque()
        self._pause = FIRST_PAUSE
        self._first: Failure | None = None

    def worked(self) -> None:
        """A step has succeeded: what failed before is settled."""
        self._pause, self._first = FIRST_PAUSE, None

    def pause(self, worker: int, failure: Failure, now: float) -> float:
        """Seconds until the restart that `failure` makes necessary; each time twice as long.

        Args:
            worker: its number.
            failure: the newest.
            now: seconds of a clock that never goes back.

        Raises:
            EnvError: there were too many; says what the first failure was since the worker worked.
        """
        self._first = self._first or failure
        period, most = self._limits.restarts_rate_limit_period_s, self._limits.restarts_rate_limit_n
        while self._recent and now - self._recent[0] >= period:
            self._recent.popleft()
        lifetime = self._limits.max_lifetime_restarts
        if 0 <= lifetime <= self._total:
            allowed = f"max_lifetime_restarts allows {lifetime}"
        elif 0 <= most <= len(self._recent):
            allowed = f"restarts_rate_limit_n allows {most} in {period:g} s"
        else:
            self._total += 1
            self._recent.append(now)
            pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
            return pause
        raise self._first.error(
            f"worker {worker} failed once more after {self._total} restarts, and {allowed}; "
            "-1 there means no limit. Its first failure: "
        )
