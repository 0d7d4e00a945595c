"""A rule for DungeonEscape that knows where everything is: to the dragon, the key, the lock."""

from __future__ import annotations

import numpy as np

from mlagents_tf.envs.embedded.dungeon_escape import AGENTS, DungeonEscape

FORWARD, RIGHT, LEFT = 1, 3, 4


def escaping(env: DungeonEscape):
    """[N] options of all agents; who has nothing to do stays."""
    here = env.present.reshape(-1, AGENTS).T
    held = env.holds.any(axis=0)
    lock = np.array([[12.5], [0.0]])
    target = np.where(held, lock, np.where(env.dragon[0] < 900, env.dragon, env.key))
    way = target - env.place  # [3, 2, A]
    distance = np.where(here, np.hypot(way[:, 0], way[:, 1]), np.inf)
    goes = np.where(held, env.holds, distance == distance.min(axis=0))
    way = way - 0.15 * env.speed
    angle = np.arctan2(way[:, 0], way[:, 1]) - env.angle.reshape(-1, AGENTS).T
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    turns = np.where(angle > 0, RIGHT, LEFT)
    options = np.where(np.abs(angle) > np.radians(15), turns, FORWARD)
    return np.where(goes, options, 0).T.ravel()
