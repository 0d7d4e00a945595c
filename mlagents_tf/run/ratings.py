"""ELO ratings (Elo 1978): how often one of two players is expected to win."""

from __future__ import annotations

import math

SCALE = 400.0
"""Difference of ratings at which the better wins ten times as often."""
Z = 1.96
"""Standard deviations of a 95 % interval."""


def expected_score(rating: float, opponent: float) -> float:
    """The mean score, 1 for a win and 0.5 for a draw, that a rating stands for."""
    return float(1.0 / (1.0 + 10.0 ** ((opponent - rating) / SCALE)))


def elo_difference(score: float) -> float:
    """The difference of ratings that a mean score stands for; infinite where it is 0 or 1."""
    if not 0.0 < score < 1.0:
        return math.inf if score >= 1.0 else -math.inf
    return SCALE * math.log10(score / (1.0 - score))


def score_interval(score: float, games: int) -> tuple[float, float]:
    """The 95 % interval of a mean score over independent games (Wilson 1927).

    It takes every game for won or lost, so it is too wide, never too narrow, where many are drawn.
    """
    spread = Z * math.sqrt(score * (1.0 - score) / games + Z * Z / (4.0 * games * games))
    middle, whole = score + Z * Z / (2.0 * games), 1.0 + Z * Z / games
    return max((middle - spread) / whole, 0.0), min((middle + spread) / whole, 1.0)
