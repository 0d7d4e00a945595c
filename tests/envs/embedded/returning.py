"""A rule for Tennis that goes behind the ball and lifts it over the net."""

from __future__ import annotations

import numpy as np

from mlagents_tf.steps import Actions


def returning(step) -> Actions:
    """Of the newest frame; both teams see the net to the right."""
    x, y, _, _, ball_x, ball_y, speed_x, speed_y, _ = step.obs[0][:, -9:].T
    coming = (ball_x < 0.3) & (speed_x < 3.0)  # after a hit it goes away
    wanted = np.where(coming, ball_x + 0.1 * speed_x - 0.8, np.minimum(x, -7.0))
    swings = coming & (np.abs(ball_y - y + 0.1 * speed_y) < 0.8)
    move = np.where(swings, 0.4, np.clip((wanted - x) / 3.0, -1.0, 1.0))
    jump = np.where(coming & (y < np.minimum(ball_y - 0.5, -1.0)), 1.0, 0.0)
    tilt = np.full_like(x, 0.5)
    moves = np.stack([move, jump, tilt], axis=1).astype(np.float32)
    return Actions(moves, np.zeros((len(x), 0), np.int32))
