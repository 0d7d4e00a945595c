"""ELO with numbers that can be checked by hand."""

import math

import pytest

from mlagents_tf.run.ratings import elo_difference, expected_score, score_interval


def test_equals_are_expected_to_share():
    assert expected_score(1200.0, 1200.0) == 0.5


def test_400_points_are_ten_to_one():
    assert expected_score(1600.0, 1200.0) == pytest.approx(10 / 11)
    assert expected_score(1200.0, 1600.0) == pytest.approx(1 / 11)


@pytest.mark.parametrize("difference", [-700.0, -1.0, 0.0, 200.0, 950.0])
def test_a_difference_is_found_again_in_its_score(difference):
    assert elo_difference(expected_score(difference, 0.0)) == pytest.approx(difference)


def test_who_always_wins_is_infinitely_better():
    assert elo_difference(1.0) == math.inf
    assert elo_difference(0.0) == -math.inf


def test_the_interval_of_50_wins_in_100_games():
    # Wilson: (0.5 + 1.96^2 / 200 ± 1.96 sqrt(0.25 / 100 + 1.96^2 / 40000)) / (1 + 1.96^2 / 100)
    assert score_interval(0.5, 100) == pytest.approx((0.40383, 0.59617), abs=1e-5)


def test_200_wins_in_a_row_are_not_certainty():
    low, high = score_interval(1.0, 200)
    assert low == pytest.approx(200 / (200 + 1.96**2))
    assert high == 1.0
