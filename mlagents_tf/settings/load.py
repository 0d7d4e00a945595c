"""From a file, flags and `--set` to RunSettings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.aliases import drop_old_spellings
from mlagents_tf.settings.document import Document, KeyPath
from mlagents_tf.settings.legacy import convert_legacy, is_legacy
from mlagents_tf.settings.messages import checked
from mlagents_tf.settings.overrides import apply_flags, apply_overrides
from mlagents_tf.settings.parameters import CurriculumSettings
from mlagents_tf.settings.reader import parse, read_document
from mlagents_tf.settings.run import RunSettings


@dataclass(frozen=True)
class Loaded:
    """Settings, and one-line remarks about how the file was read."""

    settings: RunSettings
    notices: tuple[str, ...] = ()


def load_settings(
    path: Path | None, flags: Mapping[str, Any] | None = None, overrides: Sequence[str] = ()
) -> Loaded:
    """Read a configuration in the current or the legacy layout.

    A flag beats the file, and an override beats a flag.

    Args:
        path: the YAML file; None means defaults only.
        flags: values by dotted path, such as {"env_settings.seed": 3}; "max_steps" and
            "deterministic" set every behavior.
        overrides: `PATH=VALUE` texts of `--set`.

    Raises:
        SettingsError: one line for each thing that is wrong.
    """
    document = Document({}) if path is None else read_document(path)
    return resolve(document, flags or {}, overrides)


def load_text(text: str, source: str = "configuration") -> Loaded:
    """Read a configuration that is not in a file."""
    document = parse(text, source)
    document.data = {} if document.data is None else document.data
    if not isinstance(document.data, dict):
        raise SettingsError(f"{source}: expected keys and values, such as 'behaviors:'")
    return resolve(document, {}, ())


def resolve(document: Document, flags: Mapping[str, Any], overrides: Sequence[str]) -> Loaded:
    """Bring a document to the current layout, apply the command line and check everything."""
    notices: list[str] = []
    expanded: Collection[str] = ()
    if is_legacy(document.data):
        document, notices = convert_legacy(document)
        expanded = set(document.data["behaviors"])
    apply_flags(document, flags)
    apply_overrides(document, overrides)
    drop_old_spellings(document, notices)
    inherit_defaults(document, expanded)
    settle_the_start(document, notices)
    settings = checked(RunSettings.model_validate, document)
    return Loaded(settings, tuple(dict.fromkeys(notices + remarks(settings))))


def inherit_defaults(document: Document, expanded: Collection[str]) -> None:
    """Merge default_settings under each behavior that does not contain them already."""
    base, behaviors = document.data.get("default_settings"), document.data.get("behaviors")
    if not isinstance(base, dict) or not isinstance(behaviors, dict):
        return
    for name, own in behaviors.items():
        if name in expanded or not isinstance(own, dict | None):
            continue
        given = own or {}
        skipped = set()
        if "trainer_type" in given and given["trainer_type"] != base.get("trainer_type"):
            skipped.add("hyperparameters")  # those of another algorithm
        _inherit(document, ("default_settings",), ("behaviors", name), skipped)


def _inherit(
    document: Document, source: KeyPath, target: KeyPath, skipped: Collection[str] = ()
) -> None:
    base, own = _at(document.data, source), _at(document.data, target)
    for key in base:
        if key in skipped:
            continue
        if own is None or key not in own:
            document.take(document, (*source, key), (*target, key))
            own = _at(document.data, target)
        elif isinstance(base[key], dict) and isinstance(own[key], dict):
            _inherit(document, (*source, key), (*target, key))


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def settle_the_start(document: Document, notices: list[str]) -> None:
    """A run resumes or takes weights from another: the command line wins, then resume."""
    section = document.data.get("checkpoint_settings")
    if not isinstance(section, dict):
        return
    root = "checkpoint_settings"
    if _is_true(section.get("train_model")):
        notices.append("train_model has no effect: training is the default.")
    if _is_true(section.get("load_model")):
        notices.append("load_model was read as resume.")
        document.take(document, (root, "load_model"), (root, "resume"))
        section["load_model"] = False
    if not _is_true(section.get("resume")) or section.get("initialize_from") is None:
        return
    from_flag = {
        key: document.place((root, key)).source.startswith("--")
        for key in ("resume", "initialize_from")
    }
    if from_flag["initialize_from"] and not from_flag["resume"]:
        section["resume"] = False
        notices.append("initialize_from is given on the command line: resume is not used.")
    else:
        section["initialize_from"] = None
        notices.append("resume is given: initialize_from is not used.")


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def remarks(settings: RunSettings) -> list[str]:
    """What is allowed but may not be what was meant."""
    found = []
    if not settings.behaviors and settings.default_settings is None:
        found.append("no behavior is configured: all train with PPO and its default settings.")
    for name, behavior in settings.behaviors.items():
        ignored = [signal for signal in behavior.reward_signals if signal != "extrinsic"]
        if behavior.trainer_type == "bc" and ignored:
            found.append(
                f"behaviors.{name}.reward_signals: {', '.join(ignored)} has no effect: bc learns "
                "from demonstrations alone."
            )
    for name, parameter in settings.environment_parameters.items():
        if (
            isinstance(parameter, CurriculumSettings)
            and parameter.curriculum[-1].completion_criteria
        ):
            found.append(
                f"environment_parameters.{name}: the last lesson never ends; "
                "its completion_criteria have no effect."
            )
    return found
