"""A rule for the pitch that knows where the ball is: behind it, and then through it to the goal."""

from __future__ import annotations

import numpy as np

from mlagents_tf.envs.embedded.soccer import SoccerTwos
from mlagents_tf.steps import Actions

AHEAD, LEFT, RIGHT = 1, 1, 2


def kicking(env: SoccerTwos):
    """[P, A, 3] for all players."""
    side = np.where(env.team == 0, 1.0, -1.0)[:, None]
    goal = np.stack([side * 16.0 - env.ball[0], 0 * side - env.ball[1]])  # [2, P, A] from the ball
    shot = goal / np.hypot(*goal)
    to_ball = env.ball[:, None] + 0.1 * env.ball_speed[:, None] - env.place
    behind = (to_ball * shot).sum(axis=0) > 0.6 * np.hypot(*to_ball)
    way = np.where(behind, to_ball, to_ball - 2.5 * shot) - 0.05 * env.speed
    angle = (np.arctan2(way[0], way[1]) - env.angle + np.pi) % (2 * np.pi) - np.pi
    rows = np.zeros((*env.angle.shape, 3), np.int32)
    rows[..., 0] = np.where(np.abs(angle) < 0.5, AHEAD, 0)
    rows[..., 2] = np.where(angle < -0.1, LEFT, np.where(angle > 0.1, RIGHT, 0))
    return rows


def actions_of(env: SoccerTwos, rows, number: int) -> Actions:
    """Those of behavior `number`, from [P, A, 3]."""
    chosen = rows[np.array(env.members) == number].transpose(1, 0, 2).reshape(-1, 3)
    return Actions(np.zeros((len(chosen), 0), np.float32), chosen)
