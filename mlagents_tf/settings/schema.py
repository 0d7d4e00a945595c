"""JSON Schema of the configuration, for editors; the same bounds as the models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from mlagents_tf.settings.base import Settings
from mlagents_tf.settings.parameters import SAMPLER_SETTINGS
from mlagents_tf.settings.registry import (
    built_in_signals,
    built_in_trainers,
    reward_signal_names,
    trainer_names,
)
from mlagents_tf.settings.run import RunSettings

OF_A_PACKAGE = "of an installed package; 'mlagents-tf validate' checks its keys"


def configuration_schema() -> dict[str, Any]:
    """The schema of a configuration file in the current layout.

    Names that installed packages bring are in it. Their keys are not, and so are not refused: no
    package is imported for a schema, and `validate` checks them.
    """
    trainers, own_signals = built_in_trainers(), built_in_signals()
    models: list[type[Settings]] = [RunSettings, *trainers.values()]
    models += [*own_signals.values(), *SAMPLER_SETTINGS.values()]
    _, everything = models_json_schema([(model, "validation") for model in models])
    definitions = everything["$defs"]
    behavior = definitions["BehaviorSettings"]
    _by_name(behavior, "trainer_type", "hyperparameters", trainers)
    behavior["properties"]["trainer_type"]["enum"] = trainer_names()
    _by_name(definitions["SamplerSettings"], "sampler_type", "sampler_parameters", SAMPLER_SETTINGS)
    signals = behavior["properties"]["reward_signals"]
    signals["additionalProperties"] = False
    signals["properties"] = {name: _signal(own_signals.get(name)) for name in reward_signal_names()}
    root = definitions.pop("RunSettings")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": definitions,
    }


def _signal(model: type[Settings] | None) -> dict[str, Any]:
    """A signal's keys; those of an installed package's signal, None, stay open."""
    section = (
        {"type": "object", "description": OF_A_PACKAGE} if model is None else _reference(model)
    )
    return {"anyOf": [section, {"type": "null"}]}


def _reference(model: type[Settings]) -> dict[str, str]:
    return {"$ref": f"#/$defs/{model.__name__}"}


def _by_name(
    schema: dict[str, Any], key: str, section: str, models: Mapping[str, type[Settings]]
) -> None:
    """Say that the keys of `section` are those of the model that `key` names."""
    description = schema["properties"][section].get("description", "")
    schema["properties"][section] = {"type": "object", "description": description}
    schema["properties"][key]["enum"] = list(models)
    schema["allOf"] = [
        {
            "if": {"properties": {key: {"const": name}}, "required": [key]},
            "then": {"properties": {section: _reference(model)}},
        }
        for name, model in models.items()
    ]
