"""Old spellings that are still read in the current layout."""

from __future__ import annotations

from typing import Any

from mlagents_tf.settings.document import Document, KeyPath, dotted
from mlagents_tf.settings.registry import reward_signal_settings
from mlagents_tf.settings.rewards import LearnedRewardSettings


def drop_old_spellings(document: Document, notices: list[str]) -> None:
    """Rewrite what ML-Agents also accepts, in every behavior and in default_settings."""
    data = document.data
    roots: list[KeyPath] = [("default_settings",)]
    if isinstance(data.get("behaviors"), dict):
        roots += [("behaviors", name) for name in data["behaviors"]]
    for root in roots:
        behavior = _section(document, root)
        if "framework" in behavior:
            written = _written(document, (*root, "framework"))
            del behavior["framework"]
            notices.append(f"{written} has no effect: there is only TensorFlow.")
        _network(document, (*root, "network_settings"), notices)
        for name in _section(document, (*root, "reward_signals")):
            _signal(document, (*root, "reward_signals", name), notices)


def _section(document: Document, path: KeyPath) -> dict[str, Any]:
    section = document.data
    for key in path:
        section = section.get(key) if isinstance(section, dict) else None
    return section if isinstance(section, dict) else {}


def _written(document: Document, path: KeyPath) -> str:
    """A key as the user wrote it, which is elsewhere if the section was inherited."""
    return dotted(document.place(path).path)


def _network(document: Document, path: KeyPath, notices: list[str]) -> None:
    network = _section(document, path)
    if "vis_encoder_type" in network and "vis_encode_type" not in network:
        document.take(document, (*path, "vis_encoder_type"), (*path, "vis_encode_type"))
        del network["vis_encoder_type"]
        written = _written(document, (*path, "vis_encoder_type"))
        notices.append(f"{written} was read as vis_encode_type.")
    if network.get("vis_encode_type") == "default":
        network["vis_encode_type"] = "simple"
        written = _written(document, (*path, "vis_encode_type"))
        notices.append(f"{written}: 'default' was read as 'simple'.")


def _signal(document: Document, path: KeyPath, notices: list[str]) -> None:
    signal = _section(document, path)
    model = reward_signal_settings(str(path[-1]))
    if model is None or not issubclass(model, LearnedRewardSettings):
        return
    network_path = (*path, "network_settings")
    if "encoding_size" in signal:
        if "network_settings" in signal:
            effect = "has no effect beside network_settings"
        else:
            document.take(document, (*path, "encoding_size"), (*network_path, "hidden_units"))
            effect = "was read as network_settings.hidden_units"
        del signal["encoding_size"]
        notices.append(f"{_written(document, (*path, 'encoding_size'))} {effect}.")
    _network(document, network_path, notices)
    network = _section(document, network_path)
    if network.get("memory") is not None:
        network["memory"] = None
        written = _written(document, (*network_path, "memory"))
        notices.append(f"{written} has no effect: reward signals have none.")
