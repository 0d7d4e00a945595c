"""Which of the features that can be configured are implemented today."""

from __future__ import annotations

from mlagents_tf.plugins import BUILT_IN, TRAINER_SETTINGS
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.parameters import CurriculumSettings, SamplerSettings
from mlagents_tf.settings.run import RunSettings

# Whoever implements a feature adds its name here, and nowhere else.
IMPLEMENTED: frozenset[str] = frozenset(
    {
        "trainer_type:ppo",
        "trainer_type:sac",
        "trainer_type:poca",
        "trainer_type:bc",
        "behavioral_cloning",
        "memory",
        "shared_critic",
        "init_path",
        "encoder",
        "samplers",
        "curricula",
        "self_play",
    }
)


def unsupported_features(
    behavior: BehaviorSettings, supported: frozenset[str] = IMPLEMENTED
) -> list[str]:
    """YAML paths below the behavior of what it asks for and cannot have.

    Reward signals are not among them: each that has settings can be learned from.
    """
    network, hyperparameters = behavior.network_settings, behavior.hyperparameters
    trainer, asked = behavior.trainer_type, {}
    if trainer in BUILT_IN[TRAINER_SETTINGS]:  # what a package brings is complete
        asked[f"trainer_type:{trainer}"] = f"trainer_type: {trainer}"
    optional = {
        "memory": ("network_settings.memory", network.memory),
        "encoder": ("network_settings.encoder", network.encoder),
        "shared_critic": (
            "hyperparameters.shared_critic",
            getattr(hyperparameters, "shared_critic", False) or None,
        ),
        "self_play": ("self_play", behavior.self_play),
        "behavioral_cloning": ("behavioral_cloning", behavior.behavioral_cloning),
        "init_path": ("init_path", behavior.init_path),
    }
    asked.update({name: path for name, (path, value) in optional.items() if value is not None})
    return [path for name, path in asked.items() if name not in supported]


def unsupported_parameters(
    settings: RunSettings, supported: frozenset[str] = IMPLEMENTED
) -> list[str]:
    """YAML paths of environment parameters that are more than the caller supports.

    Numbers always are; "samplers" and "curricula" are features.
    """
    refused = []
    for name, parameter in settings.environment_parameters.items():
        path = f"environment_parameters.{name}"
        if isinstance(parameter, CurriculumSettings):
            if "curricula" not in supported:
                refused.append(f"{path}.curriculum")
            elif "samplers" not in supported:
                lessons = enumerate(parameter.curriculum)
                drawn = [index for index, lesson in lessons if is_drawn(lesson.value)]
                refused += [f"{path}.curriculum[{index}].value" for index in drawn]
        elif is_drawn(parameter) and "samplers" not in supported:
            refused.append(path)
    return refused


def is_drawn(value: object) -> bool:
    """True for a sampler whose value is not always the same."""
    return isinstance(value, SamplerSettings) and value.sampler_type != "constant"


def unsupported(settings: RunSettings, supported: frozenset[str] = IMPLEMENTED) -> list[str]:
    """Everything in a configuration that is not implemented, by full YAML path."""
    paths = [
        f"behaviors.{name}.{path}"
        for name, behavior in settings.behaviors.items()
        for path in unsupported_features(behavior, supported)
    ]
    if settings.default_settings is not None:
        below = unsupported_features(settings.default_settings, supported)
        paths += [f"default_settings.{path}" for path in below]
    return paths + unsupported_parameters(settings, supported)
