"""WallJump: get over a wall to the goal, with the block's help where the wall is high."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.areas import Observations
from mlagents_tf.envs.embedded.arena import Arena, Outcome
from mlagents_tf.envs.embedded.bodies import Crowd
from mlagents_tf.envs.embedded.boxes import ways_out
from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.rays import box_distances, ray_angles, ray_directions, ray_frame
from mlagents_tf.envs.embedded.walking import DT, thrust
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

SUBSTEPS = 5  # physics steps between decisions
THRUST, IN_AIR = 3.0, 0.5  # [m/s] added in a physics step; the part of it above the ground
GRAVITY = 2.75 * 9.81  # [m/s^2]
GRIP = 0.6 * GRAVITY * DT  # [m/s] that friction takes in a physics step
KEPT = np.array([1.0 - 2.0 * DT, 1.0 - 1.0 * DT])[:, None, None]  # of the speed: agent, block
HALF, MASS = np.array([0.5, 1.5]), np.array([25.0, 10.0])  # agent, block [m], [kg]
BLOCK_HALF = np.full((1, 2), HALF[1])
JUMP_STEPS, JUMP_HEIGHT = 10, 2.75  # physics steps, [m]
JUMP_PACE, JUMP_CHANGE = 777.0 * DT, 10.0  # [m/s] for each m that is left; [m/s] a physics step
FALLING = 111.0 * DT  # [m/s] downwards a physics step, after a jump
CLOSE, TOUCHING = 0.55, 0.05  # [m] above what one stands on: may jump; walks
STEP_PENALTY, GOAL_REWARD, FALL_REWARD = 0.0005, 1.0, -1.0

# by option of each branch: stay, forward, back; stay, turn left, right; stay, left, right
FORWARD = np.array([0.0, 1.0, -1.0])
TURN = np.radians([0.0, -6.0, 6.0])  # a physics step
SIDEWARD = np.array([0.0, -0.6, 0.6])

GROUND = np.array([[-10.0, 10.0], [-14.0, 6.0]])[:, :, None]  # [m] lowest and highest x, then z
MIDDLE = np.array([[0.0], [-4.0]])
WALL_Z, WALL_HALF = -1.98, 0.75  # [m]
GOAL, GOAL_HALF = np.array([[6.37], [2.93]]), 2.0  # [m]
START_Z, START_X = -12.0, 9.0  # [m], x within
BLOCK_SPAWN = np.array([[8.1, 3.5], [0.0, -6.27]])[..., None]  # [m] spread and middle of x and z
BLOCK_HEIGHT, GOAL_HEIGHT = 2.0, 5.0  # [m]

ANGLES = ray_angles(3, 90.0)
RAY_LENGTH, RAY_RADIUS = 20.0, 0.5  # [m]
UPPER_START, UPPER_RISE = 2.5, 2.5 / 20.0  # [m] above the lower sensor, [m] for each m
FRAME, VECTOR, STACKS = 7 * 5, 4, 6
SPEC = Spec(
    (
        ObservationSpec((STACKS * FRAME,), "StackingSensor_size6_OffsetRayPerceptionSensor"),
        ObservationSpec((STACKS * FRAME,), "StackingSensor_size6_RayPerceptionSensor"),
        ObservationSpec((STACKS * VECTOR,), "StackingSensor_size6_VectorSensor_size4"),
    ),
    ActionSpec(0, (3, 3, 3, 2)),
)
SMALL, BIG = range(2)  # behaviors
HEIGHTS = ("no_wall_height", "small_wall_height", "big_wall_height")


class WallJump(Arena):
    """One agent in each area; the wall that is drawn decides its behavior in this episode.

    Of five walls that are equally likely one is none and one is small, which both are
    SmallWallJump's; three are big, which are BigWallJump's. In the plane bodies are squares that do
    not turn; above it the agent has a height, and stands on the ground, the block and the wall.

    Attributes:
        angle: [A] the agent's heading, radians from +z, clockwise seen from above.
        place, speed: [2, 2, A] agent and block, x and z [m], [m/s].
        feet, rising: [A] the agent's height above the ground [m], [m/s].
        jumping: [A] physics steps that its jump still lasts.
        jumped_from: [A] height at which it began [m].
        wall: [A] height of the wall above the ground [m]; 0 or less = there is none.
        frames: [2, A, 210] upper and lower rays, six frames each, the oldest first.
        senses: [A, 24] the same of place and ground.
    """

    behavior = "WallJump"
    summary = "jump over a wall to the goal, a high one from a block; two behaviors"
    behaviors: ClassVar[dict[str, Spec]] = {"SmallWallJump": SPEC, "BigWallJump": SPEC}
    default_areas = 24
    max_decisions = 400
    default_parameters: ClassVar[dict[str, float]] = {
        "no_wall_height": 0.0,
        "small_wall_height": 4.0,
        "big_wall_height": 8.0,
    }
    drawn_by_area: ClassVar[frozenset[str]] = frozenset(default_parameters)
    stored: ClassVar[tuple[str, ...]] = (
        *("angle", "place", "speed", "feet", "rising", "jumping", "jumped_from", "wall"),
        *("frames", "senses"),
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_areas
        self.angle, self.feet, self.rising = np.zeros(n), np.zeros(n), np.zeros(n)
        self.place, self.speed = np.zeros((2, 2, n)), np.zeros((2, 2, n))
        self.jumping, self.jumped_from, self.wall = np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
        self.frames = np.zeros((2, n, STACKS * FRAME), np.float32)
        self.senses = np.zeros((n, STACKS * VECTOR), np.float32)
        self._crowd = Crowd(HALF, MASS, 0.6)
        self._agent_half = np.full(n, HALF[0])

    def _seats_of(self, number: int) -> NDArray[np.int64]:
        return self._all_areas  # anybody can have either behavior

    def _begin_areas(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        kind = np.minimum(self.generator.integers(0, 5, n), 2)
        heights = np.zeros((len(HEIGHTS), self.num_areas))
        for heights_of_kind, name in zip(heights, HEIGHTS, strict=True):
            heights_of_kind[:] = self.parameters[name]
        self.wall[areas] = heights[kind, areas] / 2 - 0.5  # half of it is in the ground
        self.roles[areas] = np.where(kind == 2, BIG, SMALL)
        self.place[0, 0, areas] = self.generator.uniform(-START_X, START_X, n)
        self.place[0, 1, areas] = START_Z
        spread, middle = BLOCK_SPAWN[:, 0], BLOCK_SPAWN[:, 1]
        self.place[1][:, areas] = middle + spread * self.generator.uniform(-1.0, 1.0, (2, n))
        self.speed[:, :, areas] = 0.0
        self.feet[areas] = self.rising[areas] = 0.0
        self.jumping[areas] = 0
        self.frames, self.senses = self.frames.copy(), self.senses.copy()
        self.frames[:, areas] = self.senses[areas] = 0.0
        self.frames[:, areas, -FRAME:] = self._look()[:, areas]
        self.senses[areas, -VECTOR:] = self._sense()[areas]

    def _play(self, actions: Actions) -> Outcome:
        ahead, turn, aside, jump = actions.discrete.T
        sideward = SIDEWARD[aside]
        forward = np.where(aside > 0, 0.0, FORWARD[ahead])  # moving aside comes first
        rewards, over = np.zeros(self.num_areas), np.zeros(self.num_areas, np.bool_)
        for _ in range(SUBSTEPS):
            self.angle += TURN[turn]
            above = self.feet - self._support()
            part = np.where(above < TOUCHING, 1.0, IN_AIR)
            way = thrust(self.angle, forward * part, sideward * part)
            self._jump((jump > 0) & (above < CLOSE), way, above)
            self.speed[0] += THRUST * way
            self._move(above < TOUCHING)
            rewards -= np.where(over, 0.0, STEP_PENALTY)
            for happened, reward in ((self._arrived(), GOAL_REWARD), (self._fell(), FALL_REWARD)):
                rewards = np.where(happened & ~over, reward, rewards)
                over = over | happened
        self.frames = np.concatenate([self.frames[:, :, FRAME:], self._look()], axis=2)
        self.senses = np.concatenate([self.senses[:, VECTOR:], self._sense()], axis=1)
        nothing = np.zeros(self.num_areas, np.float32)
        return Outcome(rewards.astype(np.float32), nothing, np.zeros_like(over), over)

    def _jump(
        self, wanted: BoolArray, way: NDArray[np.float64], above: NDArray[np.float64]
    ) -> None:
        """Begin jumps and pull whoever jumps up; whoever has jumped falls fast."""
        starts = wanted & (self.jumping <= 0)
        self.jumped_from = np.where(starts, self.feet, self.jumped_from)
        self.jumping = np.where(starts, JUMP_STEPS, self.jumping)
        active = self.jumping > 0
        left = self.jumped_from + JUMP_HEIGHT - self.feet
        velocity = np.stack([*self.speed[0], self.rising])
        change = np.stack([*way, left]) * JUMP_PACE - velocity
        size = np.sqrt(np.add.reduce(change * change, axis=0))
        change *= np.minimum(1.0, JUMP_CHANGE / np.maximum(size, 1e-9)) * active
        self.speed[0] += change[:2]
        self.rising += change[2] - np.where(~active & (above > TOUCHING), FALLING, 0.0)
        self.jumping = np.maximum(self.jumping - 1, 0)

    def _move(self, walks: BoolArray) -> None:
        """One physics step; `walks` [A] says who has ground under the feet."""
        beside = np.where(self.feet < BLOCK_HEIGHT - TOUCHING, 0.0, 1000.0)
        apart = self.place + np.stack([np.zeros((2, self.num_areas)), np.stack([beside, beside])])
        self._crowd.share(self.speed, self._crowd.contacts(apart))
        pace = np.sqrt(np.add.reduce(self.speed**2, axis=1, keepdims=True))
        grip = GRIP * np.stack([walks, np.ones_like(walks)])[:, None]
        self.speed *= KEPT * np.maximum(1.0 - grip / np.maximum(pace, 1e-9), 0.0)
        support = self._support()
        self.rising = (self.rising - GRAVITY * DT) * KEPT[0, 0]
        place = self.place + self.speed * DT
        feet = self.feet + self.rising * DT
        lands = feet <= support
        self.feet = np.where(lands, support, feet)
        self.rising = np.where(lands, np.maximum(self.rising, 0.0), self.rising)
        self.place = place
        self._stop_at_the_wall()
        out = ways_out((self.place[1] - self.place[0])[None], BLOCK_HALF, self._agent_half)[0]
        self.place[0] += np.where(self.feet < BLOCK_HEIGHT - TOUCHING, out, 0.0)

    def _stop_at_the_wall(self) -> None:
        """Agents that are not above the wall, and the block, leave it on the side they are on."""
        offset = self.place[:, 1] - WALL_Z  # [2, A]
        height = np.stack([self.feet + TOUCHING, np.zeros(self.num_areas)])
        reach = WALL_HALF + HALF[:, None]
        inside = (np.abs(offset) < reach) & (height < self.wall)
        self.place[:, 1] = np.where(inside, WALL_Z + np.copysign(reach, offset), self.place[:, 1])
        self.speed[:, 1] *= ~inside

    def _support(self) -> NDArray[np.float64]:
        """[A] height of the highest thing that is under the agent."""
        offset = np.abs(self.place[1] - self.place[0])
        on_block = (offset < HALF.sum()).all(axis=0) & (self.feet >= BLOCK_HEIGHT - TOUCHING)
        over_wall = np.abs(self.place[0, 1] - WALL_Z) < WALL_HALF + HALF[0]
        on_wall = over_wall & (self.feet >= self.wall - TOUCHING)
        return np.maximum(np.where(on_block, BLOCK_HEIGHT, 0.0), np.where(on_wall, self.wall, 0.0))

    def _arrived(self) -> BoolArray:
        """[A] whether the agent touches the goal with ground under its feet."""
        touches = np.logical_and.reduce(np.abs(self.place[0] - GOAL) < GOAL_HALF + HALF[0], axis=0)
        arrived: BoolArray = touches & (self.feet - self._support() < CLOSE)
        return arrived

    def _fell(self) -> BoolArray:
        """[A] whether the middle of agent or block is beyond the ground's edge."""
        beyond = (self.place < GROUND[:, 0]) | (self.place > GROUND[:, 1])
        fell: BoolArray = np.logical_or.reduce(beyond, axis=(0, 1))
        return fell

    def _look(self) -> FloatArray:
        """[2, A, 35] one new frame of the upper and of the lower rays: wall, goal, block."""
        agent, block = self.place
        direction = ray_directions(self.angle, ANGLES)
        goal = box_distances(GOAL - agent, direction, GOAL_HALF, RAY_RADIUS)
        blocks = box_distances(block - agent, direction, float(HALF[1]), RAY_RADIUS)
        distances = np.stack([self._to_the_wall(direction), goal, blocks])
        tops = np.stack(
            [self.wall, np.full_like(self.wall, GOAL_HEIGHT), np.full_like(self.wall, BLOCK_HEIGHT)]
        )
        frames = []
        for start, rise in ((UPPER_START, UPPER_RISE), (0.0, 0.0)):
            # a ray does not sink, so it meets what it is not above of where it gets there; the
            # sphere around it reaches down to the feet
            height = self.feet + start + rise * np.minimum(distances, RAY_LENGTH)
            met = height < tops[:, None] - 1e-6
            frames.append(ray_frame(np.where(met, distances, np.inf), RAY_LENGTH))
        return np.stack(frames)

    def _to_the_wall(self, direction: NDArray[np.float64]) -> NDArray[np.float64]:
        """[rays, A] along the rays to the wall's near face; infinite where it is not ahead."""
        x, z = self.place[0]
        face = WALL_Z - np.sign(WALL_Z - z) * (WALL_HALF + RAY_RADIUS)
        along = (face - z) / direction[1]
        outside = np.abs(z - WALL_Z) >= WALL_HALF + RAY_RADIUS - 1e-6
        met = (along >= -1e-6) & (np.abs(x + along * direction[0]) < 10.0 + RAY_RADIUS)
        ahead = direction[1] * (WALL_Z - z) > 0
        return np.where(met & outside & ahead, np.maximum(along, 0.0), np.inf)

    def _sense(self) -> FloatArray:
        """[A, 4] place from the ground's middle in units of 20 m: x, height, z; may it jump."""
        x, z = self.place[0] - MIDDLE
        may_jump = self.feet - self._support() < CLOSE
        senses: FloatArray = np.stack(
            [x / 20, (self.feet + 1.0) / 20, z / 20, may_jump], axis=1
        ).astype(np.float32)
        return senses

    def _see(self, number: int) -> Observations:
        return self.frames[0], self.frames[1], self.senses

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above; the higher the wall the darker."""
        canvas = Canvas(240, 240, (-11.0, 11.0), (-15.0, 7.0), background=(90, 96, 106))
        canvas.box((0.0, -4.0), (10.0, 10.0), (226, 228, 232))
        canvas.box((float(GOAL[0, 0]), float(GOAL[1, 0])), (GOAL_HALF, GOAL_HALF), (138, 202, 142))
        if self.wall[0] > 0:
            grey = int(190 - 30 * self.wall[0])
            canvas.box((0.0, WALL_Z), (10.0, WALL_HALF), (grey, grey, grey))
        (x, z), (block_x, block_z) = self.place[:, :, 0].tolist()
        canvas.box((block_x, block_z), (1.5, 1.5), (232, 150, 70))
        angle, light = float(self.angle[0]), int(30 * min(float(self.feet[0]), 5.0))
        canvas.box((x, z), (0.5, 0.5), (52 + light, 84 + light, 214), angle=-angle)
        canvas.line(
            [(x, z), (x + 0.9 * np.sin(angle), z + 0.9 * np.cos(angle))], 0.25, (24, 40, 90)
        )
        return canvas.pixels
