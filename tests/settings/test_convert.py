"""Upgraded files have the effect of the old ones."""

import pytest
import yaml

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.convert import upgrade
from mlagents_tf.settings.load import load_settings, load_text

TRAINER = "default: {trainer: ppo, max_steps: 5.0e4}\nA: {batch_size: 64}\n"
CURRICULUM = """\
A:
  measure: reward
  thresholds: [0.5, 0.8]
  min_lesson_length: 100
  signal_smoothing: true
  parameters: {wall: [1.0, 2.0, 4.0], mass: [3, 2, 1]}
"""
SAMPLER = """\
resampling-interval: 5000
mass: {sampler-type: uniform, min_value: 0.5, max_value: 10}
gravity: {sampler-type: multirange_uniform, intervals: [[7, 10], [15, 20]]}
scale: {sampler-type: gaussian, mean: 2, st_dev: 0.3}
"""


@pytest.fixture
def write(tmp_path):
    def write_file(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def test_an_upgraded_file_loads_to_the_same_settings(write):
    old = write("old.yaml", TRAINER)
    assert load_text(upgrade(old)).settings == load_settings(old).settings


def test_an_upgraded_file_has_only_what_was_given(write):
    tree = yaml.safe_load(upgrade(write("old.yaml", TRAINER)))
    assert tree["behaviors"]["A"]["hyperparameters"] == {"batch_size": 64}
    assert tree["default_settings"]["max_steps"] == 50_000


def test_memory_of_the_default_section_is_not_inherited_by_a_section_without(write):
    text = "default: {trainer: ppo, use_recurrent: true, memory_size: 8}\n"
    upgraded = load_text(upgrade(write("old.yaml", text + "A: {use_recurrent: false}\n")))
    assert upgraded.settings.behaviors["A"].network_settings.memory is None
    assert upgraded.settings.default_settings.network_settings.memory.memory_size == 8


def test_a_curriculum_file_becomes_named_lessons(write):
    text = upgrade(write("old.yaml", TRAINER), write("curriculum.yaml", CURRICULUM))
    lessons = load_text(text).settings.environment_parameters["wall"].curriculum
    assert [(lesson.name, lesson.value) for lesson in lessons] == [
        ("Lesson0", 1.0),
        ("Lesson1", 2.0),
        ("Lesson2", 4.0),
    ]
    criteria = lessons[1].completion_criteria
    assert (criteria.behavior, criteria.threshold, criteria.min_lesson_length) == ("A", 0.8, 100)
    assert lessons[2].completion_criteria is None


def test_a_sampler_file_becomes_samplers_which_win_over_lessons(write):
    curriculum, sampler = write("c.yaml", CURRICULUM), write("s.yaml", SAMPLER)
    text = upgrade(write("old.yaml", TRAINER), curriculum, sampler)
    parameters = load_text(text).settings.environment_parameters
    assert parameters["mass"].sampler_parameters.max_value == 10
    assert parameters["gravity"].sampler_type == "multirangeuniform"
    assert parameters["gravity"].sampler_parameters.intervals == ((7, 10), (15, 20))
    assert len(parameters["wall"].curriculum) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A: {measure: reward, thresholds: [1], parameters: {x: [1]}}", "Give 2 values"),
        ("A: {measure: steps, thresholds: [1], parameters: {}}", "'reward' or 'progress'"),
        ("A: {measure: reward, thresholds: [1]}", "A.parameters: is required"),
    ],
)
def test_a_curriculum_that_cannot_be_used_says_why(write, text, message):
    with pytest.raises(SettingsError) as caught:
        upgrade(write("old.yaml", TRAINER), write("c.yaml", text))
    assert message in str(caught.value)
    assert "c.yaml:1: " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mass: {sampler-type: unifrm}", "Did you mean 'uniform'?"),
        ("mass: {min_value: 1}", "expected a section of keys with 'sampler-type'"),
        ("mass: {sampler-type: uniform, min_valu: 1}", "Did you mean 'min_value'?"),
    ],
)
def test_a_sampler_that_cannot_be_used_says_why(write, text, message):
    with pytest.raises(SettingsError) as caught:
        upgrade(write("old.yaml", TRAINER), None, write("s.yaml", text))
    assert message in str(caught.value)
    assert "s.yaml:1: " in str(caught.value)
