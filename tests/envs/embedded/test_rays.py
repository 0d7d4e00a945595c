import numpy as np
import pytest

from mlagents_tf.envs.embedded.rays import (
    box_distances,
    ray_angles,
    ray_directions,
    ray_frame,
    wall_distances,
)

AHEAD = ray_directions(np.zeros(1), np.zeros(1))  # one ray towards +z


def test_rays_alternate_right_and_left_in_growing_steps():
    angles = np.degrees(ray_angles(3, 90.0))
    np.testing.assert_allclose(angles, [0, 30, -30, 60, -60, 90, -90])


def test_directions_turn_clockwise_with_the_heading():
    direction = ray_directions(np.radians([90.0]), np.radians([0.0, 90.0]))
    np.testing.assert_allclose(direction[:, 0, 0], [1.0, 0.0], atol=1e-8)
    np.testing.assert_allclose(direction[:, 1, 0], [0.0, -1.0], atol=1e-8)


@pytest.mark.parametrize(
    ("degrees", "near_end", "other"),
    [(0.0, np.inf, 5.0), (90.0, np.inf, 3.0), (180.0, 9.0, np.inf), (45.0, np.inf, 3 * 2**0.5)],
)
def test_walls_are_seen_at_the_distance_along_the_ray(degrees, near_end, other):
    direction = ray_directions(np.radians([degrees]), np.zeros(1))
    distances = wall_distances(np.array([[1.0], [2.0]]), direction, (-4.0, 4.0, -7.0, 7.0))
    assert distances[0][0, 0] == pytest.approx(near_end)
    assert min(distances[1][0, 0], 1e6) == pytest.approx(min(other, 1e6))


@pytest.mark.parametrize(
    ("aside", "expected"),
    [
        (0.0, 4.0 - 1.0 - 0.5),  # the face, a radius early
        (1.0, 4.0 - 1.0 - 0.5),  # the face's end
        (1.3, 4.0 - 1.0 - 0.4),  # the round corner: 0.3 beside it, so 0.4 early
        (1.6, np.inf),  # past it
    ],
)
def test_a_sphere_meets_faces_a_radius_early_and_corners_later(aside, expected):
    offset = np.array([[aside], [4.0]])
    assert box_distances(offset, AHEAD, 1.0, 0.5)[0, 0] == pytest.approx(expected)


def test_a_box_behind_is_not_seen():
    assert box_distances(np.array([[0.0], [-4.0]]), AHEAD, 1.0, 0.5)[0, 0] == np.inf


def test_a_frame_has_tag_flag_and_fraction_for_each_ray():
    distances = np.array([[[3.0], [np.inf]], [[6.0], [13.0]]])  # [tags, rays, areas]
    frame = ray_frame(distances, length=12.0)
    np.testing.assert_allclose(frame, [[1, 0, 0, 0.25, 0, 0, 1, 1.0]])
