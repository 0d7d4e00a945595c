"""Hallway: a symbol is shown on the way, and the goal that bears it is to be touched."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.boxes import boxes_ahead, height_windows, ways_out
from mlagents_tf.envs.embedded.drawing import Canvas, Colour
from mlagents_tf.envs.embedded.rays import ray_angles, ray_directions, ray_frame, wall_distances
from mlagents_tf.envs.embedded.walking import DT, extent, slowed, stopped, thrust
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

SUBSTEPS = 6  # physics steps between decisions
THRUST = 1.5  # [m/s] added in a physics step
GRIP = 0.6 * 2.0 * 9.81 * DT  # [m/s] that friction takes in a physics step; gravity is doubled
KEPT = 1.0 - 2.0 * DT  # of the speed, by a drag of 2 /s
AGENT_HALF = 0.5  # [m]
STEP_PENALTY = 1 / 3000  # a physics step
RIGHT_GOAL, WRONG_GOAL = 1.0, -0.1  # instead of the penalties of the decision so far

# by option: stay, forward, back, turn right, turn left
FORWARD = np.array([0.0, 1.0, -1.0, 0.0, 0.0]) * THRUST
TURN = np.radians([0.0, 0.0, 0.0, 3.0, -3.0])  # a physics step

ROOM = np.array([[-9.5, 9.5], [-24.75, 24.75]])[:, :, None]  # [m] lowest and highest x, then z
START_Z, AGENT_SPREAD, SYMBOL_SPREAD = -15.0, (3.0, 5.0), (3.0, 5.0)  # [m], the last two in x and z
SYMBOL_HALF = (2.0, 0.5)
GOAL_X, GOAL_FACE = 7.0, 20.29  # [m] centres are at +-x; z where a goal begins
GOAL_DEPTH = (ROOM[1, 1, 0] - GOAL_FACE) / 2  # half of it: plate and sign reach to the wall
GOAL_HALF = (2.0, GOAL_DEPTH)
SYMBOL_O, SYMBOL_X = 0, 1

ANGLES = ray_angles(2, 70.0)
RAY_LENGTH, RAY_RADIUS = 12.0, 0.5  # [m]
FRAME = len(ANGLES) * 7
STACKS = 3
SEEN_HALVES = np.float32(np.array([GOAL_HALF, GOAL_HALF, SYMBOL_HALF]) + RAY_RADIUS)
WINDOWS = height_windows(np.full(3, -1.0), np.ones(3), np.zeros(len(ANGLES)))  # all are in reach
SEEN_ROOM = (ROOM[..., 0] + np.array([RAY_RADIUS, -RAY_RADIUS])).ravel()


class Hallway(World):
    """One agent in a long room with two goals at its far end, and one symbol near its middle.

    An O or an X stands in the way; the goal that bears the same symbol is the right one. From the
    goals the symbol is out of sight, so it must be remembered. Bodies are boxes in the plane, the
    agent's is the square around it at its angle; a goal's plate and the sign behind it are one box.

    Attributes:
        angle: [A] the agent's heading, radians from +z, clockwise seen from above.
        place, speed: [2, A] the agent's x and z [m], [m/s].
        symbol: [A] which one is shown, 0 for O, 1 for X.
        block: [2, A] where it stands [m].
        side: [A] 1 or -1, the sign of x at the goal of O; that of X is opposite.
        frames: [A, 105] three frames of the rays, the oldest first.
    """

    behavior = "Hallway"
    summary = "touch the goal with the symbol that was seen on the way; 1 or -0.1, and time costs"
    spec = Spec(
        (
            ObservationSpec((STACKS * FRAME,), "StackingSensor_size3_RayPerceptionSensor"),
            ObservationSpec((STACKS,), "StackingSensor_size3_VectorSensor_size1"),
        ),
        ActionSpec(0, (5,)),
    )
    default_areas = 16
    max_decisions = 500
    stored: ClassVar[tuple[str, ...]] = (
        "angle",
        "place",
        "speed",
        "symbol",
        "block",
        "side",
        "frames",
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_areas
        self.angle = np.zeros(n)
        self.place, self.speed, self.block = np.zeros((2, n)), np.zeros((2, n)), np.zeros((2, n))
        self.symbol = np.zeros(n, np.int64)
        self.side = np.ones(n)
        self.frames = np.zeros((n, STACKS * FRAME), np.float32)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        spread = np.array([AGENT_SPREAD, SYMBOL_SPREAD])[:, :, None]
        agent, block = self.generator.uniform(-spread, spread, (2, 2, n))
        symbol = self.generator.integers(0, 2, n)
        block[0, symbol == SYMBOL_X] = 0.0  # Unity moves only the O sideways
        self.place[:, areas] = agent + np.array([[0.0], [START_Z]])
        self.block[:, areas] = block
        self.symbol[areas] = symbol
        self.side[areas] = self.generator.choice([-1.0, 1.0], n)
        self.angle[areas] = self.generator.uniform(0.0, 2.0 * np.pi, n)
        self.speed[:, areas] = 0.0
        self.frames = self.frames.copy()
        self.frames[areas] = 0.0
        self.frames[areas, -FRAME:] = self._look()[areas]

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        option = actions.discrete[:, 0]
        forward, turn = FORWARD[option], TURN[option]
        rewards = np.zeros(self.num_areas)
        touched = np.zeros(self.num_areas, np.bool_)
        for _ in range(SUBSTEPS):
            self.angle += turn
            rewards -= STEP_PENALTY
            self.speed += thrust(self.angle, forward)
            body = extent(self.angle, AGENT_HALF)
            self._move(body)
            now = self._at_a_goal(body) & ~touched
            rewards[now] = self._prizes()[now]
            touched |= now
        self.frames = np.concatenate([self.frames[:, FRAME:], self._look()], axis=1)
        return rewards.astype(np.float32), touched

    def _move(self, body: NDArray[np.float64]) -> None:
        """One physics step; body [A] is half the extent of the agent's box at its angle."""
        self.speed = slowed(self.speed, GRIP, KEPT)
        place = self.place + self.speed * DT
        shift = ways_out((self.block - place)[None], np.array([SYMBOL_HALF]), body)[0]
        free = np.minimum(np.maximum(place + shift, ROOM[:, 0] + body), ROOM[:, 1] - body)
        self.speed = stopped(place, self.speed, free)
        self.place = free

    def _at_a_goal(self, body: NDArray[np.float64]) -> BoolArray:
        """[A] whether the agent touches either goal."""
        x, z = self.place
        beside: BoolArray = np.abs(np.abs(x) - GOAL_X) < GOAL_HALF[0] + body
        return beside & (z + body > GOAL_FACE)

    def _prizes(self) -> NDArray[np.float64]:
        """[A] what touching the goal on the agent's side of the room brings."""
        side_of_symbol = np.where(self.symbol == SYMBOL_O, self.side, -self.side)
        return np.where(self.place[0] * side_of_symbol > 0.0, RIGHT_GOAL, WRONG_GOAL)

    def _look(self) -> FloatArray:
        """[A, 35] one new frame: goal of O, goal of X, O, X, wall."""
        direction = ray_directions(self.angle, ANGLES)
        wall = np.minimum(*wall_distances(self.place, direction, SEEN_ROOM))
        goal_z = np.full(self.num_areas, GOAL_FACE + GOAL_DEPTH)
        goals = [[sign * GOAL_X * self.side, goal_z] for sign in (1, -1)]
        offset = np.float32(np.stack([*goals, self.block]) - self.place)
        things = boxes_ahead(offset, direction.astype(np.float32), SEEN_HALVES, WINDOWS)
        shown = np.stack(
            [np.where(self.symbol == kind, things[2], np.inf) for kind in (SYMBOL_O, SYMBOL_X)]
        )
        return ray_frame(np.concatenate([things[:2], shown, wall[None]]), RAY_LENGTH)

    def _observe(self) -> Observations:
        lived = (self._clock - self._began)[:, None] + np.arange(1 - STACKS, 1)
        time = np.maximum(lived, 0) / self.max_decisions
        return self.frames, time.astype(np.float32)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: what belongs to O red, to X green, agent blue."""
        colours: tuple[Colour, Colour] = ((206, 66, 60), (96, 190, 110))
        canvas = Canvas(160, 400, (-10.3, 10.3), (-25.75, 25.75), background=(120, 126, 136))
        canvas.box((0.0, 0.0), (9.5, 24.75), (226, 228, 232))
        side = float(self.side[0])
        for colour, sign in zip(colours, (side, -side), strict=True):
            canvas.box((sign * GOAL_X, GOAL_FACE + GOAL_DEPTH), GOAL_HALF, colour)
        x, z = (float(number) for number in self.block[:, 0])
        canvas.box((x, z), SYMBOL_HALF, colours[int(self.symbol[0])])
        x, z = (float(number) for number in self.place[:, 0])
        angle = float(self.angle[0])
        canvas.box((x, z), (AGENT_HALF, AGENT_HALF), (52, 104, 214), angle=-angle)
        canvas.line([(x, z), (x + np.sin(angle), z + np.cos(angle))], 0.25, (24, 40, 90))
        return canvas.pixels
