"""Where the time of a run goes: nested timers, gauges, and the facts that go with them."""

from __future__ import annotations

import math
import platform
import re
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Any

from mlagents_tf.stats import Histograms, StatSummary

FORMAT_VERSION = "0.1.0"  # of ML-Agents' timers.json
PACKAGES = ("mlagents-tf", "tensorflow", "keras", "numpy")
SECRET_FLAG = re.compile(
    r"-{0,2}[\w.-]*(token|secret|passw|credential|api[-_]?key|auth)[\w.-]*", re.IGNORECASE
)
URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")
HIDDEN = "***"


class Timer:
    """One line of the tree: how often a block was entered and how long it took in all.

    Entered with `with`; time spent in blocks within it counts for both.
    """

    __slots__ = ("children", "count", "owner", "parent", "start", "total")

    def __init__(self, owner: Timers, parent: Timer | None) -> None:
        self.owner = owner
        self.parent = parent
        self.children: dict[str, Timer] = {}
        self.total = 0.0
        self.count = 0
        self.start = 0.0

    def __enter__(self) -> None:
        self.owner.current = self
        self.start = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.total += time.perf_counter() - self.start
        self.count += 1
        if self.parent is not None:
            self.owner.current = self.parent

    def tree(self) -> dict[str, Any]:
        """{total, count, self, children}, in seconds."""
        children = {name: child.tree() for name, child in self.children.items()}
        inside = sum(child["total"] for child in children.values())
        tree = {"total": self.total, "count": self.count, "self": max(0.0, self.total - inside)}
        return {**tree, "children": children} if children else tree


class Timers:
    """The timers of one run, used from one thread: `with timers("update"): ...`."""

    def __init__(self) -> None:
        self._root = Timer(self, None)
        self._root.__enter__()
        self._began = time.time()
        self._gauges: dict[str, dict[str, float]] = {}
        self.current = self._root

    def __call__(self, name: str) -> Timer:
        """The timer of `name` within the block that runs now, to be entered at once."""
        parent = self.current
        timer = parent.children.get(name)
        if timer is None:
            timer = parent.children[name] = Timer(self, parent)
        return timer

    def gauge(self, name: str, value: float) -> None:
        """Remember the newest value of a quantity, and its range; NaN and infinity are left out."""
        if not math.isfinite(value):
            return
        gauge = self._gauges.setdefault(name, {"min": value, "max": value, "count": 0})
        gauge["value"] = value
        gauge["min"] = min(gauge["min"], value)
        gauge["max"] = max(gauge["max"], value)
        gauge["count"] += 1

    def tree(self, command: Sequence[str] = ()) -> dict[str, Any]:
        """Everything so far, in the shape of ML-Agents' timers.json.

        Args:
            command: the command line, noted with passwords and tokens taken out.
        """
        self._root.total = time.perf_counter() - self._root.start
        self._root.count = 1
        metadata = {
            "timer_format_version": FORMAT_VERSION,
            "start_time_seconds": str(int(self._began)),
            "end_time_seconds": str(int(time.time())),
            "python_version": platform.python_version(),
            "command_line_arguments": " ".join(without_secrets(command)),
            **{f"{name.replace('-', '_')}_version": text for name, text in versions().items()},
        }
        return {
            "name": "root",
            "gauges": {name: dict(gauge) for name, gauge in self._gauges.items()},
            "metadata": metadata,
            **self._root.tree(),
        }


class GaugeWriter:
    """A StatsWriter that keeps mean and sum of every statistic as gauges of the timers."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Names as in ML-Agents: `3DBall.Environment.CumulativeReward.mean`."""
        for name, summary in summaries.items():
            gauge = f"{behavior}.{name}".replace(" ", "").replace("/", ".")
            self._timers.gauge(f"{gauge}.mean", summary.mean)
            self._timers.gauge(f"{gauge}.sum", summary.sum)

    def close(self) -> None:
        """The timers are written by whoever owns them."""


def versions() -> dict[str, str]:
    """{package: installed version} of this package and of those that decide about results."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def without_secrets(command: Sequence[str]) -> list[str]:
    """A command line with the values of secret flags, and logins in URLs, replaced by `***`."""
    shown = []
    hide_next = False
    for word in command:
        flag, equals, _ = word.partition("=")
        secret = SECRET_FLAG.fullmatch(flag) is not None
        if hide_next and not word.startswith("-"):
            shown.append(HIDDEN)
        elif secret and equals:
            shown.append(f"{flag}={HIDDEN}")
        else:
            shown.append(URL_LOGIN.sub(HIDDEN, word))
        hide_next = secret and not equals and word.startswith("-")
    return shown
