"""How long a minibatch takes: ours and the peers', measured alike and in turn."""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from peers import printed, rows

CLOCKS = ("wall_ms", "processor_ms")


def measured(
    prepare: Callable[[], object], update: Callable[[], object], repeats: int, minibatches: int
) -> dict[str, float]:
    """Median milliseconds of a minibatch, by the clock and of the processor, after a warm-up."""
    times = []
    for _ in range(repeats + 1):
        prepare()
        began = time.perf_counter(), time.process_time()
        update()
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    medians = (
        1e3 * statistics.median(clock) / minibatches for clock in zip(*times[1:], strict=True)
    )
    return {name: round(median, 2) for name, median in zip(CLOCKS, medians, strict=True)}


def in_turns(
    commands: Mapping[str, Sequence[str]], rounds: int, setup: Sequence[str]
) -> list[dict]:
    """Minibatches per second, by either clock, of libraries that take turns.

    Args:
        commands: by library; they print what `measured` finds for one setup after the other.
        rounds: how often.
        setup: keys of a printed line that say what was measured.
    """
    speeds: dict[tuple, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for library, command in commands.items():
            for line in printed(command, Path(__file__).parent):
                for clock in CLOCKS:
                    key = *(line[name] for name in setup), clock
                    speeds[key][library].append(1e3 / line[clock])
            print(f"round {number}: {library}", file=sys.stderr, flush=True)
    lines = []
    for (*values, clock), found in speeds.items():
        what = {"what": f"minibatches per second, {clock}"}
        lines += rows(dict(zip(setup, values, strict=True)) | what, found)
    return lines
