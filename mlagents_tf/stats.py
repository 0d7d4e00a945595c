"""Statistics of behaviors: values collected between two summaries, and who writes them down."""

from __future__ import annotations

import enum
import math
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

# behavior -> statistic -> its values; as in a checkpoint, with "nan" and "inf" spelled out
StatisticsState: TypeAlias = dict[str, dict[str, list[float | str]]]
Histograms: TypeAlias = Mapping[str, NDArray[np.float64]]

REWARD = "Environment/Cumulative Reward"
GROUP_REWARD = "Environment/Group Cumulative Reward"
CLONING_LOSS = "Losses/Cloning Loss"
HELD_OUT_LOSS = "Losses/Held-out Loss"
ELO = "Self-play/ELO"
IS_TRAINING = "Is Training"
NOT_WRITTEN = (IS_TRAINING, "Step")  # for the console only, as in ML-Agents


class Aggregation(enum.IntEnum):
    """What becomes of a statistic's values until they are written (the values are Unity's)."""

    AVERAGE = 0
    MOST_RECENT = 1
    SUM = 2
    HISTOGRAM = 3


class EnvStatistic(NamedTuple):
    """A number that an environment wants to have in TensorBoard."""

    name: str
    value: float
    aggregation: Aggregation = Aggregation.AVERAGE


@dataclass(frozen=True)
class StatSummary:
    """What a window of values comes to; `std` is of the population."""

    mean: float
    std: float
    min: float
    max: float
    count: int
    sum: float


class StatsWriter(Protocol):
    """Something that writes summaries down: an event file, a table, the terminal."""

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Write the summaries of one behavior at one step; may raise, which costs a warning."""

    def close(self) -> None:
        """Write what is left and give up files; nothing is written afterwards."""


class Statistics:
    """Values of each behavior since its last summary."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, array[float]]] = {}
        self._with_histogram = {REWARD}

    def add(self, behavior: str, name: str, value: float) -> None:
        """Add one value to the window of a statistic."""
        self._window(behavior, name).append(value)

    def add_all(self, behavior: str, values: Mapping[str, float]) -> None:
        """Add one value to each of several statistics, such as what an update returns."""
        for name, value in values.items():
            self.add(behavior, name, value)

    def add_many(self, behavior: str, name: str, values: ArrayLike) -> None:
        """Add all values of an array, whatever its shape."""
        self._window(behavior, name).frombytes(np.asarray(values, np.float64).tobytes())

    def set(self, behavior: str, name: str, value: float) -> None:
        """Make `value` the only one of the window: the last one set wins."""
        self._values.setdefault(behavior, {})[name] = array("d", [value])

    def report(self, behavior: str, statistic: EnvStatistic) -> None:
        """Take in what an environment has reported."""
        name, value, aggregation = statistic
        if aggregation == Aggregation.MOST_RECENT:
            self.set(behavior, name, value)
        elif aggregation == Aggregation.SUM:
            self.set(behavior, name, sum(self._window(behavior, name)) + value)
        else:
            if aggregation == Aggregation.HISTOGRAM:
                self._with_histogram.add(name)
            self.add(behavior, name, value)

    def summary(self, behavior: str) -> dict[str, StatSummary]:
        """The summaries of a behavior's statistics that have values, in the order of their names.

        The order of arrival would not survive a checkpoint.
        """
        windows = self._values.get(behavior, {})
        return {name: _summary(window) for name, window in sorted(windows.items()) if window}

    def histograms(self, behavior: str) -> dict[str, NDArray[np.float64]]:
        """The values themselves, {`<statistic>_hist`: [n]}, of statistics that get a histogram."""
        windows = self._values.get(behavior, {})
        return {
            f"{name}_hist": np.array(windows[name])
            for name in sorted(self._with_histogram)
            if windows.get(name)
        }

    def clear(self, behavior: str) -> None:
        """Begin a new window for every statistic of a behavior."""
        self._values.pop(behavior, None)

    def state(self) -> StatisticsState:
        """All windows, for a checkpoint; a float is the same after a round trip through JSON."""
        return {
            behavior: {
                name: [value if math.isfinite(value) else str(value) for value in window]
                for name, window in windows.items()
            }
            for behavior, windows in self._values.items()
        }

    def load_state(self, state: Mapping[str, Mapping[str, Iterable[float | str]]]) -> None:
        """Go on with the windows of `state` instead of these."""
        self._values = {
            behavior: {
                name: array("d", [float(value) for value in values])
                for name, values in windows.items()
            }
            for behavior, windows in state.items()
        }

    def _window(self, behavior: str, name: str) -> array[float]:
        windows = self._values.setdefault(behavior, {})
        if name not in windows:
            windows[name] = array("d")
        return windows[name]


def _summary(window: Sequence[float]) -> StatSummary:
    values = np.asarray(window, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # a NaN shows in the summary
        return StatSummary(
            mean=float(values.mean()),
            std=float(values.std()),
            min=float(values.min()),
            max=float(values.max()),
            count=len(values),
            sum=float(values.sum()),
        )


class ForgivingWriters:
    """Several writers as one that never stops training: an error becomes a warning, now and then.

    Args:
        writers: whom to pass everything on to.
        warn: called with one sentence.
        pause: seconds for which further errors of the same writer are only counted.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        writers: Iterable[StatsWriter],
        warn: Callable[[str], None],
        pause: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writers = list(writers)
        self._warn = warn
        self._pause = pause
        self._clock = clock
        self._quiet_until = [-math.inf] * len(self._writers)
        self._unreported = [0] * len(self._writers)

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Let every writer write, whatever happened to the one before it."""
        for index, writer in enumerate(self._writers):
            try:
                writer.write(behavior, step, summaries, histograms)
            except Exception as error:  # a full disk or a faulty plugin: training is worth more
                self._failed(index, f"write the statistics of {behavior} at step {step}", error)

    def close(self) -> None:
        """Close every writer."""
        for index, writer in enumerate(self._writers):
            try:
                writer.close()
            except Exception as error:
                self._failed(index, "close", error)

    def _failed(self, index: int, doing: str, error: Exception) -> None:
        if self._clock() < self._quiet_until[index]:
            self._unreported[index] += 1
            return
        name = type(self._writers[index]).__name__
        earlier = self._unreported[index]
        since = f" ({earlier} more since the last warning)" if earlier else ""
        self._warn(f"{name} could not {doing}: {error}{since}. Training goes on.")
        self._quiet_until[index] = self._clock() + self._pause
        self._unreported[index] = 0
