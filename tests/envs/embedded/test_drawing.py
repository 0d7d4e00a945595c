import numpy as np

from mlagents_tf.envs.embedded.drawing import Canvas

WHITE, RED = (255, 255, 255), (255, 0, 0)


def red(canvas):
    """[H, W] bool, where the canvas is red."""
    return (canvas.pixels == RED).all(axis=2)


def canvas():
    return Canvas(100, 100, (-5.0, 5.0), (-5.0, 5.0), background=WHITE)


def test_a_box_covers_its_area_with_y_upwards():
    picture = canvas()
    picture.box((2.5, 2.5), (2.5, 2.5), RED)
    assert red(picture)[:50, 50:].all()
    assert red(picture).sum() == 50 * 50


def test_a_disc_covers_pi_r_squared():
    picture = canvas()
    picture.disc((0.0, 0.0), 4.0, RED)
    assert abs(red(picture).mean() * 100 - np.pi * 16) < 3.0  # but for the blended edge


def test_a_box_turned_by_a_right_angle_swaps_its_sides():
    upright, turned = canvas(), canvas()
    upright.box((0.0, 0.0), (1.0, 3.0), RED)
    turned.box((0.0, 0.0), (3.0, 1.0), RED, angle=np.pi / 2)
    np.testing.assert_array_equal(upright.pixels, turned.pixels)


def test_a_line_joins_its_ends():
    picture = canvas()
    picture.line([(-4.0, 0.05), (4.0, 0.05)], 0.4, RED)
    assert red(picture)[49, 12:88].all()
    assert not red(picture)[49, :8].any()
