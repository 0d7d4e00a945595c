"""Settings to YAML."""

from __future__ import annotations

from typing import Any

import yaml

from mlagents_tf.settings.run import RunSettings


def dump_settings(settings: RunSettings) -> str:
    """YAML of the complete tree, defaults included; it loads to equal settings."""
    return yaml_text(settings_tree(settings))


def yaml_text(tree: dict[str, Any]) -> str:
    """Block style, in the order of the models."""
    text: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    return text


def settings_tree(settings: RunSettings, *, only_given: bool = False) -> dict[str, Any]:
    """Plain data of settings.

    A behavior names the reward signals of default_settings that it does not use with null,
    because it would inherit them when the tree is loaded.
    """
    tree: dict[str, Any] = settings.model_dump(mode="json", exclude_unset=only_given)
    if settings.default_settings is None:
        return tree
    for name, behavior in settings.behaviors.items():
        for signal in settings.default_settings.reward_signals:
            if signal not in behavior.reward_signals:
                tree["behaviors"][name].setdefault("reward_signals", {})[signal] = None
    return tree
