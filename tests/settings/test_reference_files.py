"""Configurations from elsewhere and our own examples."""

import re
from pathlib import Path

import pytest
import yaml

from mlagents_tf.settings.convert import upgrade
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.load import load_settings, load_text

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "data" / "configs"
LEGACY_FILES = sorted(REFERENCE.glob("legacy/*.yaml"))
FILES = sorted(REFERENCE.glob("current/*/*.yaml")) + LEGACY_FILES
NONE = pytest.param(None, marks=pytest.mark.skip(reason="there are no reference configurations"))
EXAMPLES = sorted((ROOT / "config").rglob("*.yaml"))


def name_of(path):
    return f"{path.parent.name}/{path.stem}" if path else None


def without_demo_paths(settings):
    """As plain data; our demonstrations lie elsewhere."""
    return yaml.safe_load(re.sub("demo_path: .*", "demo_path: x", dump_settings(settings)))


@pytest.mark.parametrize("path", FILES or [NONE], ids=name_of)
def test_a_reference_file_loads_and_its_dump_loads_to_the_same(path):
    settings = load_settings(path).settings
    assert load_text(dump_settings(settings)).settings == settings


@pytest.mark.parametrize("path", LEGACY_FILES or [NONE], ids=name_of)
def test_a_legacy_reference_file_is_upgraded_without_a_change(path):
    assert load_text(upgrade(path)).settings == load_settings(path).settings


@pytest.mark.parametrize(
    ("trainer", "name"),
    [
        *(("ppo", name) for name in ("3DBall", "Basic", "GridWorld", "Hallway", "PushBlock")),
        ("ppo", "Pyramids"),
        *(("sac", name) for name in ("3DBall", "PushBlock", "Pyramids")),
        ("imitation", "PushBlock"),
    ],
)
def test_our_examples_have_the_hyperparameters_of_the_reference(trainer, name):
    path = REFERENCE / "current" / trainer / f"{name}.yaml"
    if not path.exists():
        pytest.skip("there are no reference configurations")
    ours = load_settings(ROOT / "config" / trainer / f"{name}.yaml").settings
    assert without_demo_paths(ours) == without_demo_paths(load_settings(path).settings)


def test_our_sections_of_gail_are_those_of_the_reference():
    path = REFERENCE / "legacy" / "gail_config.yaml"
    if not path.exists():
        pytest.skip("there are no reference configurations")
    ours = load_settings(ROOT / "config" / "gail_config.yaml").settings
    assert without_demo_paths(ours) == without_demo_paths(load_settings(path).settings)


@pytest.mark.parametrize(
    ("trainer", "example"),
    [("ppo", "3DBall_gail"), ("sac", "3DBall_gail_sac"), ("ppo", "3DBall_ppo_bc")],
)
def test_an_imitation_example_differs_from_its_trainers_only_in_what_is_imitated(trainer, example):
    imitation = load_settings(ROOT / "config" / "imitation" / f"{example}.yaml").settings
    plain = load_settings(ROOT / "config" / trainer / "3DBall.yaml").settings.behaviors["3DBall"]
    changes = {"reward_signals": plain.reward_signals, "behavioral_cloning": None}
    assert imitation.behaviors["3DBall"].model_copy(update=changes) == plain


def test_encoding_sizes_of_2019_are_widths_of_the_signals_networks():
    signals = load_settings(ROOT / "config" / "gail_config.yaml").settings.behaviors["Pyramids"]
    networks = {n: s.network_settings.hidden_units for n, s in signals.reward_signals.items()}
    assert (networks["curiosity"], networks["gail"]) == (256, 128)
    cloning = signals.behavioral_cloning
    assert (cloning.demo_path, cloning.strength) == ("demos/Pyramids.demo", 0.5)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_our_examples_load(path):
    loaded = load_settings(path)
    assert loaded.settings.behaviors


def test_the_legacy_example_trains_each_behavior_like_its_own_file():
    behaviors = load_settings(ROOT / "config" / "trainer_config.yaml").settings.behaviors
    assert len(behaviors) == 6
    for name, behavior in behaviors.items():
        own = load_settings(ROOT / "config" / "ppo" / f"{name}.yaml").settings
        assert own.behaviors[name] == behavior


def test_the_sections_of_2019_name_the_worlds_that_are_here():
    behaviors = load_settings(ROOT / "config" / "sac_trainer_config.yaml").settings.behaviors
    for name in ("3DBall", "3DBallHard", "Basic", "PushBlock", "Pyramids"):
        assert behaviors[name] == behaviors[f"{name}Learning"]
        assert behaviors[name].trainer_type == "sac"
    crawler = behaviors["CrawlerStaticLearning"].hyperparameters
    assert (crawler.steps_per_update, crawler.train_interval) == (3.0, 3)
