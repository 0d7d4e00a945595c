"""A configuration as plain data that remembers where each value was written."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a value was written: a line of a file, or a flag."""

    source: str
    line: int | None = None
    path: KeyPath = ()


class Fault(NamedTuple):
    """Something wrong at a place."""

    place: Place
    message: str

    def __str__(self) -> str:
        source, line, path = self.place
        where = source if line is None else f"{source}:{line}"
        return ": ".join(part for part in (where, dotted(path), self.message) if part)


def dotted(path: KeyPath) -> str:
    """`behaviors.3DBall.max_steps`, with list positions in brackets."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


@dataclass
class Document:
    """Data of one configuration, the place of each of its values, and what is wrong so far.

    A repeat is a key given twice with the same value: wrong today, but a 2019 file has some.
    """

    data: Any
    places: dict[KeyPath, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    repeats: list[Fault] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Where the value at `path`, or the nearest section around it, was written."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                source, line, written = self.places[path[:length]]
                return Place(source, line, written + path[length:])
        return Place("configuration", None, path)

    def fault(self, path: KeyPath, message: str) -> None:
        """Remember that the value at `path` cannot be used."""
        self.faults.append(Fault(self.place(path), message))

    def put(self, path: KeyPath, value: Any, place: Place) -> None:
        """Set a value, making the sections around it; `place` is where it was written."""
        section = self.data
        for depth, key in enumerate(path[:-1], start=1):
            if _get(section, key) is None and isinstance(section, dict):
                section[key] = {}
            section = _get(section, key)
            if not isinstance(section, (dict, list)):
                self.faults.append(Fault(place, f"{dotted(path[:depth])} is not a section"))
                return
        if isinstance(section, list) and _get(section, path[-1]) is None:
            self.faults.append(Fault(place, f"the list has only {len(section)} items"))
            return
        section[path[-1]] = value
        for known in [known for known in self.places if known[: len(path)] == path]:
            del self.places[known]
        self.places[path] = place

    def take(self, other: Document, source: KeyPath, target: KeyPath) -> None:
        """Copy the value at `source` of another document to `target`, with its places."""
        value: Any = other.data
        for key in source:
            value = value[key]
        self.put(target, copy.deepcopy(value), other.place(source))
        for below in paths_below(value):
            self.places[target + below] = other.place(source + below)


def _get(section: Any, key: str | int) -> Any:
    if isinstance(section, dict):
        return section.get(key)
    if isinstance(section, list) and isinstance(key, int) and 0 <= key < len(section):
        return section[key]
    return None


def paths_below(value: Any) -> list[KeyPath]:
    """The paths of everything in a value, sections included."""
    if isinstance(value, dict):
        items: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return []
    paths: list[KeyPath] = []
    for key, item in items:
        paths.append((key,))
        paths += [(key, *below) for below in paths_below(item)]
    return paths
