"""PushBlock: push a block onto the goal, seen by rays; checked against Unity's recording."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.rays import (
    box_distances,
    ray_angles,
    ray_directions,
    ray_frame,
    wall_distances,
)
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

SUBSTEPS = 5  # physics steps between decisions
DT = 0.02  # [s]
ROOM = 12.5  # [m] from the centre to the walls
GOAL_FACE = -8.35  # [m], z of the goal strip's face, which stops the agent and ends the episode
SPAWN, SPAWN_MARGIN = 6.25, 2.5  # [m] places are drawn in +-SPAWN, this far from anything else
THRUST = 3.0  # [m/s] added in a physics step
AGENT_HALF, AGENT_DRAG = 0.5, 4.0  # [m], [1/s]
GRIP = 0.6  # friction of Unity's default material; the ground averages it with its own
SIDE_GRIP = 1.2  # twice that: in the recording a push 40 degrees off the normal does not slide
WEIGHT = 2.0 * 9.81  # [m/s^2]; speeds in the recording fit twice the usual gravity
STEP_PENALTY, GOAL_REWARD = -0.001, 5.0  # a decision; on top of it

# by option: stay, forward, back, turn right, turn left, left, right
FORWARD = np.array([0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0]) * THRUST
SIDEWARD = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -0.75, 0.75]) * THRUST
TURN = np.radians([0.0, 0.0, 0.0, 4.0, -4.0, 0.0, 0.0])  # a physics step

ANGLES = ray_angles(3, 90.0)
RAY_LENGTH, RAY_RADIUS = 12.0, 0.5  # [m]
FRAME = 7 * 5
STACKS = 3


class PushBlock(World):
    """One agent pushes one block towards low z in each area.

    Neither box turns by contact; the agent's box is the square around it at its angle. The upper
    sensor passes over block and goal and grazes the walls' tops, so it sees walls as thin rays do.

    Attributes:
        angle: [A] the agent's heading, radians from +z, clockwise seen from above.
        place: [2, 2, A] agent and block, x and z [m].
        speed: [2, 2, A] the same [m/s].
        frames: [2, A, 105] upper and lower sensor, three frames each, the oldest first.
    """

    behavior = "PushBlock"
    summary = "push a block onto the goal; 5 for that, -0.001 a decision"
    spec = Spec(
        (
            ObservationSpec((STACKS * FRAME,), "StackingSensor_size3_OffsetRayPerceptionSensor"),
            ObservationSpec((STACKS * FRAME,), "StackingSensor_size3_RayPerceptionSensor"),
        ),
        ActionSpec(0, (7,)),
    )
    default_areas = 32
    max_decisions = 1000
    default_parameters: ClassVar[dict[str, float]] = {
        "block_scale": 2.0,
        "block_drag": 0.5,
        "dynamic_friction": 0.0,
        "static_friction": 0.0,
    }
    stored: ClassVar[tuple[str, ...]] = ("angle", "place", "speed", "frames")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.angle = np.zeros(self.num_areas)
        self.place = np.zeros((2, 2, self.num_areas))
        self.speed = np.zeros((2, 2, self.num_areas))
        self.frames = np.zeros((2, self.num_areas, STACKS * FRAME), np.float32)
        self._parameters_changed()

    def _parameters_changed(self) -> None:
        scale = self.parameters["block_scale"]
        if not 0.5 <= scale <= 4.0:
            raise EnvError(f"{self.behavior}: parameter block_scale is {scale}; give 0.5 to 4.")
        self._block_half = scale / 2
        drags = np.array([AGENT_DRAG, self.parameters["block_drag"]])
        self._damping = np.maximum(1.0 - drags * DT, 0.0)[:, None, None]
        self._grip = (GRIP + self.parameters["dynamic_friction"]) / 2 * WEIGHT * DT  # [m/s]

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        lowest_z = GOAL_FACE + SPAWN_MARGIN
        low, high = np.array([[-SPAWN], [lowest_z]]), np.array([[SPAWN], [SPAWN]])
        block = self.generator.uniform(low, high, (2, n))
        agent = self.generator.uniform(low, high, (2, n))
        while True:
            near = np.abs(agent - block).max(axis=0) < SPAWN_MARGIN + self._block_half
            if not near.any():
                break
            agent[:, near] = self.generator.uniform(low, high, (2, int(near.sum())))
        self.place[:, :, areas] = agent, block
        self.speed[:, :, areas] = 0.0
        self.frames = self.frames.copy()
        self.frames[:, areas] = 0.0
        self.frames[:, areas, -FRAME:] = self._look()[:, areas]

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        option = actions.discrete[:, 0]
        forward, sideward, turn = FORWARD[option], SIDEWARD[option], TURN[option]
        for _ in range(SUBSTEPS):
            self.angle += turn
            cos, sin = np.cos(self.angle), np.sin(self.angle)
            self.speed[0, 0] += forward * sin + sideward * cos
            self.speed[0, 1] += forward * cos - sideward * sin
            self._move(AGENT_HALF * (np.abs(cos) + np.abs(sin)))
        scored = self.place[1, 1] - self._block_half <= GOAL_FACE + 1e-6
        self.frames = np.concatenate([self.frames[:, :, FRAME:], self._look()], axis=2)
        rewards = np.where(scored, STEP_PENALTY + GOAL_REWARD, STEP_PENALTY)
        return rewards.astype(np.float32), scored

    def _move(self, agent_half: NDArray[np.float64]) -> None:
        """One physics step; agent_half [A] is half the extent of the agent's box at its angle."""
        pace = np.sqrt(np.add.reduce(self.speed**2, axis=1, keepdims=True))
        self.speed *= np.maximum(1.0 - self._grip / np.maximum(pace, 1e-9), 0.0)
        self.speed *= self._damping
        reach = agent_half + self._block_half
        self._collide(reach)
        self.place += self.speed * DT
        # whatever still overlaps is moved apart: half each, then the agent gives way to the walls
        normal, gap = self._contact(reach)
        overlap = np.minimum(gap, 0.0) * normal
        self.place[1] -= overlap / 2
        self._keep_inside(1, np.full_like(agent_half, self._block_half))
        normal, gap = self._contact(reach)
        self.place[0] += np.minimum(gap, 0.0) * normal
        self._keep_inside(0, agent_half)

    def _contact(self, reach: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """The axis that separates agent and block, and by how much.

        Returns:
            [2, A] unit vector from the agent to the block, and [A] the gap along it, negative where
            they overlap, infinite where they would pass each other.
        """
        between = self.place[1] - self.place[0]
        gaps = np.abs(between) - reach  # [2, A]
        along_z = gaps[1] > gaps[0]
        gap = np.where(np.minimum(gaps[0], gaps[1]) < 0.0, gaps.max(axis=0), np.inf)
        normal = np.sign(between)
        normal[0, along_z] = 0.0
        normal[1, ~along_z] = 0.0
        return normal, gap

    def _collide(self, reach: NDArray[np.float64]) -> None:
        """Share momentum where agent and block would meet; their masses are equal."""
        normal, gap = self._contact(reach)
        relative = self.speed[0] - self.speed[1]
        closing = np.add.reduce(relative * normal, axis=0)
        push = np.maximum(closing - np.maximum(gap, 0.0) / DT, 0.0) / 2
        slide = relative - closing * normal
        most = SIDE_GRIP * push
        impulse = push * normal + np.minimum(np.maximum(slide / 2, -most), most)
        self.speed[0] -= impulse
        self.speed[1] += impulse

    def _keep_inside(self, body: int, half: NDArray[np.float64]) -> None:
        """Stop a body at the walls and at the goal's face."""
        place = self.place[body]
        low = np.stack([half - ROOM, half + GOAL_FACE])
        inside = np.minimum(np.maximum(place, low), ROOM - half)
        self.speed[body] *= inside == place
        self.place[body] = inside

    def _look(self) -> FloatArray:
        """[2, A, 35] one new frame of the upper and of the lower sensor."""
        agent, block = self.place
        direction = ray_directions(self.angle, ANGLES)
        upper = wall_distances(agent, direction, (-ROOM, ROOM, -ROOM, ROOM))
        near = ROOM - RAY_RADIUS
        goal, wall = wall_distances(agent, direction, (-near, near, GOAL_FACE + RAY_RADIUS, near))
        boxes = box_distances(block - agent, direction, self._block_half, RAY_RADIUS)
        nothing = np.full_like(boxes, np.inf)
        return np.stack(
            [
                ray_frame(np.stack([nothing, nothing, np.minimum(*upper)]), RAY_LENGTH),
                ray_frame(np.stack([boxes, goal, wall]), RAY_LENGTH),
            ]
        )

    def _observe(self) -> Observations:
        return self.frames[0], self.frames[1]

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: goal green, block orange, agent blue."""
        (x, z), (block_x, block_z) = self.place[:, :, 0]
        angle = float(self.angle[0])
        canvas = Canvas(240, 240, (-13.0, 13.0), (-13.0, 13.0), background=(120, 126, 136))
        canvas.box((0.0, 0.0), (ROOM, ROOM), (226, 228, 232))
        depth = (GOAL_FACE + ROOM) / 2
        canvas.box((0.0, GOAL_FACE - depth), (ROOM, depth), (138, 202, 142))
        canvas.box((block_x, block_z), (self._block_half, self._block_half), (232, 150, 70))
        canvas.box((x, z), (AGENT_HALF, AGENT_HALF), (52, 104, 214), angle=-angle)
        nose = (x + 0.9 * np.sin(angle), z + 0.9 * np.cos(angle))
        canvas.line([(x, z), nose], 0.25, (24, 40, 90))
        return canvas.pixels
