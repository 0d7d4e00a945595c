import numpy as np

from mlagents_tf.envs.embedded.boxes import boxes_ahead, height_windows, pyramids_ahead, ways_out
from mlagents_tf.envs.embedded.rays import ray_directions

LEVEL, UP = 0.0, 0.5  # m of height for each m ahead
RISE = np.array([LEVEL, UP])


def windows(low, high):
    return height_windows(np.array([low]), np.array([high]), RISE)


def at(x, z):
    """[1, 2, 1] one box, seen by one agent."""
    return np.array([[[x], [z]]], np.float32)


def ahead():
    """[2, 2, 1] two rays along +z."""
    return ray_directions(np.zeros(1), np.zeros(2)).astype(np.float32)


def met(offset, low, high):
    half = np.ones((1, 2), np.float32)
    return boxes_ahead(offset, ahead(), half, windows(low, high))[0, :, 0]


def test_rays_meet_the_near_face():
    np.testing.assert_allclose(met(at(0.5, 5), -1, 10), [4.0, 4.0], rtol=1e-6)


def test_boxes_beside_and_behind_are_not_met():
    assert np.isinf(met(at(1.5, 5), -1, 10)).all()
    assert np.isinf(met(at(0, -5), -1, 10)).all()


def test_a_ray_that_rises_passes_over_what_is_low_and_meets_what_is_high_from_below():
    np.testing.assert_allclose(met(at(0, 5), -1, 1), [4.0, np.inf])  # 2 m up at the face
    np.testing.assert_allclose(met(at(0, 5), 2.5, 4), [np.inf, 5.0])  # 2.5 m up after 5 m


def test_a_box_around_the_start_is_not_met_but_one_that_touches_is():
    assert np.isinf(met(at(0, 0), -1, 10)).all()
    np.testing.assert_allclose(met(at(0, 0.95), -1, 10), [0.0, 0.0])


def test_a_pyramid_recedes_as_the_ray_rises():
    narrowing = (1.0 * RISE).astype(np.float32)
    farthest = windows(0, 10)[1, 0]
    distances = pyramids_ahead(at(0, 7), ahead(), 1.0, narrowing, farthest)[0, :, 0]
    # level: 7 - 1; rising: t = 7 - (1 - t / 2) gives 12, beyond the tip at 7
    np.testing.assert_allclose(distances, [6.0, np.inf])
    near = pyramids_ahead(at(0, 1.4), ahead(), 1.0, narrowing, farthest)[0, :, 0]
    np.testing.assert_allclose(near, [0.4, 0.8], rtol=1e-5)  # t = 1.4 - (1 - t / 2)


def test_a_body_leaves_a_box_by_the_nearest_face():
    offset = np.array([[[1.2, 0.1, 3.0], [0.3, -1.3, 0.0]]])  # to the centre, three bodies
    out = ways_out(offset, np.ones((1, 2)), np.full(3, 0.5))
    np.testing.assert_allclose(out[0], [[-0.3, 0, 0], [0, 0.2, 0]], atol=1e-9)
