"""How much memory may still be taken, and whether replays fit into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from mlagents_tf.data.replay import Replay
from mlagents_tf.errors import SettingsError

GIB = 1 << 30
CGROUPS = {
    # version: (below /sys/fs/cgroup, limit, usage, name of droppable file cache in memory.stat)
    1: ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("", "memory.max", "memory.current", "inactive_file"),
}


def check_fits(behavior: str, replay: Replay, others: Iterable[Replay] = ()) -> str:
    """One line that says what a replay will take.

    Nothing has been reserved for it yet, and memory is taken as rows are written: a replay that
    is too large would be killed hours later.

    Args:
        behavior: whose replay it is.
        replay: without rows.
        others: replays of other behaviors, which still grow to their full size.

    Raises:
        SettingsError: it cannot fit; says which `buffer_size` would.
    """
    needed, promised = replay.num_bytes, sum(map(bytes_to_come, others))
    available = available_memory()
    room = max(0, available - headroom(available) - promised)
    row_bytes = replay.layout.itemsize
    if needed > room:
        promises = f"{size_text(promised)} to other replays, " if promised else ""
        raise SettingsError(
            f"behaviors.{behavior}.hyperparameters.buffer_size: a replay of {replay.capacity} rows "
            f"of {row_bytes} bytes needs {size_text(needed)}, but of {size_text(available)} of "
            f"available memory, {promises}{size_text(headroom(available))} are left to the rest of "
            f"the run and {size_text(room)} to it. Lower buffer_size to at most "
            f"{room // row_bytes}."
        )
    return (
        f"behavior {behavior}: its replay of {replay.capacity} rows takes up to {size_text(needed)}"
    )


def bytes_to_come(replay: Replay) -> int:
    """What a replay will take beyond the rows that it has."""
    return replay.num_bytes - len(replay) * replay.layout.itemsize


def headroom(available: int) -> int:
    """What replays must leave: compiling an update takes up to a GiB, and environments grow.

    A tenth of what is available, at least 1 GiB, but where there is little, half of it.
    """
    return min(max(available // 10, GIB), available // 2)


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that can be taken without swapping, and without meeting the limit of a container."""
    return min([psutil.virtual_memory().available, *_left_in_cgroups(root)])


def _left_in_cgroups(root: Path) -> Iterator[int]:
    """Bytes left to each control group this process is in, where it has a limit (Linux)."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = ([*line.split(":", 2), "", ""])[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        below, *names = CGROUPS[1 if controllers else 2]
        top = root / "sys/fs/cgroup" / below
        place = top / group.lstrip("/")
        for folder in (place, *place.parents):
            yield from _left(folder, *names)
            if folder == top:
                break


def _left(folder: Path, limit_name: str, usage_name: str, cache_name: str) -> Iterator[int]:
    limit, usage = _text(folder / limit_name).strip(), _text(folder / usage_name).strip()
    if not limit.isdigit() or not usage.isdigit():  # "max", or not there
        return
    facts = dict(line.split() for line in _text(folder / "memory.stat").splitlines() if " " in line)
    yield max(0, int(limit) - int(usage) + int(facts.get(cache_name, 0)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def size_text(size: int) -> str:
    """Bytes for people: `25.0 MB`, `21.2 GB`."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 1e3:.1f} kB"
