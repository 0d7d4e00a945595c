"""Statistics as one table per behavior: a row for each summary, a column for each statistic."""

from __future__ import annotations

import csv
import errno
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlagents_tf.run.storage import make_directory, replacing, safe_name, storage_errors
from mlagents_tf.stats import NOT_WRITTEN, Histograms, StatSummary

FILE_NAME = "statistics.csv"
STEP = "Step"


class CsvWriter:
    """Writes `<run_dir>/<behavior>/statistics.csv`; a statistic that comes late gets its column."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._columns: dict[str, list[str]] = {}

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Add one row with the means."""
        path = self._run_dir / safe_name(behavior) / FILE_NAME
        values = {name: s.mean for name, s in summaries.items() if name not in NOT_WRITTEN}
        columns = self._columns.get(behavior) or _columns_on_disk(path)
        new = [name for name in values if name not in columns]
        if new or not path.exists():
            columns = [*columns, *new]
            _rewrite(path, columns)
        row = [str(step), *(repr(values[name]) if name in values else "" for name in columns)]
        _append(path, _line(row))
        self._columns[behavior] = columns

    def close(self) -> None:
        """Every row is in its file already."""


def cut_rows_after(path: Path, step: int) -> int:
    """Drop rows beyond `step`, and a row that a crash left incomplete; return how many."""
    if not path.exists():
        return 0
    header, *rows = _rows(path) or [[STEP]]
    kept = [row for row in rows if row[0].isdecimal() and int(row[0]) <= step]
    if len(kept) < len(rows) or not path.read_bytes().endswith(b"\n"):
        _save(path, [header, *kept])
    return len(rows) - len(kept)


def _columns_on_disk(path: Path) -> list[str]:
    """The statistics of the table so far; a row cut by a crash is dropped before going on."""
    if not path.exists():
        return []
    rows = _rows(path)
    if not path.read_bytes().endswith(b"\n"):
        _save(path, rows)
    return rows[0][1:] if rows else []


def _rewrite(path: Path, columns: Sequence[str]) -> None:
    """The same rows under a longer header."""
    rows = _rows(path)[1:] if path.exists() else []
    width = len(columns) + 1
    make_directory(path.parent)
    _save(path, [[STEP, *columns], *([*row, *[""] * (width - len(row))] for row in rows)])


def _rows(path: Path) -> list[list[str]]:
    """The complete rows, header first."""
    with storage_errors(path, "read"):
        text = path.read_text(encoding="utf-8", errors="replace")
    complete = text[: text.rfind("\n") + 1].replace("\0", "")  # as a power loss leaves them
    return [row for row in csv.reader(io.StringIO(complete, newline="")) if row]


def _save(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with replacing(path) as file:
        file.write("".join(map(_line, rows)).encode())


def _line(row: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


def _append(path: Path, line: str) -> None:
    """Add a line; where the disk is full, take back the part of it that arrived."""
    data = line.encode()
    with storage_errors(path, "write"), path.open("ab", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        try:
            if file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(file.fileno(), size)
            raise
