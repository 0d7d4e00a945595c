"""What a run says on the terminal: notices, one line per summary, and a bar with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

import rich.console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from mlagents_tf.stats import (
    CLONING_LOSS,
    ELO,
    GROUP_REWARD,
    HELD_OUT_LOSS,
    IS_TRAINING,
    REWARD,
    Histograms,
    StatSummary,
)
from mlagents_tf.timers import versions


class SpeedColumn(ProgressColumn):
    """Agent steps per second over the last half minute."""

    def render(self, task: Task) -> Text:
        """`1,234 steps/s`, nothing before it can be known."""
        return Text(f"{task.speed:,.0f} steps/s" if task.speed else "")


class Console:
    """Plain lines, and below them a progress bar where the output is a terminal.

    A StatsWriter too. A terminal that has gone away, or that cannot show a character, never
    stops training.

    Args:
        stream: where to print; standard output by default.
        clock: seconds, monotonic.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stdout
        self._clock = clock
        self._began = clock()
        self._progress: Progress | None = None
        self._bar = TaskID(0)

    def banner(self) -> None:
        """One line with the versions that decide about results."""
        self._print(", ".join(f"{package} {number}" for package, number in versions().items()))

    def notice(self, text: str) -> None:
        """Say something that is as it should be."""
        self._print(f"[INFO] {text}")

    def warning(self, text: str) -> None:
        """Say something that the user should look at."""
        self._print(f"[WARNING] {text}")

    def start_progress(self, done: int, total: int) -> None:
        """Show a bar from here on, on a terminal only.

        Args:
            done: agent steps of all behaviors so far; those of a resumed run do not count as speed.
            total: the sum of `max_steps`.
        """
        if self._progress is not None or not self._stream.isatty():
            return
        self._progress = Progress(
            TextColumn("Steps"),
            BarColumn(),
            MofNCompleteColumn(),
            SpeedColumn(),
            TimeRemainingColumn(),
            console=rich.console.Console(file=self._stream),
            refresh_per_second=2,
        )
        self._bar = self._progress.add_task("Steps", total=total, completed=done)
        self._progress.start()

    def progress(self, done: int) -> None:
        """Move the bar to `done` agent steps; without a bar, nothing."""
        if self._progress is not None:
            with suppress(OSError, ValueError):
                self._progress.update(self._bar, completed=done)

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Print the summary of one behavior in a line."""
        self._print(
            f"[INFO] {summary_line(behavior, step, self._clock() - self._began, summaries)}"
        )

    def close(self) -> None:
        """Stop the bar; lines can still be printed."""
        progress, self._progress = self._progress, None
        if progress is not None:
            with suppress(OSError, ValueError):
                progress.stop()

    def _print(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        shown = "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
        shown = shown.encode(encoding, "backslashreplace").decode(encoding)
        with suppress(OSError, ValueError):  # a closed pipe, a closed file
            if self._progress is not None:
                self._progress.console.print(shown, markup=False, highlight=False, soft_wrap=True)
            else:
                print(shown, file=self._stream, flush=True)


def summary_line(
    behavior: str, step: int, elapsed: float, summaries: Mapping[str, StatSummary]
) -> str:
    """A summary in ML-Agents' words, which scripts of its users look for."""
    training = summaries.get(IS_TRAINING)
    words = [behavior, f"Step: {step}", f"Time Elapsed: {elapsed:.3f} s"]
    reward, group = summaries.get(REWARD), summaries.get(GROUP_REWARD)
    losses = [tag for tag in (CLONING_LOSS, HELD_OUT_LOSS) if tag in summaries]
    if reward is None and losses:
        words += [f"{tag.removeprefix('Losses/')}: {summaries[tag].mean:.4f}" for tag in losses]
    elif reward is None:
        words.append("No episode was completed since last summary")
    else:
        words.append(f"Mean Reward: {reward.mean:.3f}")
        words.append(
            f"Mean Group Reward: {group.mean:.3f}" if group else f"Std of Reward: {reward.std:.3f}"
        )
    words.append("Not Training" if training is not None and training.mean <= 0 else "Training")
    if ELO in summaries:
        words.append(f"ELO: {summaries[ELO].mean:.3f}")
    return ". ".join(words) + "."


def settings_tree(settings: Mapping[str, Any], depth: int = 1) -> str:
    """Nested settings as indented lines of `key:` and value, one tab between them."""
    lines = []
    for key, value in settings.items():
        nested = isinstance(value, Mapping)
        shown = "\n" + settings_tree(value, depth + 1) if nested else f"\t{value}"
        lines.append(f"{'  ' * depth}{key}:{shown}")
    return "\n".join(lines)
