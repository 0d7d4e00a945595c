"""Text to Document: YAML's nodes are read one by one, so that nothing in a file can run code."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import yaml

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.base import near
from mlagents_tf.settings.document import Document, Fault, KeyPath, Place

MAX_NODES = 100_000
MAX_DEPTH = 50
MAX_BYTES = 4_000_000

YAML = "tag:yaml.org,2002:"
PYTHON = re.compile(r"tag:yaml\.org,2002:python/(object|object/new|object/apply|name):(.+)")
ML_AGENTS = ("mlagents.trainers.settings.", "collections.defaultdict", "collections.OrderedDict")
PLAIN_SCALARS = ("str", "timestamp", "value", "merge")


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        SettingsError: it cannot be read, or is not YAML.
    """
    document = parse(read_text(path), str(path))
    document.places[()] = Place(str(path))
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise SettingsError(f"{path}:1: expected keys and values, such as 'behaviors:'")
    return document


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; a byte order mark is dropped."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        hint = near(path.name, siblings)
        raise SettingsError(
            f"{path}: no such file.{hint if 'Did you mean' in hint else ''}"
        ) from None
    except IsADirectoryError:
        raise SettingsError(f"{path}: is a directory. Name a YAML file in it.") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from None
    if len(raw) > MAX_BYTES:
        raise SettingsError(f"{path}: larger than {MAX_BYTES:,} bytes; is it a configuration?")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw:
        raise SettingsError(f"{path}: not UTF-8 (UTF-16, or not text). Save it as UTF-8.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: not UTF-8. Save the file as UTF-8.") from None


def parse(text: str, source: str) -> Document:
    """Read YAML text; duplicate keys and foreign tags become faults of the document."""
    reader = _Reader(source)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = None if node is None else reader.value(node, ())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{source}:{line}: not valid YAML: {_problem(error)}.") from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", "unreadable text")
        raise SettingsError(f"{source}: not valid YAML: {reason}.") from None
    except RecursionError:
        raise SettingsError(f"{source}: nested deeper than {MAX_DEPTH} levels.") from None
    return Document(data, reader.places, reader.faults, reader.repeats)


def _problem(error: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in (error.problem or ""):
        return "a tab indents this line, and YAML allows only spaces"
    return " ".join(part for part in (error.context, error.problem) if part)


class _Reader:
    """Walks the nodes of one text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: dict[KeyPath, Place] = {}
        self.faults: list[Fault] = []
        self.repeats: list[Fault] = []
        self.num_nodes = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        """What a node says."""
        self.num_nodes += 1
        line = node.start_mark.line + 1
        if self.num_nodes > MAX_NODES:
            raise SettingsError(
                f"{self.source}:{line}: more than {MAX_NODES:,} values (aliases expanded)."
            )
        if len(path) > MAX_DEPTH:
            raise SettingsError(f"{self.source}:{line}: nested deeper than {MAX_DEPTH} levels.")
        if node.tag.startswith(YAML + "python/"):
            return self.python(node, path)
        if isinstance(node, yaml.MappingNode) and node.tag == YAML + "map":
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == YAML + "seq":
            return self.sequence(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        return self.fault(node, path, f"the tag {shown(node.tag)} is not allowed. Remove it.")

    def fault(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        """Remember what is wrong with a node."""
        place = Place(self.source, node.start_mark.line + 1, path)
        self.faults.append(Fault(place, message))

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        """Keys are read as text, once each; `<<` brings in what is not given."""
        inherited: dict[str, Any] = {}
        own: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == YAML + "merge":
                inherited.update(self.merged(value_node, path))
        for key_node, value_node in node.value:
            if key_node.tag == YAML + "merge":
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.fault(key_node, path, "a key must be one word.")
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in lines:
                repeat = Fault(
                    Place(self.source, line, (*path, key)),
                    f"given twice, first on line {lines[key]}. Remove one.",
                )
                same = self.value(value_node, (*path, key)) == own[key]
                (self.repeats if same else self.faults).append(repeat)
                continue
            lines[key] = line
            own[key] = self.item(value_node, (*path, key), line)
        return {**inherited, **own}

    def merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        """What `<<: *anchor` or `<<: [*one, *two]` brings in; the first one wins."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for part in reversed(nodes):
            value = self.value(part, path)
            if isinstance(value, dict):
                result.update(value)
            else:
                self.fault(part, path, "'<<' needs an alias of a section.")
        return result

    def sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        """A list."""
        return [
            self.item(item, (*path, index), item.start_mark.line + 1)
            for index, item in enumerate(node.value)
        ]

    def item(self, node: yaml.Node, path: KeyPath, line: int) -> Any:
        """The value of a key or of a list position, whose line is remembered."""
        self.places[path] = Place(self.source, line, path)
        return self.value(node, path)

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        """Numbers, true, false and null as YAML 1.1 has them; all else, `12:30` too, is text."""
        kind, text = node.tag.removeprefix(YAML), node.value
        make = yaml.constructor.SafeConstructor()
        try:
            if kind in PLAIN_SCALARS or (kind in ("int", "float") and ":" in text):
                return text
            if kind == "int":
                number = make.construct_yaml_int(node)
                return text if re.match(r"[-+]?0\d|.*_", text) else number  # 007 may be a name
            if kind == "float":
                return make.construct_yaml_float(node)
            if kind == "bool":
                return make.construct_yaml_bool(node)
            if kind == "null":
                return None
        except (ValueError, KeyError):
            return self.fault(node, path, f"{text!r} does not fit its tag {shown(node.tag)}.")
        return self.fault(node, path, f"the tag {shown(node.tag)} is not allowed. Remove it.")

    def python(self, node: yaml.Node, path: KeyPath) -> Any:
        """ML-Agents once wrote its own dicts and enums with tags; they are read without them."""
        match = PYTHON.fullmatch(node.tag)
        if match is None or not match[2].startswith(ML_AGENTS):
            return self.fault(
                node, path, f"the tag {shown(node.tag)} would run Python code. Remove it."
            )
        if isinstance(node, yaml.SequenceNode):
            return self.value(node.value[0], path) if len(node.value) == 1 else {}
        if not isinstance(node, yaml.MappingNode):
            return None
        parts = {key.value: value for key, value in node.value}
        for part in ("dictitems", "state"):
            if isinstance(parts.get(part), yaml.MappingNode):
                return self.value(parts[part], path)
        return {} if "args" in parts else self.mapping(node, path)


def shown(tag: str) -> str:
    """A tag as it is written in a file."""
    return tag.replace(YAML, "!!")
