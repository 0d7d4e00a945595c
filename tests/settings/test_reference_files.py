"""Configurations from elsewhere and our own examples."""

from pathlib import Path

import pytest

from mlagents_tf.settings.convert import upgrade
from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.load import load_settings, load_text
from mlagents_tf.settings.support import unsupported

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "data" / "configs"
LEGACY_FILES = sorted(REFERENCE.glob("legacy/*.yaml"))
FILES = sorted(REFERENCE.glob("current/*/*.yaml")) + LEGACY_FILES
NONE = pytest.param(None, marks=pytest.mark.skip(reason="there are no reference configurations"))
EXAMPLES = sorted((ROOT / "config").rglob("*.yaml"))

UNTIL_LATER = {f"{name}Learning" for name in ("VisualPushBlock", "Hallway", "VisualHallway")}


def name_of(path):
    return f"{path.parent.name}/{path.stem}" if path else None


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
        *(("ppo", name) for name in ("3DBall", "Basic", "GridWorld", "PushBlock")),
        *(("sac", name) for name in ("3DBall", "PushBlock")),
    ],
)
def test_our_examples_have_the_hyperparameters_of_the_reference(trainer, name):
    path = REFERENCE / "current" / trainer / f"{name}.yaml"
    if not path.exists():
        pytest.skip("there are no reference configurations")
    ours = load_settings(ROOT / "config" / trainer / f"{name}.yaml").settings
    assert ours.behaviors[name] == load_settings(path).settings.behaviors[name]


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_our_examples_load_and_need_nothing_that_is_missing(path):
    loaded = load_settings(path)
    assert loaded.settings.behaviors
    missing = {place.split(".")[1] for place in unsupported(loaded.settings)}
    assert missing == (UNTIL_LATER if path.stem == "sac_trainer_config" else set())


def test_the_legacy_example_trains_each_behavior_like_its_own_file():
    behaviors = load_settings(ROOT / "config" / "trainer_config.yaml").settings.behaviors
    assert len(behaviors) == 6
    for name, behavior in behaviors.items():
        own = load_settings(ROOT / "config" / "ppo" / f"{name}.yaml").settings
        assert own.behaviors[name] == behavior


def test_the_sections_of_2019_name_the_worlds_that_are_here():
    behaviors = load_settings(ROOT / "config" / "sac_trainer_config.yaml").settings.behaviors
    for name in ("3DBall", "3DBallHard", "Basic", "PushBlock"):
        assert behaviors[name] == behaviors[f"{name}Learning"]
        assert behaviors[name].trainer_type == "sac"
    crawler = behaviors["CrawlerStaticLearning"].hyperparameters
    assert (crawler.steps_per_update, crawler.train_interval) == (3.0, 3)
