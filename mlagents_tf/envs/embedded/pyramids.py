"""Pyramids: press a switch, topple the pyramid it makes, touch its gold.

Measures of the room are Unity's; those of the pyramids, and what rubble does, were read off Unity's
recording, whose agent can be located by its rays on walls.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.boxes import (
    boxes_ahead,
    height_windows,
    pyramids_ahead,
    ways_out,
)
from mlagents_tf.envs.embedded.drawing import Canvas, Colour
from mlagents_tf.envs.embedded.rays import ray_angles, ray_directions, ray_frame, wall_distances
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

SUBSTEPS = 5  # physics steps between decisions
DT = 0.02  # [s]
THRUST = 2.0  # [m/s] added in a physics step
GRIP = 0.6 * 2.0 * 9.81 * DT  # [m/s] that friction takes in a physics step; gravity is doubled
WALL_GRIP = 0.6  # of the speed a wall stops, the part it takes along its face
KEPT = 1.0 - 2.0 * DT  # of the speed, by a drag of 2 /s
KEPT_IN_RUBBLE = 0.93  # on top of it: in the recording 0.7 of the speed is left a decision later
STEP_PENALTY, GOLD_REWARD = -0.001, 2.0  # a decision; instead of it

FORWARD = np.array([0.0, 1.0, -1.0, 0.0, 0.0]) * THRUST  # by option
TURN = np.radians([0.0, 0.0, 0.0, 4.0, -4.0])  # a physics step

ROOM = (-49.5, 49.5, -49.6, 49.1)  # [m] lowest and highest x, lowest and highest z
SQUARES = np.array([[x, z] for z in (-30, 0, 30) for x in (-30, 0, 30)], np.float64)
SPREAD = 25 / 2.1  # [m] around a square's centre
CROSS_X, CROSS_Z = (16.538, -16.558), (16.558, -16.558)  # the four crosses' centres
LONG, FLANK, SIDE = 7.2525, 42.2475, (16.4423, 16.5577)  # the eight side walls
WALLS = np.array(
    # centre x, z and half edges x, z [m]: the crosses' arms, then the side walls
    [(x, z, 7.575, 0.5) for x in CROSS_X for z in CROSS_Z]
    + [(x, z, 0.5, 7.5) for x in CROSS_X for z in CROSS_Z]
    + [(FLANK, z, LONG, 0.5) for z in (-SIDE[0], SIDE[1])]
    + [(-FLANK, z, LONG, 0.5) for z in (SIDE[0], -SIDE[1])]
    + [(x, -FLANK, 0.5, LONG) for x in (-SIDE[0], SIDE[1])]
    + [(x, FLANK, 0.5, LONG) for x in (SIDE[0], -SIDE[1])]
)
NUM_WALLS, NUM_STONES = len(WALLS), 6
WALL_TOP, ROOM_TOP = 4.52, 5.0  # [m]

# heights [m] and half edges [m] of what stands in the room
AGENT_HALF = 0.5
SWITCH_HALF, SWITCH_TOP = 2.0, 4.0
PYRAMID_HALF, PYRAMID_TOP, PYRAMID_SLOPE = 2.3, 4.1, 0.5  # narrower by this for each m of height
GOLD_HALF = 1.0
RUBBLE_HALF, RUBBLE_TOP = 3.5, 1.0
TOPPLING_SPEED = 1.5  # [m/s]; less than one push gives
FALL = 5  # decisions until the gold lies on the ground
SCATTER = 1.0  # [m] from the pyramid's centre, at most
NOWHERE = 1e4  # [m], where things stand that are not there

RAY_LENGTH, RAY_RADIUS = 35.0, 0.5  # [m]
ANGLES = np.concatenate([ray_angles(3, widest) for widest in (70.0, 65.0, 75.0)])
RISE = np.repeat([0.0, 5.0, 10.0], 7) / RAY_LENGTH
NARROWING = np.float32(PYRAMID_SLOPE * RISE)
FRAME = 7 * 8

# solid things in order: walls, the switch, the brick pyramid, stone pyramids
SWITCH, BRICKS = NUM_WALLS, NUM_WALLS + 1
SOLID_HALVES = np.concatenate(
    [WALLS[:, 2:], np.full((1, 2), SWITCH_HALF), np.full((1 + NUM_STONES, 2), PYRAMID_HALF)]
)
# what rays meet besides walls and pyramids: half an edge, bottom, top [m]
BOXES = np.array(
    [
        [SWITCH_HALF, 0.0, SWITCH_TOP],
        [RUBBLE_HALF, 0.0, RUBBLE_TOP],
        [GOLD_HALF, PYRAMID_TOP, PYRAMID_TOP + 2 * GOLD_HALF],  # gold on the pyramid
        [GOLD_HALF, 0.0, 2 * GOLD_HALF],  # gold on the ground
    ]
)
SEEN_HALVES = np.float32(np.concatenate([WALLS[:, 2:], BOXES[:, [0, 0]]]) + RAY_RADIUS)
# rays begin in the agent's middle, as high as their sphere is thick: so tops count from the ground
WINDOWS = height_windows(
    np.concatenate([np.zeros(NUM_WALLS), BOXES[:, 1]]) - AGENT_HALF - RAY_RADIUS,
    np.concatenate([np.full(NUM_WALLS, WALL_TOP), BOXES[:, 2]]),
    RISE,
)
PYRAMID_FARTHEST, ROOM_FARTHEST = height_windows(
    np.zeros(2), np.array([PYRAMID_TOP, ROOM_TOP]), RISE
)[1]
SEEN_ROOM = tuple(np.array(ROOM) + np.array([1, -1, 1, -1]) * RAY_RADIUS)


class Pyramids(World):
    """One agent in a room of nine squares with walls between them.

    A switch and six stone pyramids stand there. Touching the switch makes a brick pyramid with gold
    on top; driving into it topples it, and half a second later the gold lies in its rubble, where
    touching it brings 2 and the end. Bodies are boxes in the plane, the agent's is the square
    around it at its angle. Simplified: stone pyramids stand fast, bricks turn into a low square of
    rubble that slows the agent down instead of scattering, and the agent starts on the ground.

    Attributes:
        angle: [A] the agent's heading, radians from +z, clockwise seen from above.
        place, speed: [2, A] the agent's x and z [m], [m/s].
        switch, bricks: [2, A] centres; the bricks' is where they will be.
        stones: [6, 2, A] centres of the stone pyramids.
        gold: [2, A] where it lies, or will.
        pressed: [A] the switch is on.
        toppled: [A] decisions since the brick pyramid fell; 0 = it has not.
    """

    behavior = "Pyramids"
    summary = "press the switch, topple the pyramid, touch the gold: 2 for that, -0.001 a decision"
    spec = Spec(
        (
            ObservationSpec((FRAME,), "RayPerceptionSensor"),
            ObservationSpec((FRAME,), "RayPerceptionSensor1"),
            ObservationSpec((FRAME,), "RayPerceptionSensor2"),
            ObservationSpec((4,), "VectorSensor_size4"),
        ),
        ActionSpec(0, (5,)),
    )
    default_areas = 16
    max_decisions = 1000
    stored: ClassVar[tuple[str, ...]] = (
        "angle",
        "place",
        "speed",
        "switch",
        "bricks",
        "stones",
        "gold",
        "pressed",
        "toppled",
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_areas
        self.angle = np.zeros(n)
        self.place, self.speed = np.zeros((2, n)), np.zeros((2, n))
        self.switch, self.bricks, self.gold = (np.zeros((2, n)) for _ in range(3))
        self.stones = np.zeros((NUM_STONES, 2, n))
        self.pressed = np.zeros(n, np.bool_)
        self.toppled = np.zeros(n, np.int64)
        self._walls = np.broadcast_to(WALLS[:, :2, None], (NUM_WALLS, 2, n))

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        squares = self.generator.random((n, len(SQUARES))).argsort(axis=1)
        jitter = self.generator.uniform(-SPREAD, SPREAD, (n, len(SQUARES), 2))
        places = np.moveaxis(SQUARES[squares] + jitter, 0, -1)  # [9, 2, n]
        self.place[:, areas], self.switch[:, areas], self.bricks[:, areas] = places[:3]
        self.stones[:, :, areas] = places[3:]
        self.gold[:, areas] = places[2] + self.generator.uniform(-SCATTER, SCATTER, (2, n))
        self.angle[areas] = np.radians(self.generator.integers(0, 360, n))
        self.speed[:, areas] = 0.0
        self.pressed[areas] = False
        self.toppled[areas] = 0

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        option = actions.discrete[:, 0]
        forward, turn = FORWARD[option], TURN[option]
        self.toppled += self.toppled > 0
        found = np.zeros(self.num_areas, np.bool_)
        for _ in range(SUBSTEPS):
            self.angle += turn
            cos, sin = np.cos(self.angle), np.sin(self.angle)
            self.speed += forward * np.stack([sin, cos])
            body = AGENT_HALF * (np.abs(cos) + np.abs(sin))
            self._move(body)
            found |= self._landed() & (
                np.abs(self.gold - self.place).max(axis=0) < GOLD_HALF + body
            )
        return np.where(found, GOLD_REWARD, STEP_PENALTY).astype(np.float32), found

    def _move(self, body: NDArray[np.float64]) -> None:
        """One physics step; body [A] is half the extent of the agent's box at its angle."""
        pace = np.sqrt(np.add.reduce(self.speed**2, axis=0))
        kept = KEPT * np.maximum(1.0 - GRIP / np.maximum(pace, 1e-9), 0.0)
        in_rubble = np.abs(self.bricks - self.place).max(axis=0) < RUBBLE_HALF
        kept[in_rubble & (self.toppled > 0)] *= KEPT_IN_RUBBLE
        self.speed *= kept
        self.place += self.speed * DT
        solids = np.concatenate([self._walls, [self.switch, self._standing()], self.stones])
        shifts = ways_out(solids - self.place, SOLID_HALVES, body)
        self.pressed |= shifts[SWITCH].any(axis=0)
        toppling = shifts[BRICKS].any(axis=0) & (pace * kept > TOPPLING_SPEED)
        self.toppled[toppling] = 1
        shifts[BRICKS, :, toppling] = 0.0
        self._stop(shifts.max(axis=0) + shifts.min(axis=0), body)

    def _stop(self, shift: NDArray[np.float64], body: NDArray[np.float64]) -> None:
        """Move the agent out of things by shift [2, A], keep it in the room, take its speed."""
        low, high = np.array([ROOM[0::2], ROOM[1::2]])[:, :, None]
        moved = self.place + shift
        inside = np.minimum(np.maximum(moved, low + body), high - body)
        shift = inside - self.place
        self.place = inside
        stopped = np.where(self.speed * shift < 0.0, self.speed, 0.0)
        rubbed = WALL_GRIP * np.abs(stopped[::-1])  # what is stopped along x rubs along z
        along = self.speed - stopped
        self.speed = np.sign(along) * np.maximum(np.abs(along) - rubbed, 0.0)

    def _landed(self) -> BoolArray:
        """[A] whether the gold lies on the ground."""
        landed: BoolArray = self.toppled > FALL
        return landed

    def _standing(self) -> NDArray[np.float64]:
        """[2, A] where the brick pyramid stands; far away where it does not."""
        return np.where(self.pressed & (self.toppled == 0), self.bricks, NOWHERE)

    def _look(self) -> FloatArray:
        """[A, 3 * 56] what the three sensors report; the second and third look upwards."""
        direction = ray_directions(self.angle, ANGLES)
        room = np.minimum(*wall_distances(self.place, direction, SEEN_ROOM))
        room[room > ROOM_FARTHEST[:, None]] = np.inf
        flat, pyramids = self._things_ahead(direction.astype(np.float32))
        switch = flat[SWITCH]
        tags = [
            np.minimum(pyramids[0], flat[SWITCH + 1]),  # bricks
            np.minimum(flat[:NUM_WALLS].min(axis=0), room),
            np.minimum(flat[SWITCH + 2], flat[SWITCH + 3]),  # gold
            np.where(self.pressed, np.inf, switch),
            np.where(self.pressed, switch, np.inf),
            pyramids[1:].min(axis=0),
        ]
        return ray_frame(np.stack(tags), RAY_LENGTH)

    def _things_ahead(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Along rays to walls and BOXES, and to the brick pyramid and the stone pyramids."""
        fallen, landed = self.toppled > 0, self._landed()
        things = [
            self.switch,
            np.where(fallen, self.bricks, NOWHERE),
            np.where(self.pressed & ~landed, self.bricks, NOWHERE),
            np.where(landed, self.gold, NOWHERE),
        ]
        boxes = np.concatenate([self._walls, things]) - self.place
        pyramids = np.concatenate([self._standing()[None], self.stones]) - self.place
        return (
            boxes_ahead(boxes.astype(np.float32), direction, SEEN_HALVES, WINDOWS),
            pyramids_ahead(
                pyramids.astype(np.float32),
                direction,
                PYRAMID_HALF + RAY_RADIUS,
                NARROWING,
                PYRAMID_FARTHEST,
            ),
        )

    def _observe(self) -> Observations:
        frames = self._look().reshape(-1, 3, FRAME)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        right = self.speed[0] * cos - self.speed[1] * sin
        ahead = self.speed[0] * sin + self.speed[1] * cos
        vector = np.stack([self.pressed, right, np.zeros_like(right), ahead], axis=1)
        return frames[:, 0], frames[:, 1], frames[:, 2], vector.astype(np.float32)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: switch red or green, bricks brown, gold yellow."""
        canvas = Canvas(300, 300, (-51.0, 51.0), (-51.0, 51.0), background=(120, 126, 136))
        canvas.box((0.0, -0.25), (49.5, 49.35), (226, 228, 232))
        for x, z, half_x, half_z in WALLS:
            canvas.box((x, z), (half_x, half_z), (120, 126, 136))

        def square(centre: NDArray[np.float64], half: float, colour: Colour) -> None:
            canvas.box((float(centre[0]), float(centre[1])), (half, half), colour)

        for stone in self.stones[:, :, 0]:
            square(stone, PYRAMID_HALF, (170, 172, 178))
        square(self.switch[:, 0], SWITCH_HALF, (96, 190, 110) if self.pressed[0] else (206, 66, 60))
        if self.toppled[0]:
            square(self.bricks[:, 0], RUBBLE_HALF, (214, 190, 168))
        if self.pressed[0]:
            square(self._standing()[:, 0], PYRAMID_HALF, (176, 120, 80))
            square(
                (self.gold if self._landed()[0] else self.bricks)[:, 0], GOLD_HALF, (240, 200, 40)
            )
        x, z = (float(number) for number in self.place[:, 0])
        angle = float(self.angle[0])
        canvas.box((x, z), (1.2, 1.2), (52, 104, 214), angle=-angle)
        nose = (x + 2.5 * np.sin(angle), z + 2.5 * np.cos(angle))
        canvas.line([(x, z), nose], 0.6, (24, 40, 90))
        return canvas.pixels
