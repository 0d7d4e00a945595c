import numpy as np
import pytest

from mlagents_tf.envs.embedded.walking import extent, slowed, stopped, thrust


def column(*numbers):
    return np.array(numbers, float).reshape(-1, 1)


def test_forward_is_z_and_right_is_x_at_heading_zero():
    np.testing.assert_allclose(thrust(np.zeros(1), np.array([2.0]), np.array([1.0])), column(1, 2))


def test_a_quarter_turn_clockwise_faces_x():
    quarter = np.array([np.pi / 2])
    np.testing.assert_allclose(
        thrust(quarter, np.array([2.0]), np.array([1.0])), column(2, -1), atol=1e-12
    )


def test_friction_comes_off_the_pace_and_drag_keeps_a_part_of_the_rest():
    # a pace of 5 loses 1, and nine tenths of 4 / 5 are kept
    np.testing.assert_allclose(slowed(column(3, 4), 1.0, 0.9), column(2.16, 2.88))


def test_friction_stops_and_does_not_turn_back():
    np.testing.assert_allclose(slowed(column(0.3, 0.4), 1.0, 0.9), column(0, 0))
    np.testing.assert_allclose(slowed(column(0, 0), 1.0, 0.9), column(0, 0))


@pytest.mark.parametrize(("degrees", "half"), [(0, 0.5), (45, 0.5 * np.sqrt(2)), (90, 0.5)])
def test_a_turned_square_is_wider(degrees, half):
    np.testing.assert_allclose(extent(np.radians([degrees]), 0.5), [half])


def test_what_goes_against_a_wall_is_lost_and_rubs_along_it():
    # 2 m/s into a wall rub 1.2 of the 3 m/s along it
    left = stopped(column(1.1, 0), column(2, -3), column(1.0, 0))
    np.testing.assert_allclose(left, column(0, -1.8))


def test_who_is_not_moved_keeps_the_speed():
    np.testing.assert_allclose(stopped(column(1, 1), column(2, -3), column(1, 1)), column(2, -3))
