"""Sorter: touch the numbered tiles around a round room in ascending order."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.walking import DT, slowed, thrust
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

SUBSTEPS = 5  # physics steps between decisions
THRUST = 2.0  # [m/s] added in a physics step
GRIP = 0.6 * 2.5 * 9.81 * DT  # [m/s] that friction takes in a physics step; gravity is 2.5 times
KEPT = 1.0 - 4.0 * DT  # of the speed, by a drag of 4 /s
AGENT_RADIUS = 1.0 / np.sqrt(np.pi)  # [m] of the disc as large as the agent's square
STEP_PENALTY, RIGHT, WRONG = -0.001, 1.0, -1.0  # a decision; on top of it

# by option of each branch: stay, forward, back; stay, right, left; stay, turn left, turn right
FORWARD = np.array([0.0, 1.0, -1.0]) * THRUST
SIDEWARD = np.array([0.0, 1.0, -1.0]) * THRUST
TURN = np.radians([0.0, -4.0, 4.0])  # a physics step

MAX_TILES = 20  # so many numbers and places there are
TILE_RADIUS, TILE_DEPTH, TILE_WIDTH = 20.5, 1.52, 3.5  # [m]; the first to a tile's middle
TILE_FACE = TILE_RADIUS - TILE_DEPTH / 2
CLOSEST = TILE_FACE - AGENT_RADIUS  # [m] from the room's centre, where a tile may be touched
WALL = TILE_RADIUS - AGENT_RADIUS  # [m] from the room's centre, where the agent is stopped
LENGTH = 20.0  # [m] that is 1 in observations

NUMBER, EAST, NORTH, VISITED = slice(0, 20), 20, 21, 22  # columns of an entity
ENTITY = 23
# by number; 0 is no tile. Unity writes a tile's place over the slot of number 20: it has none
ONE_HOT = np.eye(MAX_TILES + 1, MAX_TILES, dtype=np.float32)
ONE_HOT[0] = 0.0
STACKS, FRAME = 2, 4


class Sorter(World):
    """One agent in a round room; up to 20 tiles with numbers stand at its wall.

    Tiles are touched in ascending order, with 1 for each; a wrong one ends the episode, and so does
    the last one. The agent is a disc in the plane, and what stops it is the wall behind the tiles.

    Attributes:
        angle: [A] the agent's heading, radians from +z, clockwise seen from above.
        place, speed: [2, A] the agent's x and z [m], [m/s].
        numbers: [A, 20] of the tiles, 1 to 20, ascending; 0 behind the last one.
        bearings: [A, 20] where they stand, radians from +z.
        touched: [A] how many have been touched.
        frames: [A, 8] two frames of place and heading, the older first.
    """

    behavior = "Sorter"
    summary = "touch numbered tiles in ascending order; 1 for each, -1 for a wrong one"
    spec = Spec(
        (
            ObservationSpec(
                (MAX_TILES, ENTITY),
                "BufferSensor",
                (DimensionProperty.VARIABLE_SIZE, DimensionProperty.NONE),
            ),
            ObservationSpec((STACKS * FRAME,), "StackingSensor_size2_VectorSensor_size4"),
        ),
        ActionSpec(0, (3, 3, 3)),
    )
    default_areas = 16
    max_decisions = 1000
    default_parameters: ClassVar[dict[str, float]] = {"num_tiles": 20.0}
    stored: ClassVar[tuple[str, ...]] = (
        "angle",
        "place",
        "speed",
        "numbers",
        "bearings",
        "touched",
        "frames",
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_areas
        self.angle = np.full(n, np.pi)
        self.place, self.speed = np.zeros((2, n)), np.zeros((2, n))
        self.numbers = np.zeros((n, MAX_TILES), np.int64)
        self.bearings = np.zeros((n, MAX_TILES))
        self.touched = np.zeros(n, np.int64)
        self.frames = np.zeros((n, STACKS * FRAME), np.float32)
        self._parameters_changed()

    def _parameters_changed(self) -> None:
        most = int(self.parameters["num_tiles"])
        if not 1 <= most <= MAX_TILES:
            raise EnvError(
                f"{self.behavior}: parameter num_tiles is {most}; give 1 to {MAX_TILES}."
            )
        self._most = most

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        count = self.generator.integers(1, self._most + 1, n)
        absent = np.arange(MAX_TILES) >= count[:, None]
        shuffled = self.generator.random((2, n, MAX_TILES)).argsort(axis=2)
        numbers = np.sort(np.where(absent, MAX_TILES + 1, shuffled[0] + 1), axis=1)
        self.numbers[areas] = np.where(absent, 0, numbers)
        self.bearings[areas] = shuffled[1] * (2.0 * np.pi / MAX_TILES)
        self.place[:, areas] = 0.0  # the heading stays, as in Unity
        self.speed[:, areas] = 0.0
        self.touched[areas] = 0
        self.frames = self.frames.copy()
        self.frames[areas] = 0.0
        self.frames[areas, -FRAME:] = self._frame()[areas]

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        ahead, aside, turn = actions.discrete.T
        sideward = SIDEWARD[aside]
        forward = np.where(aside > 0, 0.0, FORWARD[ahead])  # moving aside comes first
        rewards = np.full(self.num_areas, STEP_PENALTY)
        ended = np.zeros(self.num_areas, np.bool_)
        for _ in range(SUBSTEPS):
            self.angle += TURN[turn]
            self._move(thrust(self.angle, forward, sideward))
            self._touch(rewards, ended)
        self.frames = np.concatenate([self.frames[:, FRAME:], self._frame()], axis=1)
        return rewards.astype(np.float32), ended

    def _move(self, forces: NDArray[np.float64]) -> None:
        """One physics step under forces [2, A], in m/s that they add; the wall is a circle."""
        self.speed = slowed(self.speed + forces, GRIP, KEPT)
        self.place = self.place + self.speed * DT
        distance = np.maximum(np.hypot(*self.place), 1e-9)
        outwards = self.place / distance
        beyond = distance > WALL
        into = np.maximum(np.add.reduce(self.speed * outwards, axis=0), 0.0)
        self.speed -= np.where(beyond, into, 0.0) * outwards
        self.place = np.where(beyond, WALL * outwards, self.place)

    def _touch(self, rewards: NDArray[np.float64], ended: BoolArray) -> None:
        """Add to `rewards` [A] and set `ended` [A] where a tile is touched that was not before."""
        areas = np.flatnonzero((np.hypot(*self.place) > CLOSEST) & ~ended)
        if not len(areas):
            return
        x, z = self.place[:, areas, None]
        cos, sin = np.cos(self.bearings[areas]), np.sin(self.bearings[areas])
        touching = (x * sin + z * cos > CLOSEST) & (self.numbers[areas] > 0)
        touching &= np.abs(x * cos - z * sin) < TILE_WIDTH / 2 + AGENT_RADIUS
        touching &= np.arange(MAX_TILES) >= self.touched[areas, None]
        hit = touching.any(axis=1)
        areas, tile = areas[hit], touching[hit].argmax(axis=1)
        right = tile == self.touched[areas]
        rewards[areas] += np.where(right, RIGHT, WRONG)
        self.touched[areas] += right
        ended[areas] = ~right | (self.touched[areas] == (self.numbers[areas] > 0).sum(axis=1))

    def _frame(self) -> FloatArray:
        """[A, 4] place and heading."""
        heading = np.stack([np.sin(self.angle), np.cos(self.angle)])
        frame: FloatArray = np.concatenate([self.place / LENGTH, heading]).T.astype(np.float32)
        return frame

    def _observe(self) -> Observations:
        entities = np.empty((self.num_areas, MAX_TILES, ENTITY), np.float32)
        entities[..., NUMBER] = ONE_HOT[self.numbers]
        x, z = self.place[..., None]
        entities[..., EAST] = (TILE_RADIUS * np.sin(self.bearings) - x) / LENGTH
        entities[..., NORTH] = (TILE_RADIUS * np.cos(self.bearings) - z) / LENGTH
        entities[..., VISITED] = np.arange(MAX_TILES) < self.touched[:, None]
        entities[self.numbers == 0] = 0.0
        return entities, self.frames

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: the lower a number the darker; touched is green."""
        canvas = Canvas(240, 240, (-23.0, 23.0), (-23.0, 23.0), background=(120, 126, 136))
        canvas.disc((0.0, 0.0), TILE_RADIUS, (226, 228, 232))
        tiles = zip(self.numbers[0].tolist(), self.bearings[0].tolist(), strict=True)
        for index, (number, bearing) in enumerate(tiles):
            if number:
                centre = (TILE_RADIUS * np.sin(bearing), TILE_RADIUS * np.cos(bearing))
                shade = 60 + 8 * number
                touched = index < int(self.touched[0])
                colour = (96, 190, 110) if touched else (shade, shade // 2, shade // 3)
                canvas.box(centre, (TILE_WIDTH / 2, TILE_DEPTH / 2), colour, angle=-bearing)
        x, z = (float(number) for number in self.place[:, 0])
        angle = float(self.angle[0])
        canvas.box((x, z), (0.6, 0.6), (52, 104, 214), angle=-angle)
        canvas.line([(x, z), (x + 1.2 * np.sin(angle), z + 1.2 * np.cos(angle))], 0.4, (24, 40, 90))
        return canvas.pixels
