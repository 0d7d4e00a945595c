"""DungeonEscape: one of three gives itself up to the dragon, so that the others find the key."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.areas import Observations
from mlagents_tf.envs.embedded.arena import Arena, Outcome
from mlagents_tf.envs.embedded.bodies import Crowd
from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.push_block import FORWARD, SIDEWARD, SUBSTEPS, TURN
from mlagents_tf.envs.embedded.rays import box_distances, ray_angles, ray_directions, ray_frame
from mlagents_tf.envs.embedded.walking import DT, slowed
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

AGENTS = 3
HALF, MASS = np.full(AGENTS, 0.5), np.full(AGENTS, 10.0)  # [m], [kg]
GRIP, KEPT = 0.6 * 1.5 * 9.81 * DT, 1.0 - 4.0 * DT  # friction [m/s] a physics step; drag of 4 /s
ROOM = 12.5  # [m] from the centre to the walls
LOCK_HALF = 1.5  # [m] of the part of the wall at high x that is the lock, around z = 0
DRAGON, DRAGON_HALF, DRAGON_PACE = np.array([[0.0], [-9.0]]), 1.0, (1.0, 7.0)  # [m], [m/s]
PORTAL, PORTAL_HALF = np.array([[0.0], [9.0]]), 1.5  # [m]
KEY_HALF = 0.5  # [m]
SPAWN, CLEAR = 6.25, 3.0  # [m] places are drawn in +-SPAWN, this far from each other
AWAY = 1000.0  # [m] where those are that have left, and things that are not there

ANGLES = ray_angles(7, 105.0)
RAY_LENGTH, RAY_RADIUS = 20.0, 0.5  # [m]
FRAME, STACKS = 15 * 8, 3


class DungeonEscape(Arena):
    """Three agents of one group in a locked room, with a dragon that walks towards a portal.

    Who touches the dragon is eaten, and the dragon, who dies of it, leaves a key. Who brings the
    key to the lock frees the group. Who touches the portal is gone. The episode ends without a
    reward when the dragon reaches the portal, when the key goes through it, or nobody is left.

    Attributes:
        angle: [N] headings, radians from +z, clockwise seen from above.
        place, speed: [3, 2, A] x and z of the agents [m], [m/s].
        holds: [3, A] bool, who has the key.
        dragon, key: [2, A] where they are [m]; far away if they are not there.
        pace: [A] the dragon's [m/s].
        frames: [N, 360] three frames of the rays, the oldest first.
    """

    behavior = "DungeonEscape"
    summary = "one of three slays the dragon and dies, another brings its key to the lock; 1"
    behaviors: ClassVar[dict[str, Spec]] = {
        "DungeonEscape": Spec(
            (
                ObservationSpec((STACKS * FRAME,), "StackingSensor_size3_RayPerceptionSensor"),
                ObservationSpec((1,), "VectorSensor_size1"),
            ),
            ActionSpec(0, (7,)),
        )
    }
    agents_per_area = AGENTS
    members = (0,) * AGENTS
    groups = (1,) * AGENTS
    default_areas = 9
    max_decisions = 3000
    stored: ClassVar[tuple[str, ...]] = (
        *("angle", "place", "speed", "holds", "dragon", "key", "pace", "frames"),
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_areas
        self.angle = np.zeros(self.num_agents)
        self.place, self.speed = np.zeros((AGENTS, 2, n)), np.zeros((AGENTS, 2, n))
        self.holds = np.zeros((AGENTS, n), np.bool_)
        self.dragon, self.key, self.pace = np.zeros((2, n)), np.zeros((2, n)), np.zeros(n)
        self.frames = np.zeros((self.num_agents, STACKS * FRAME), np.float32)
        self._crowd = Crowd(HALF, MASS, 0.6)

    def _begin_areas(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        places = np.empty((AGENTS, 2, n))
        for seat in range(AGENTS):  # of an area
            free = np.zeros(n, np.bool_)
            while not free.all():
                wanted = np.flatnonzero(~free)
                places[seat][:, wanted] = self.generator.uniform(-SPAWN, SPAWN, (2, len(wanted)))
                gap = np.abs(places[:seat] - places[seat]).max(axis=1)
                free = (gap > CLEAR).all(axis=0)
        self.place[:, :, areas] = places
        self.speed[:, :, areas] = 0.0
        self.holds[:, areas] = False
        self.dragon[:, areas], self.key[:, areas] = DRAGON, AWAY
        self.pace[areas] = self.generator.uniform(*DRAGON_PACE, n)
        rows = (areas[:, None] * AGENTS + np.arange(AGENTS)).ravel()
        self.angle[rows] = self.generator.uniform(0.0, 2.0 * np.pi, len(rows))
        self.frames = self.frames.copy()
        self.frames[rows] = 0.0
        self.frames[rows, -FRAME:] = self._look(np.ones_like(self.holds))[rows]

    def _play(self, actions: Actions) -> Outcome:
        option = actions.discrete[:, 0].reshape(-1, AGENTS).T  # [3, A]
        forward, sideward, turn = FORWARD[option], SIDEWARD[option], TURN[actions.discrete[:, 0]]
        here = self.present.reshape(-1, AGENTS).T.copy()
        over, freed = np.zeros((2, self.num_areas), np.bool_)
        for _ in range(SUBSTEPS):
            self.angle += turn
            angle = self.angle.reshape(-1, AGENTS).T
            cos, sin = np.cos(angle), np.sin(angle)
            self.speed[:, 0] += forward * sin + sideward * cos
            self.speed[:, 1] += forward * cos - sideward * sin
            self._move(here)
            going = ~over
            unlocked = self._meet_lock(here) & going
            freed |= unlocked
            over = over | unlocked | (self._meet_dragon(here) & going)
            over = over | (self._meet_portal(here) & going) | ~here.any(axis=0)
        self.frames = np.concatenate([self.frames[:, FRAME:], self._look(here)], axis=1)
        gone = np.nonzero(~here)
        self.place[gone[0], :, gone[1]] = AWAY + 100.0 * gone[0][:, None]
        group_rewards = (freed & here).T.ravel().astype(np.float32)
        left = self.present & ~here.T.ravel()
        return Outcome(np.zeros_like(group_rewards), group_rewards, left, over)

    def _move(self, here: BoolArray) -> None:
        """One physics step of the agents that are `here`, [3, A], and of the dragon."""
        apart = self.place + np.where(here, 0.0, AWAY * np.arange(1, AGENTS + 1)[:, None])[:, None]
        self._crowd.share(self.speed, self._crowd.contacts(apart))
        flat = slowed(self.speed.transpose(1, 0, 2), GRIP, KEPT)
        self.speed = flat.transpose(1, 0, 2) * here[:, None]
        moved = apart + self.speed * DT
        self._crowd.part(moved)
        reach = ROOM - HALF[0]
        inside = np.clip(moved, -reach, reach)
        self.speed *= inside == moved
        self.place = np.where(here[:, None], inside, self.place)
        way = PORTAL - self.dragon
        distance = np.maximum(np.hypot(*way), 1e-9)
        alive = self.dragon[0] < AWAY
        self.dragon = self.dragon + np.where(alive, self.pace * DT / distance, 0.0) * way

    def _touching(self, thing: NDArray[np.float64], half: float) -> BoolArray:
        """[3, A] whose square touches the square around `thing`, [2, 1 or A]."""
        touching: BoolArray = np.logical_and.reduce(
            np.abs(self.place - thing) < half + HALF[0] + 1e-6, axis=1
        )
        return touching

    def _meet_lock(self, here: BoolArray) -> BoolArray:
        """[A] whether the key is brought to the lock; who touches a key takes it."""
        taken = self._touching(self.key, KEY_HALF) & here
        first = taken & (np.cumsum(taken, axis=0) == 1)
        self.holds |= first
        self.key = np.where(taken.any(axis=0), AWAY, self.key)
        at_lock = (self.place[:, 0] >= ROOM - HALF[0] - 1e-6) & (
            np.abs(self.place[:, 1]) < LOCK_HALF + HALF[0]
        )
        opened: BoolArray = np.logical_or.reduce(at_lock & self.holds & here, axis=0)
        return opened

    def _meet_dragon(self, here: BoolArray) -> BoolArray:
        """[A] whether it is at the portal; who touches the dragon is not `here` any more."""
        eaten = self._touching(self.dragon, DRAGON_HALF) & here
        first = eaten & (np.cumsum(eaten, axis=0) == 1)
        slain = first.any(axis=0)
        here &= ~first
        self.key = np.where(slain, self.dragon, self.key)
        self.dragon = np.where(slain, AWAY, self.dragon)
        gap = np.abs(self.dragon - PORTAL).max(axis=0)
        arrived: BoolArray = gap < DRAGON_HALF + PORTAL_HALF
        return arrived

    def _meet_portal(self, here: BoolArray) -> BoolArray:
        """[A] whether the key is lost in the portal; who touches it is not `here` any more."""
        lost = self._touching(PORTAL, PORTAL_HALF) & here
        key_lost: BoolArray = np.logical_or.reduce(lost & self.holds, axis=0)
        here &= ~lost
        return key_lost

    def _look(self, here: BoolArray) -> FloatArray:
        """[N, 120] one new frame: wall, agents `here`, dragon, key, lock, portal."""
        place = self.place.transpose(1, 2, 0)  # [2, A, 3]
        flat = place.reshape(2, -1)
        direction = ray_directions(self.angle, ANGLES)
        seen = np.where(here.T, place, AWAY)
        mates = [
            box_distances(
                np.roll(seen, shift, axis=2).reshape(2, -1) - flat, direction, 0.5, RAY_RADIUS
            )
            for shift in (1, 2)
        ]
        things = [
            box_distances(np.repeat(thing, AGENTS, axis=1) - flat, direction, half, RAY_RADIUS)
            for thing, half in (
                (self.dragon, DRAGON_HALF),
                (self.key, KEY_HALF),
                (np.broadcast_to(PORTAL, self.dragon.shape), PORTAL_HALF),
            )
        ]
        wall, lock = self._walls(flat, direction)
        dragon, key, portal = things
        distances = np.stack([wall, np.minimum(*mates), dragon, key, lock, portal])
        return ray_frame(distances, RAY_LENGTH)

    def _walls(
        self, place: NDArray[np.float64], direction: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """[2, rays, N] along rays to walls and to the lock."""
        to_x, to_z = (np.sign(direction) * (ROOM - RAY_RADIUS) - place[:, None]) / direction
        nearest = np.maximum(np.minimum(to_x, to_z), 0.0)
        z = place[1] + to_x * direction[1]
        locked = (to_x <= to_z) & (direction[0] > 0) & (np.abs(z) < LOCK_HALF)
        return np.where(np.stack([~locked, locked]), nearest, np.inf)

    def _see(self, number: int) -> Observations:
        return self.frames, self.holds.T.reshape(-1, 1).astype(np.float32)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: dragon red, portal violet, key and lock yellow."""
        canvas = Canvas(240, 240, (-13.5, 13.5), (-13.5, 13.5), background=(90, 96, 106))
        canvas.box((0.0, 0.0), (ROOM, ROOM), (226, 228, 232))
        canvas.box((ROOM + 0.4, 0.0), (0.4, LOCK_HALF), (224, 186, 40))
        canvas.box((0.0, float(PORTAL[1, 0])), (PORTAL_HALF, PORTAL_HALF), (150, 60, 190))
        for thing, half, colour in (
            (self.dragon, DRAGON_HALF, (206, 66, 60)),
            (self.key, KEY_HALF, (224, 186, 40)),
        ):
            x, z = thing[:, 0].tolist()
            canvas.box((x, z), (half, half), colour)
        for seat in range(AGENTS):
            x, z = self.place[seat, :, 0].tolist()
            angle = float(self.angle[seat])
            canvas.box((x, z), (0.5, 0.5), (52, 104, 214), angle=-angle)
            nose = (x + 0.9 * np.sin(angle), z + 0.9 * np.cos(angle))
            canvas.line([(x, z), nose], 0.25, (24, 40, 90))
        return canvas.pixels
