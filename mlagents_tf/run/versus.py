"""Two runs play against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import Env
from mlagents_tf.errors import SettingsError
from mlagents_tf.run.evaluate import play
from mlagents_tf.run.matches import DRAWN, LOST, WON, Games
from mlagents_tf.run.ratings import elo_difference, score_interval
from mlagents_tf.run.seats import Player
from mlagents_tf.settings.names import team_of
from mlagents_tf.steps import Step


def compete(
    env: Env,
    ours: Mapping[str, Player],
    theirs: Mapping[str, Player],
    games: int,
    *,
    seed: int = 0,
    max_episode_steps: int = 0,
) -> dict[int, NDArray[np.float64]]:
    """Lets us play every team in turn, in equally many games, with the others played by them.

    Args:
        env: not reset yet.
        ours: by behavior; every behavior of `env`.
        theirs: the same.
        games: in all; the first teams play one more where they cannot be divided.
        seed: of the action noise of policies that are not deterministic.
        max_episode_steps: decisions after which a game counts as drawn; 0 = none.

    Returns:
        By the team we played, our scores in the order in which games began: 1, 0.5 or 0.

    Raises:
        SettingsError: there is one team only.
    """
    teams = sorted({team_of(behavior) for behavior in env.specs})
    if len(teams) < 2:
        raise SettingsError(
            f"this environment has one team only ({', '.join(env.specs)}), so nobody can play "
            "against anybody; leave out --against"
        )
    shares = [games // len(teams) + (k < games % len(teams)) for k in range(len(teams))]
    rng = np.random.default_rng(seed)
    return {
        team: _play_as(team, env, ours, theirs, Games(share, max_episode_steps), rng)
        for team, share in zip(teams, shares, strict=True)
        if share
    }


def _play_as(
    team: int,
    env: Env,
    ours: Mapping[str, Player],
    theirs: Mapping[str, Player],
    games: Games,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Our scores as a team."""
    mine = [behavior for behavior in env.specs if team_of(behavior) == team]
    players = {name: ours[name] if name in mine else theirs[name] for name in env.specs}

    def done(steps: dict[str, Step]) -> bool:
        if mine[0] in steps:  # where a team has several behaviors, one of them counts the games
            games.observe(steps[mine[0]])
        return games.finished

    play(env, players, rng, done)
    return games.scores


def match_figures(scores: NDArray[np.float64]) -> dict[str, Any]:
    """What is told of scores [N]; differences of ELO are None where they are infinite."""
    score = float(scores.mean())
    low, high = score_interval(score, len(scores))
    return {
        "games": len(scores),
        "won": int((scores == WON).sum()),
        "drawn": int((scores == DRAWN).sum()),
        "lost": int((scores == LOST).sum()),
        "score": score,
        "score_interval": [low, high],
        "elo_difference": _finite(elo_difference(score)),
        "elo_interval": [_finite(elo_difference(low)), _finite(elo_difference(high))],
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def told(results: Mapping[str, Any]) -> str:
    """One sentence about `match_figures`."""
    low, high = results["score_interval"]
    bounds = results["elo_interval"]
    difference = results["elo_difference"]
    if difference is None:
        worst, best = bounds
        difference = f"at least {worst:+.0f}" if worst is not None else f"at most {best:+.0f}"
    else:
        difference = f"{difference:+.0f} ({bounds[0]:+.0f} to {bounds[1]:+.0f})"
    return (
        f"{results['won']} won, {results['drawn']} drawn, {results['lost']} lost of "
        f"{results['games']} games: score {results['score']:.3f} ({low:.3f} to {high:.3f}), "
        f"ELO difference {difference}"
    )
