"""Libraries that take turns: runs follow each other round by round, so that a machine that slows
down slows down everybody, and ratios are taken within a round."""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

OURS = "mlagents_tf"


def printed(command: Sequence[str], peers: Path) -> list[dict]:
    """The JSON lines of one run; scripts of the peers run in their folder."""
    place = None if command[0] == sys.executable else peers
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{' '.join(command)} printed no result:\n{done.stderr[-2000:]}")
    return lines


def rows(setup: Mapping[str, object], speeds: Mapping[str, Sequence[float]]) -> list[dict]:
    """For each library: median, range, and the median of ours / theirs within a round.

    Args:
        setup: what was measured.
        speeds: by library, one for each round.
    """
    return [
        {
            **setup,
            "library": name,
            "median": round(statistics.median(theirs), 1),
            "min": round(min(theirs), 1),
            "max": round(max(theirs), 1),
            "ours_over_theirs": round(
                statistics.median(a / b for a, b in zip(speeds[OURS], theirs, strict=True)), 2
            ),
        }
        for name, theirs in speeds.items()
    ]


def write(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    """Writes a CSV whose columns are those of the first line."""
    lines = list(lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
