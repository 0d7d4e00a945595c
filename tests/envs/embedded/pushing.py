"""A rule for CooperativePushBlock that knows where everything stands: all three push one block."""

from __future__ import annotations

import numpy as np

from mlagents_tf.envs.embedded.cooperative_push_block import AGENTS, HALF, CooperativePushBlock
from mlagents_tf.steps import Actions
from tests.envs.embedded.steering import Pilot

STAY, FORWARD, BACK, RIGHT, LEFT, STRAFE_LEFT, STRAFE_RIGHT = range(7)
# what options add to speed for who looks towards -z, whose right is -x, in m/s a physics step
PUSH = np.array([[0, 0, 0, 0, 0, 2.25, -2.25], [0, -3, 3, 0, 0, 0, 0]])
PILOT = Pilot(PUSH, kept=0.92)


def pushing_together(env: CooperativePushBlock):
    """The lowest block is pushed first; everybody looks towards the goal and goes behind it.

    One option in five is drawn, which frees whoever is stuck.
    """
    generator = np.random.default_rng(0)

    def rule(_):
        areas = np.arange(env.num_areas)
        edges = env.place[AGENTS:, 1] - HALF[AGENTS:, None]
        block = AGENTS + np.where(env.scored, np.inf, edges).argmin(axis=0)
        x, z = env.place[block, :, areas].T
        half = HALF[block]
        options = np.zeros((AGENTS, env.num_areas), np.int32)
        order = np.argsort(env.place[:AGENTS, 0], axis=0).argsort(axis=0)
        for agent in range(AGENTS):
            here, speed = env.place[agent], env.speed[agent]
            lane = np.clip(x + (order[agent] - 1) * 1.05, -12.0, 12.0)
            behind = z + half + 0.5
            above, beside = here[1] > behind - 0.25, np.abs(here[0] - x) > half + 0.6
            ready = above & (np.abs(here[0] - lane) < 0.5)
            out = x + np.where(here[0] > x, 1.3, -1.3) * (half + 1.0)
            out = np.where(np.abs(out) > 12.0, 2 * x - out, out)
            target_x = np.where(above, lane, np.where(beside, here[0], out))
            target_z = np.where(above | ~beside, here[1], behind + 0.8)
            gap = np.stack([target_x, target_z]) - here
            chosen = np.where(ready, FORWARD, PILOT.option(gap, speed))
            angle = (np.pi - env.angle[agent::AGENTS] + np.pi) % (2 * np.pi) - np.pi
            turns = np.abs(angle) > np.radians(10.5)
            options[agent] = np.where(turns, np.where(angle > 0, RIGHT, LEFT), chosen)
        drawn = generator.integers(0, 7, options.shape)
        options = np.where(generator.random(options.shape) < 0.2, drawn, options)
        column = options.T.reshape(-1, 1)
        return Actions(np.zeros((len(column), 0), np.float32), column.astype(np.int32))

    return rule
