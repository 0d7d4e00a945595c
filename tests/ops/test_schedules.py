"""Schedules by hand."""

import pytest

from mlagents_tf.ops.schedules import scheduled


@pytest.mark.parametrize(
    ("step", "value"), [(0, 1.0), (25, 0.8), (50, 0.6), (100, 0.2), (1000, 0.2)]
)
def test_a_linear_schedule_falls_to_its_floor_and_stays_there(step, value):
    assert scheduled("linear", 1.0, 0.2, step, 100) == pytest.approx(value)


@pytest.mark.parametrize("step", [0, 50, 1000])
def test_a_constant_schedule_stays(step):
    assert scheduled("constant", 0.3, 0.1, step, 100) == 0.3


def test_a_linear_schedule_rises_to_a_floor_above_its_start():
    # ML-Agents' polynomial decay does the same; epsilon 0.05 ends at 0.1
    assert scheduled("linear", 0.05, 0.1, 100, 100) == pytest.approx(0.1)
