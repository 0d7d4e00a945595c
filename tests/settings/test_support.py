"""What is not implemented is named by its YAML path."""

import pytest

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.load import load_text
from mlagents_tf.settings.support import (
    IMPLEMENTED,
    unsupported,
    unsupported_features,
    unsupported_parameters,
)

EVERYTHING = BehaviorSettings.model_validate(
    {
        "trainer_type": "sac",
        "network_settings": {"memory": {"memory_size": 8}, "encoder": "mine.Encoder"},
        "self_play": {},
        "behavioral_cloning": {"demo_path": "a"},
        "init_path": "a",
    }
)


def test_plain_ppo_needs_nothing_that_is_missing():
    assert unsupported_features(BehaviorSettings(), IMPLEMENTED) == []


def test_threads_are_not_refused():
    assert unsupported_features(BehaviorSettings(threaded=True), IMPLEMENTED) == []


def test_reward_signals_are_not_refused():
    behavior = BehaviorSettings.model_validate({"reward_signals": {"curiosity": {}, "rnd": {}}})
    assert unsupported_features(behavior, IMPLEMENTED) == []


def test_every_feature_beyond_is_named():
    assert unsupported_features(EVERYTHING, frozenset()) == [
        "trainer_type: sac",
        "network_settings.memory",
        "network_settings.encoder",
        "self_play",
        "behavioral_cloning",
        "init_path",
    ]


def test_a_shared_critic_is_a_feature():
    behavior = BehaviorSettings.model_validate(
        {"trainer_type": "ppo", "hyperparameters": {"shared_critic": True}}
    )
    without = frozenset({"trainer_type:ppo"})
    assert unsupported_features(behavior, without) == ["hyperparameters.shared_critic"]
    assert unsupported_features(behavior, without | {"shared_critic"}) == []


@pytest.mark.parametrize(
    ("value", "supported", "refused"),
    [
        ("3", (), []),
        ("{sampler_type: constant, sampler_parameters: {value: 3}}", (), []),
        ("{sampler_type: uniform, sampler_parameters: {}}", (), [""]),
        ("{sampler_type: uniform, sampler_parameters: {}}", ("samplers",), []),
        ("{curriculum: [{name: a, value: 3}]}", ("samplers",), [".curriculum"]),
        ("{curriculum: [{name: a, value: 3}]}", ("curricula",), []),
        (
            "{curriculum: [{name: a, value: {sampler_type: uniform, sampler_parameters: {}}}]}",
            ("curricula",),
            [".curriculum[0].value"],
        ),
    ],
)
def test_parameters_that_are_more_than_supported_are_named(value, supported, refused):
    settings = load_text(f"environment_parameters: {{wall: {value}}}").settings
    paths = [f"environment_parameters.wall{end}" for end in refused]
    assert unsupported_parameters(settings, frozenset(supported)) == paths


def test_a_whole_configuration_is_judged_with_full_paths():
    settings = load_text("behaviors: {A: {trainer_type: sac}}\ndefault_settings: {self_play: {}}")
    paths = unsupported(settings.settings, frozenset({"trainer_type:ppo"}))
    assert paths == [
        "behaviors.A.trainer_type: sac",
        "behaviors.A.self_play",
        "default_settings.self_play",
    ]
