"""A rule for WallJump that knows where everything is, and looks at the goal's side all the time."""

from __future__ import annotations

import numpy as np

from mlagents_tf.envs.embedded.wall_jump import WallJump
from mlagents_tf.steps import Actions
from tests.envs.embedded.steering import Pilot

# branches: forward, turn, aside, jump
STAY, AHEAD, BACK, LEFT, RIGHT = np.array(
    [[0, 0, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0], [0, 0, 2, 0]]
)
MOVES = np.stack([STAY, AHEAD, BACK, LEFT, RIGHT])
PILOT = Pilot([[0.0, 0.0, 0.0, -1.8, 1.8], [0.0, 3.0, -3.0, 0.0, 0.0]], kept=0.96)
BLOCK_AT_THE_WALL, NEAR_SIDE = -4.3, -1.5  # z [m]


def over_the_wall(env: WallJump):
    """[A, 4] straight to the goal, or over the block, which is first pushed to the wall."""
    here, block = env.place
    high = env.wall > 2.5
    past = here[1] > NEAR_SIDE
    lane = np.where(high, block[0], 6.37)
    aligned = np.abs(here[0] - lane) < 0.8
    behind = here[1] < np.where(high, block[1] + 0.5, NEAR_SIDE)
    ready = ~past & ((aligned & behind) | (env.feet > 1.0))
    waiting = np.minimum(here[1], np.where(high, np.minimum(block[1] - 3.0, -7.5), -7.5))
    target = np.stack([np.where(past, 6.37, lane), np.where(past, 1.5, waiting)])
    rows = MOVES[PILOT.option(target - here, env.speed[0])]
    rows[ready] = AHEAD
    at_the_wall = block[1] > BLOCK_AT_THE_WALL
    rows[:, 3] = ready & np.where(high, at_the_wall, here[1] > -5.5)
    return rows.astype(np.int32)


def actions_for(env: WallJump, rows):
    """The rows [A, 4] of all agents, for each behavior."""
    return {
        name: Actions(
            np.zeros((np.count_nonzero(env.roles == number), 0), np.float32),
            rows[env.roles == number],
        )
        for number, name in enumerate(env.behaviors)
    }
