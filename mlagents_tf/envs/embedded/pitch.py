"""A football pitch: discs that run and kick a ball between two goals, in many areas at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.rays import Lengths, ray_directions
from mlagents_tf.envs.embedded.walking import DT
from mlagents_tf.steps import BoolArray

LENGTH, WIDTH, MOUTH = 15.5, 7.75, 4.25  # [m] from the middle: goal lines, sides, goal posts
PLAYER_RADIUS, BALL_RADIUS = 0.5, 0.62  # [m]
PLAYER_MASS, BALL_MASS = 50.0, 3.0  # [kg]
PLAYER_KEPT, BALL_KEPT = 1.0 - 3.0 * DT, 1.0 - 1.0 * DT  # of the speed, by drags of 3 and 1 /s
KICK = 2000.0 * DT / BALL_MASS  # [m/s] that a kick gives the ball
BOUNCE = 0.8  # part of the ball's speed that the sides leave
RAY_LENGTH, RAY_RADIUS = 20.0, 0.5  # [m]

Players = NDArray[np.float64]
"""[2, P, A] x and z of the players of each area, the first team attacking towards high x."""


def part_players(place: Players, speed: Players, first: list[int], second: list[int]) -> None:
    """Change both so that no two players overlap or run into each other."""
    offset = place[:, second] - place[:, first]  # [2, pairs, A]
    distance = np.maximum(np.hypot(*offset), 1e-9)
    normal = offset / distance
    overlap = np.maximum(2.0 * PLAYER_RADIUS - distance, 0.0)
    closing = ((speed[:, first] - speed[:, second]) * normal).sum(axis=0)
    impulse = np.where(overlap > 0.0, np.maximum(closing, 0.0), 0.0) / 2 * normal
    shift = overlap / 2 * normal
    for index, (one, other) in enumerate(zip(first, second, strict=True)):
        speed[:, one] -= impulse[:, index]
        speed[:, other] += impulse[:, index]
        place[:, one] -= shift[:, index]
        place[:, other] += shift[:, index]


def meet_ball(
    place: Players,
    speed: Players,
    ball: NDArray[np.float64],
    ball_speed: NDArray[np.float64],
    radius: float,
) -> tuple[BoolArray, NDArray[np.float64]]:
    """Players push the ball, [2, A] place and speed, which are changed.

    Returns:
        [P, A] who is at it, and [2, P, A] unit vectors from players to the ball.
    """
    offset = ball[:, None] - place
    distance = np.maximum(np.hypot(*offset), 1e-9)
    normal = offset / distance
    depth = PLAYER_RADIUS + radius - distance
    meets: BoolArray = depth > 0.0
    closing = np.maximum(((speed - ball_speed[:, None]) * normal).sum(axis=0), 0.0) * meets
    impulse = closing / (1.0 / PLAYER_MASS + 1.0 / BALL_MASS) * normal
    speed -= impulse / PLAYER_MASS
    ball_speed += impulse.sum(axis=1) / BALL_MASS
    ball += (np.maximum(depth, 0.0) * normal).sum(axis=1)
    return meets, normal


def bounce(ball: NDArray[np.float64], ball_speed: NDArray[np.float64], radius: float) -> None:
    """Change both where the ball meets a side, or a goal line beside the mouth."""
    in_mouth = np.abs(ball[1]) < MOUTH
    reach = np.stack([np.where(in_mouth, np.inf, LENGTH), np.full(ball.shape[1], WIDTH)]) - radius
    beyond = np.abs(ball) > reach
    outwards = ball * ball_speed > 0.0
    ball_speed *= np.where(beyond & outwards, -BOUNCE, 1.0)
    ball[:] = np.where(beyond, np.copysign(np.minimum(np.abs(ball), reach), ball), ball)


def goal_of(ball: NDArray[np.float64]) -> NDArray[np.int64]:
    """[A] the team, 0 or 1, that the ball in the goal is a point for; -1 where it is in play."""
    return np.select([ball[0] > LENGTH, ball[0] < -LENGTH], [0, 1], -1)


def lines_ahead(
    place: NDArray[np.float64], heading: NDArray[np.float64], angles: NDArray[np.float64]
) -> Lengths:
    """[3, rays, N] along rays to the first team's goal, the second's, and the walls.

    Args:
        place: [2, N] x and z.
        heading: [N] radians from +z, clockwise seen from above.
        angles: [rays] radians from it.
    """
    direction = ray_directions(heading, angles)
    to_end = (np.sign(direction[0]) * (LENGTH - RAY_RADIUS) - place[0]) / direction[0]
    to_side = (np.sign(direction[1]) * (WIDTH - RAY_RADIUS) - place[1]) / direction[1]
    across = place[1] + to_end * direction[1]
    in_mouth = (to_end <= to_side) & (np.abs(across) < MOUTH)
    left, right = in_mouth & (direction[0] < 0), in_mouth & (direction[0] > 0)
    nearest = np.maximum(np.minimum(to_end, to_side), 0.0)
    return np.where(np.stack([left, right, ~in_mouth]), nearest, np.inf)


def discs_ahead(
    offset: NDArray[np.float64],
    heading: NDArray[np.float64],
    angles: NDArray[np.float64],
    radius: float,
) -> Lengths:
    """[discs, rays, N] along rays to discs of `radius` at `offset` [2, discs, N]."""
    direction = ray_directions(heading, angles)[:, None]
    x, z = offset[:, :, None]
    along = x * direction[0] + z * direction[1]
    beside = x * direction[1] - z * direction[0]
    reach = (radius + RAY_RADIUS) ** 2 - beside * beside
    met = (reach > 0.0) & (along > 0.0)
    return np.where(met, np.maximum(along - np.sqrt(np.maximum(reach, 0.0)), 0.0), np.inf)
