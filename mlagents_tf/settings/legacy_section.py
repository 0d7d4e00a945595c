"""Reads one section of the layout before `behaviors:`, laid over the `default` one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlagents_tf.settings.base import near, show
from mlagents_tf.settings.document import Document, KeyPath


@dataclass
class LegacySection:
    """One behavior: where each of its keys is written, and where it goes."""

    legacy: Document
    document: Document
    name: str
    notices: list[str]
    root: KeyPath = ()
    sources: dict[str, KeyPath] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = ("behaviors", self.name)
        own = self.follow_aliases()
        for section in ("default", own):
            keys = self.legacy.data.get(section)
            for key in keys if isinstance(keys, dict) else ():
                self.sources[key] = (section, key)

    def follow_aliases(self) -> str:
        """The section that this one names, and that one, until there are keys."""
        seen, name, data = [self.name], self.name, self.legacy.data
        while isinstance(data.get(name), str):
            name = data[name]
            if name in seen:
                self.legacy.fault((self.name,), f"a circle of names: {' -> '.join([*seen, name])}.")
                break
            if name not in data:
                self.legacy.fault((self.name,), f"no section '{name}'.{near(name, data)}")
                break
            seen.append(name)
        if not isinstance(data.get(name), str | dict | None):
            received = show(data[name])
            self.legacy.fault((name,), f"expected a section of keys (received {received}).")
        return name

    def get(self, key: str) -> Any:
        """The value of a key of this section or of `default`; None if it is not given."""
        value: Any = self.legacy.data
        for part in self.sources.get(key, ()):
            value = value[part]
        return value if key in self.sources and value != "None" else None

    def own_keys(self) -> Iterator[str]:
        """Keys that are written in this section itself, not in `default` or another one."""
        return (key for key, source in self.sources.items() if source[0] == self.name)

    def move(self, key: str, *target: str) -> None:
        """Copy a key, unless it has no value, to its place in the current layout."""
        if self.get(key) is not None:
            self.document.take(self.legacy, self.sources[key], self.root + target)

    def set(self, value: Any, because: str, *target: str) -> None:
        """Set a value that follows from the key `because`."""
        place = self.legacy.place(self.sources.get(because, (self.name,)))
        self.document.put(self.root + target, value, place)
