import math

import numpy as np
import pytest

from mlagents_tf.errors import SettingsError
from mlagents_tf.run.lessons import Lessons
from mlagents_tf.samplers import Uniform
from mlagents_tf.settings.document import Document
from mlagents_tf.settings.load import resolve


def lesson(name, value, threshold=None, **more):
    if threshold is None:
        return {"name": name, "value": value}
    criteria = {"behavior": "A", "measure": "reward", "threshold": threshold} | more
    return {"name": name, "value": value, "completion_criteria": criteria}


def lessons_of(**parameters):
    tree = {
        "behaviors": {
            "A": {"trainer_type": "ppo", "max_steps": 1000},
            "B": {"trainer_type": "ppo"},
        },
        "environment_parameters": parameters,
        "env_settings": {"seed": 40},
    }
    return Lessons(resolve(Document(tree), {}, ()).settings)


def two(threshold=1.0, **criteria):
    return {"curriculum": [lesson("low", 2.0, threshold, **criteria), lesson("high", 8.0)]}


def test_numbers_and_samplers_are_what_they_are():
    drawn = {"sampler_type": "uniform", "sampler_parameters": {"min_value": 1, "max_value": 2}}
    lessons = lessons_of(a=3, b=drawn, c=drawn)
    assert lessons.parameters == {"a": 3.0, "b": Uniform(1, 2, 40), "c": Uniform(1, 2, 41)}
    assert lessons.advance({"A": 1.0}) is None


def test_a_lesson_ends_when_the_mean_return_is_above_its_threshold():
    lessons = lessons_of(wall=two(1.0, signal_smoothing=False, min_lesson_length=3))
    assert lessons.parameters == {"wall": 2.0}
    lessons.observe("A", np.array([5.0, 5.0]))
    assert lessons.advance({"A": 0.1}) is None, "two episodes of three"
    lessons.observe("A", np.array([-7.0]))
    assert lessons.advance({"A": 0.1}) is None, "(5 + 5 - 7) / 3 = 1 is not above 1"
    lessons.observe("A", np.array([6.0]))  # the oldest is forgotten: (5 - 7 + 6) / 3
    lessons.observe("A", np.array([6.0]))  # (-7 + 6 + 6) / 3 = 1.667
    change = lessons.advance({"A": 0.1})
    assert change.parameters == {"wall": 8.0}
    assert not change.require_reset
    assert change.remarks == [
        "parameter 'wall': lesson 'high' begins, the value is 8 (reward 1.667 > 1)"
    ]
    assert lessons.parameters == {"wall": 8.0}
    lessons.observe("A", np.full(9, 100.0))
    assert lessons.advance({"A": 0.1}) is None, "nothing ends the last lesson"


def test_smoothing_mixes_in_a_quarter_of_the_measure_before():
    lessons = lessons_of(wall=two(1.0))
    lessons.observe("A", np.array([1.2]))
    assert lessons.advance({}) is None  # 0.25 * 0 + 0.75 * 1.2 = 0.9
    assert lessons.statistics()["Environment/Lesson Measure/wall"] == pytest.approx(0.9)
    assert lessons.statistics()["Environment/Lesson Threshold/wall"] == 1.0
    assert lessons.advance({}) is None, "no episode has ended since"
    lessons.observe("A", np.array([1.2]))
    assert lessons.advance({}).parameters == {"wall": 8.0}  # 0.25 * 0.9 + 0.75 * 1.2 = 1.125
    assert lessons.statistics() == {"Environment/Lesson Number/wall": 1.0}


def test_progress_is_measured_in_steps():
    lessons = lessons_of(wall=two(0.5, measure="progress", signal_smoothing=False))
    for share, ends in ((0.3, False), (0.5, False), (0.51, True)):
        lessons.observe("A", np.array([math.nan]))
        assert (lessons.advance({"A?team=0": share}) is not None) == ends


def test_returns_of_all_behaviors_are_counted_anew_after_a_change():
    other = {
        "curriculum": [lesson("x", 0.0, 2.0, behavior="B", min_lesson_length=2), lesson("y", 1.0)]
    }
    lessons = lessons_of(wall=two(1.0, require_reset=True), other=other)
    lessons.observe("B", np.array([9.0]))
    lessons.observe("A", np.array([9.0]))
    assert lessons.advance({}).require_reset
    lessons.observe("B", np.array([9.0]))
    assert lessons.advance({}) is None, "one episode of two since the change"


def test_a_return_that_is_no_number_ends_nothing():
    lessons = lessons_of(wall=two(0.0, signal_smoothing=False))
    lessons.observe("A", np.array([math.nan]))
    assert lessons.advance({}) is None


def test_where_lessons_stand_is_remembered():
    lessons, later = (lessons_of(wall=two(1.0, min_lesson_length=2)) for _ in range(2))
    lessons.observe("A", np.array([1.2, 1.2]))
    assert lessons.advance({}) is None
    later.load_state(lessons.state())
    for each in (lessons, later):
        each.observe("A?team=0", np.array([1.2]))
        assert each.advance({}).remarks[0].endswith("(reward 1.125 > 1)")
    assert later.state() == lessons.state()


def test_a_behavior_that_is_not_there_is_refused():
    with pytest.raises(SettingsError, match=r"measured by behavior 'C', but .* only: A, B"):
        lessons_of(wall=two(1.0, behavior="C"))
