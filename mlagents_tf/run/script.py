"""What a Python script brings to a run, and what it gets to see of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from mlagents_tf.envs.env import Env
from mlagents_tf.run.session import Session
from mlagents_tf.run.stop import Stop
from mlagents_tf.stats import NOT_WRITTEN, Histograms, StatSummary

Means: TypeAlias = Mapping[str, Mapping[str, float]]
"""{behavior: {tag: mean}}, such as `["3DBall"]["Environment/Cumulative Reward"]`."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a summary.

    Attributes:
        steps: decisions that were answered, of all behaviors together.
        max_steps: decisions after which every behavior is finished.
        elapsed: seconds the run has taken, earlier sessions included.
        statistics: means of each behavior's latest summary; empty before its first.
    """

    steps: int
    max_steps: int
    elapsed: float
    statistics: Means


@dataclass(frozen=True)
class Result:
    """What has become of a run.

    Attributes:
        run_dir: its directory.
        steps: decisions that were answered, of all behaviors together.
        statistics: means of each behavior's last summary since this start or resume.
        finished: whether every behavior has reached its max_steps.
        exit_code: of the command: 0, or 130 / 143 when a signal ended the run.
    """

    run_dir: Path
    steps: int
    statistics: Means
    finished: bool
    exit_code: int


Callback: TypeAlias = Callable[[Progress], object]
"""Called after each summary; returning True ends the run with a commit."""


class Script(NamedTuple):
    """What a script brings: an environment that it closes itself, and callbacks."""

    env: Env | None = None
    callbacks: Sequence[Callback] = ()


class Watch:
    """A StatsWriter that keeps each behavior's latest means and tells callbacks of them."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.statistics: dict[str, dict[str, float]] = {}
        self._callbacks = callbacks
        self._news = False

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Keeps the means."""
        self.statistics[behavior] = {
            name: summary.mean for name, summary in summaries.items() if name not in NOT_WRITTEN
        }
        self._news = True

    def close(self) -> None:
        """Nothing is held."""

    def tell(self, session: Session, stop: Stop) -> None:
        """Calls the callbacks if there was a summary since they were called last."""
        if not self._news:
            return
        self._news = False
        progress = Progress(
            session.steps, session.max_steps, session.elapsed, dict(self.statistics)
        )
        for callback in self._callbacks:
            if callback(progress) is True:
                stop.asked = True
