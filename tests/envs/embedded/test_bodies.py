import numpy as np
import pytest

from mlagents_tf.envs.embedded.bodies import Crowd

HALF, MASS = np.array([0.5, 0.5]), np.array([10.0, 30.0])


def pair(gap, speeds, *, aside=0.0):
    """Two squares along x, `gap` m between them; the crowd, their places and speeds."""
    place = np.array([[[0.0], [0.0]], [[1.0 + gap], [aside]]])
    speed = np.array([[[float(speeds[0])], [0.0]], [[float(speeds[1])], [0.0]]])
    return Crowd(HALF, MASS, 0.6), place, speed


def test_who_runs_into_another_shares_momentum():
    crowd, place, speed = pair(0.0, (4.0, 0.0))
    crowd.share(speed, crowd.contacts(place))
    assert speed[:, 0, 0].tolist() == pytest.approx([1.0, 1.0], abs=0.05)  # 40 kg m/s on 40 kg


def test_a_gap_lets_through_what_does_not_close_it():
    crowd, place, speed = pair(0.1, (4.0, 0.0))  # 0.08 m in a physics step
    crowd.share(speed, crowd.contacts(place))
    assert speed[0, 0, 0] == 4.0


def test_who_parts_is_not_held_and_who_passes_is_not_met():
    for gap, speeds, aside in ((0.0, (-1.0, 1.0), 0.0), (0.0, (4.0, 0.0), 1.1)):
        crowd, place, speed = pair(gap, speeds, aside=aside)
        crowd.share(speed, crowd.contacts(place))
        assert speed[:, 0, 0].tolist() == list(speeds)


def test_of_an_overlap_the_lighter_gives_way():
    crowd, place, _ = pair(-0.2, (0.0, 0.0))
    crowd.part(place)
    assert place[:, 0, 0].tolist() == pytest.approx([-0.2, 0.8])


def test_faces_rub():
    crowd, place, speed = pair(0.0, (4.0, 0.0))
    speed[0, 1] = 1.0
    crowd.share(speed, crowd.contacts(place))
    assert speed[1, 1, 0] > 0.0
    assert speed[0, 1, 0] < 1.0
