"""Command-line values on top of a document: flags, then `--set PATH=VALUE`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.document import Document, Fault, KeyPath, Place
from mlagents_tf.settings.reader import parse

FLAGS = {
    "env_settings.env_path": "--env",
    "torch_settings.device": "--torch-device",
}
EVERY_BEHAVIOR: dict[str, KeyPath] = {
    "max_steps": ("max_steps",),
    "deterministic": ("network_settings", "deterministic"),
}


def apply_flags(document: Document, flags: Mapping[str, Any]) -> None:
    """Set flags by their dotted path; those of EVERY_BEHAVIOR in every behavior."""
    for name, value in flags.items():
        source = FLAGS.get(name, "--" + name.rpartition(".")[2].replace("_", "-"))
        if name in EVERY_BEHAVIOR:
            for root in behavior_roots(document):
                path = root + EVERY_BEHAVIOR[name]
                document.put(path, value, Place(source, None, path))
        else:
            path = split_path(name, document.data)
            document.put(path, value, Place(source, None, path))


def behavior_roots(document: Document) -> list[KeyPath]:
    """default_settings if it is there (or nothing else is), and each behavior."""
    behaviors = document.data.get("behaviors")
    names = list(behaviors) if isinstance(behaviors, dict) else []
    roots: list[KeyPath] = [("behaviors", name) for name in names]
    if document.data.get("default_settings") is not None or not names:
        roots.insert(0, ("default_settings",))
    return roots


def apply_overrides(document: Document, overrides: Sequence[str]) -> None:
    """Set `PATH=VALUE` texts; the value is YAML."""
    for text in overrides:
        name, equals, value = text.partition("=")
        source = f"--set {text}"
        if not equals or not all(name.split(".")):
            message = "write PATH=VALUE, such as behaviors.3DBall.max_steps=1e5"
            document.faults.append(Fault(Place(source), message))
            continue
        path = split_path(name, document.data)
        meant = probably_meant(path, document.data.get("behaviors"))
        if meant is not None:
            message = f"the configuration has no behavior '{path[1]}'. Did you mean '{meant}'?"
            document.faults.append(Fault(Place(source, None, path), message))
            continue
        try:
            read = parse(value, source)
        except SettingsError as error:
            document.faults.append(Fault(Place(""), str(error)))
            continue
        document.faults += [
            Fault(Place(source, None, path), fault.message) for fault in read.faults
        ]
        document.put(path, read.data, Place(source, None, path))


def probably_meant(path: KeyPath, behaviors: Any) -> str | None:
    """The behavior that `path` misspells, if it names one that is not there but almost."""
    if path[0] != "behaviors" or len(path) < 2 or not isinstance(behaviors, dict):
        return None
    if path[1] in behaviors:
        return None
    return next(iter(difflib.get_close_matches(str(path[1]), map(str, behaviors), 1, 0.8)), None)


def split_path(text: str, data: Any) -> KeyPath:
    """`behaviors.My.Name.max_steps` to keys; names with dots are found if the data has them."""
    words, path = text.split("."), []
    while words:
        length = 1
        if isinstance(data, dict):
            known = [n for n in range(len(words), 0, -1) if ".".join(words[:n]) in data]
            length = known[0] if known else 1
        key: str | int = ".".join(words[:length])
        words = words[length:]
        if isinstance(data, list) and isinstance(key, str) and key.isdecimal():
            key = int(key)
            data = data[key] if key < len(data) else None
        else:
            data = data.get(key) if isinstance(data, dict) else None
        path.append(key)
    return tuple(path)
