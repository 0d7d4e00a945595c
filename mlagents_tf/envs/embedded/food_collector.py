"""FoodCollector: agents that share a room collect green food, avoid red, and may freeze others."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded import grid_sensor
from mlagents_tf.envs.embedded.drawing import Canvas, Colour
from mlagents_tf.envs.embedded.walking import DT, slowed, stopped, thrust
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.envs.env import Parameters
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray, Step

SIDE = grid_sensor.SIDE
SUBSTEPS = 5  # physics steps between decisions
THRUST = 2.0  # [m/s] added in a physics step by a full action
GRIP = 0.6 * 9.81 * DT  # [m/s] that friction takes in a physics step
KEPT = 1.0 - 0.5 * DT  # of the speed, by a drag of 0.5 /s
TURN = np.radians(300.0) * DT  # a physics step
FAST, KEPT_WHEN_FAST = 5.0, 0.95  # [m/s]; of the speed, in a physics step, above it
SHOOTING_THRUST, KEPT_WHEN_SHOOTING = 0.5, 0.75
FROZEN_FOR = 40  # decisions, 4 s

AGENTS, FOODS = 5, 50  # in an area; the first half of the food is good
GOOD = np.where(np.arange(FOODS) < FOODS // 2, 1.0, -1.0)  # reward by food
WALL, RANGE = 50.0, 45.0  # [m] from the centre to the walls; places are drawn in +-RANGE
AGENT_RADIUS = 1.0 / np.sqrt(np.pi)  # [m] of the disc as large as the agent's square
FOOD_RADIUS = 0.75  # [m]
SEEN_FOOD_RADIUS = np.sqrt(0.75**2 - 0.25**2)  # [m] at the height of the agent's middle
LASER_LENGTH, LASER_RADIUS = 25.0, 2.0  # [m]
# around an agent: the agents of its area, then the food
LASER_REACH = LASER_RADIUS + np.repeat([AGENT_RADIUS, FOOD_RADIUS], [AGENTS, FOODS])
SEEN_RADIUS = np.repeat([AGENT_RADIUS, SEEN_FOOD_RADIUS], [AGENTS, FOODS])

FOOD_TAG, AGENT_TAG, WALL_TAG, BAD_TAG, FROZEN_TAG = range(1, 6)
FOOD_TAGS = np.where(GOOD > 0, FOOD_TAG, BAD_TAG).astype(np.int8)
IMAGE = (
    DimensionProperty.NONE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
)


class FoodCollector(World):
    """Five agents in each area; whoever touches food has eaten it, and it appears elsewhere.

    A laser freezes the first agent that it meets, for four seconds. Bodies are discs in the plane;
    agents pass through each other, and the laser is cast once a decision, after moving. Agents
    stand area by area.

    Attributes:
        angle: [N] headings of the agents, radians from +z, clockwise seen from above.
        place, speed: [2, N] x and z [m], [m/s].
        thaw: [N] on the clock, when an agent moves again.
        foods: [2, A, 50] where food lies [m], the good one first.
    """

    behavior = "FoodCollector"
    summary = "collect green food, leave red, freeze others with a laser; 1 and -1"
    spec = Spec(
        (ObservationSpec((5, SIDE, SIDE), "GridSensor-OneHot", IMAGE, dtype="uint8"),),
        ActionSpec(3, (2,)),
    )
    default_areas = 4
    agents_per_area = AGENTS
    max_decisions = 1000
    stored: ClassVar[tuple[str, ...]] = ("angle", "place", "speed", "thaw", "foods")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_agents
        self.angle = np.zeros(n)
        self.place, self.speed = np.zeros((2, n)), np.zeros((2, n))
        self.thaw = np.zeros(n, np.int64)
        self.foods = np.zeros((2, self.num_areas, FOODS))
        self._areas = np.repeat(np.arange(self.num_areas), AGENTS)

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begin an episode for every agent, and lay out the food, which outlasts episodes."""
        self.foods = self.generator.uniform(-RANGE, RANGE, self.foods.shape)
        return super().reset(parameters)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        self.place[:, areas] = self.generator.uniform(-RANGE, RANGE, (2, n))
        self.angle[areas] = np.radians(self.generator.integers(0, 360, n))
        self.speed[:, areas] = 0.0
        self.thaw[areas] = self._clock

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        free = ~self._frozen()
        moves = np.clip(actions.continuous.T.astype(np.float64), -1.0, 1.0) * free
        shoots = (actions.discrete[:, 0] > 0) & free
        push = THRUST * np.where(shoots, SHOOTING_THRUST, 1.0)
        rewards = np.zeros(self.num_agents)
        for _ in range(SUBSTEPS):
            self.speed *= np.where(shoots, KEPT_WHEN_SHOOTING, 1.0)
            forces = thrust(self.angle, push * moves[0], push * moves[1])
            self.angle -= TURN * moves[2]  # positive is counter-clockwise
            pace = np.add.reduce(self.speed**2, axis=0)
            self.speed *= np.where(pace > FAST * FAST, KEPT_WHEN_FAST, 1.0)
            self._move(forces)
            rewards += self._eat()
        self._shoot(shoots)
        return rewards.astype(np.float32), np.zeros(self.num_agents, np.bool_)

    def _frozen(self) -> BoolArray:
        """[N] who cannot act now."""
        frozen: BoolArray = self.thaw > self._clock
        return frozen

    def _move(self, forces: NDArray[np.float64]) -> None:
        """One physics step under forces [2, N], in m/s that they add."""
        self.speed = slowed(self.speed + forces, GRIP, KEPT)
        place = self.place + self.speed * DT
        reach = WALL - AGENT_RADIUS
        inside = np.minimum(np.maximum(place, -reach), reach)
        self.speed = stopped(place, self.speed, inside)
        self.place = inside

    def _eat(self) -> NDArray[np.float64]:
        """[N] what the food that agents touch brings; it appears elsewhere."""
        gap = self.foods[:, :, None] - self.place.reshape(2, self.num_areas, AGENTS, 1)
        near = np.add.reduce(gap * gap, axis=0) < (AGENT_RADIUS + FOOD_RADIUS) ** 2  # [A, 5, 50]
        rewards = np.zeros(self.num_agents)
        if not near.any():
            return rewards
        area, food = np.nonzero(near.any(axis=1))
        eater = near[area, :, food].argmax(axis=1)
        self.foods[:, area, food] = self.generator.uniform(-RANGE, RANGE, (2, len(area)))
        np.add.at(rewards, area * AGENTS + eater, GOOD[food])
        return rewards

    def _around(self, agents: NDArray[np.int64]) -> NDArray[np.float64]:
        """[2, n, 55] agents and food of the same area, m to the right of `agents` [n] and ahead."""
        areas = self._areas[agents]
        fellows = self.place.reshape(2, self.num_areas, AGENTS)[:, areas]
        things = np.concatenate([fellows, self.foods[:, areas]], axis=2)
        return grid_sensor.turned(things - self.place[:, agents, None], self.angle[agents, None])

    def _shoot(self, shoots: BoolArray) -> None:
        """Freeze whoever is the first thing in an agent's laser."""
        agents = np.flatnonzero(shoots)
        right, ahead = self._around(agents)
        # a sphere that is swept meets a disc where it first touches it; what it touches at the
        # start, the agent itself for one, is not reported
        met_at = ahead - np.sqrt(np.maximum(LASER_REACH**2 - right**2, 0.0))
        met = (np.abs(right) < LASER_REACH) & (met_at > 0.0) & (met_at < LASER_LENGTH)
        first = np.where(met, met_at, np.inf).argmin(axis=1)
        hit = met.any(axis=1) & (first < AGENTS)
        targets = self._areas[agents[hit]] * AGENTS + first[hit]
        targets = targets[~self._frozen()[targets]]
        self.thaw[targets] = self._clock + 1 + FROZEN_FOR

    def _observe(self) -> Observations:
        cells = grid_sensor.outside(self.place, self.angle, WALL) * np.int8(WALL_TAG)
        around = self._around(self._all_areas)
        near = np.abs(around).max(axis=0) < grid_sensor.REACH + 1.0
        near[self._all_areas, self._all_areas % AGENTS] = False  # nobody sees itself
        agents, things = np.nonzero(near)
        tags = np.empty(near.shape, np.int8)
        looks = np.where(self._frozen(), FROZEN_TAG, AGENT_TAG)
        tags[:, :AGENTS] = looks.reshape(-1, AGENTS)[self._areas]
        tags[:, AGENTS:] = FOOD_TAGS
        grid_sensor.put_discs(
            cells, agents, around[:, agents, things], SEEN_RADIUS[things], tags[agents, things]
        )
        return (grid_sensor.planes(cells, FROZEN_TAG),)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: food green and red, agents blue or, frozen, grey."""
        green, red, blue, grey = (96, 190, 110), (206, 66, 60), (52, 104, 214), (120, 126, 136)
        canvas = Canvas(300, 300, (-51.5, 51.5), (-51.5, 51.5), background=(120, 126, 136))
        canvas.box((0.0, 0.0), (WALL, WALL), (226, 228, 232))
        for (x, z), reward in zip(self.foods[:, 0].T.tolist(), GOOD, strict=True):
            canvas.disc((x, z), 1.0, green if reward > 0 else red)
        frozen = self._frozen()
        for index, (x, z) in enumerate(self.place[:, :AGENTS].T.tolist()):
            angle = float(self.angle[index])
            colour: Colour = grey if frozen[index] else blue
            canvas.box((x, z), (1.0, 1.0), colour, angle=-angle)
            canvas.line([(x, z), (x + 2.5 * np.sin(angle), z + 2.5 * np.cos(angle))], 0.6, colour)
        return canvas.pixels
