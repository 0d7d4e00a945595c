"""CooperativePushBlock: three agents push blocks of three sizes onto the goal, for one reward."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded import grid_ahead
from mlagents_tf.envs.embedded.areas import Observations
from mlagents_tf.envs.embedded.arena import Arena, Outcome
from mlagents_tf.envs.embedded.bodies import Crowd
from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.push_block import FORWARD, GOAL_FACE, ROOM, SIDEWARD, SUBSTEPS, TURN
from mlagents_tf.envs.embedded.walking import DT
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, Spec
from mlagents_tf.steps import Actions

AGENTS = 3
HALF = np.array([0.5] * AGENTS + [0.5, 0.5, 1.0, 1.0, 1.5, 1.5])  # [m] agents, then blocks
MASS = np.array([10.0] * AGENTS + [10.0, 10.0, 100.0, 100.0, 150.0, 150.0])  # [kg]
VALUE = np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])  # of blocks, to the group
BODIES, BLOCKS = len(HALF), len(VALUE)
AGENT_GRIP = 0.6 * 1.5 * 9.81 * DT  # [m/s] that friction takes in a physics step
# chosen so that a large block moves for two pushers and a very large one for three
BLOCK_GRIP = 0.45
GRIP = np.where(np.arange(BODIES) < AGENTS, AGENT_GRIP, BLOCK_GRIP)[:, None, None]
KEPT = np.where(np.arange(BODIES) < AGENTS, 1.0 - 4.0 * DT, 1.0 - 0.5 * DT)[:, None, None]
FACE_GRIP = 0.6
PENALTY = 0.5 / 5000  # to the group, a physics step
SPAWN = np.array([[-9.0, 9.0], [-6.0, 10.0]])  # [m] lowest and highest x, then z
CLEAR = 1.5  # [m] half of the square that must be free where something is put
AWAY = 1000.0  # [m] where blocks are that have been pushed in, 100 m apart

TAGS = np.array([2, 2, 2, 4, 4, 5, 5, 6, 6], np.int8)  # by body, counted from 1
WALL_TAG, GOAL_TAG = 1, 3
IMAGE = (
    DimensionProperty.NONE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
)


class CooperativePushBlock(Arena):
    """Three agents of one group and six blocks in each area: two for one pusher, two, or three.

    A block that touches the goal is gone. Bodies are squares in the plane that do not turn; an
    agent's heading is where it walks and looks.

    Attributes:
        angle: [N] headings, radians from +z, clockwise seen from above.
        place, speed: [9, 2, A] agents, then blocks, x and z [m], [m/s].
        scored: [6, A] bool, blocks that have been pushed in.
    """

    behavior = "CooperativePushBlock"
    summary = "three agents push blocks onto the goal; 1, 2 and 3 to the group, and time costs"
    behaviors: ClassVar[dict[str, Spec]] = {
        "PushBlockCollab": Spec(
            (ObservationSpec((6, 20, 20), "GridSensor-OneHot", IMAGE, dtype="uint8"),),
            ActionSpec(0, (7,)),
        )
    }
    agents_per_area = AGENTS
    members = (0,) * AGENTS
    groups = (1,) * AGENTS
    default_areas = 9
    max_decisions = 1000
    stored: ClassVar[tuple[str, ...]] = ("angle", "place", "speed", "scored")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.angle = np.zeros(self.num_agents)
        self.place = np.zeros((BODIES, 2, self.num_areas))
        self.speed = np.zeros((BODIES, 2, self.num_areas))
        self.scored = np.zeros((BLOCKS, self.num_areas), np.bool_)
        self._crowd = Crowd(HALF, MASS, FACE_GRIP)

    def _begin_areas(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        places = np.empty((BODIES, 2, n))
        for body in range(BODIES):
            free = np.zeros(n, np.bool_)
            while not free.all():
                wanted = np.flatnonzero(~free)
                places[body][:, wanted] = self.generator.uniform(
                    SPAWN[:, :1], SPAWN[:, 1:], (2, len(wanted))
                )
                gap = np.abs(places[:body] - places[body]).max(axis=1)  # [bodies before, n]
                free = (gap > CLEAR + HALF[:body, None]).all(axis=0)
        self.place[:, :, areas] = places
        self.speed[:, :, areas] = 0.0
        self.scored[:, areas] = False
        angles = self.generator.uniform(0.0, 2.0 * np.pi, (n, AGENTS))
        self.angle.reshape(-1, AGENTS)[areas] = angles

    def _play(self, actions: Actions) -> Outcome:
        option = actions.discrete[:, 0].reshape(-1, AGENTS).T  # [3, A]
        forward, sideward, turn = FORWARD[option], SIDEWARD[option], TURN[actions.discrete[:, 0]]
        earned = np.full(self.num_areas, -PENALTY * SUBSTEPS)
        for _ in range(SUBSTEPS):
            self.angle += turn
            angle = self.angle.reshape(-1, AGENTS).T
            cos, sin = np.cos(angle), np.sin(angle)
            self.speed[:AGENTS, 0] += forward * sin + sideward * cos
            self.speed[:AGENTS, 1] += forward * cos - sideward * sin
            self._move()
            earned += self._score()
        group_rewards = np.repeat(earned, AGENTS).astype(np.float32)
        nobody = np.zeros(self.num_agents, np.bool_)
        done = np.logical_and.reduce(self.scored, axis=0)
        return Outcome(np.zeros_like(group_rewards), group_rewards, nobody, done)

    def _move(self) -> None:
        """One physics step: who touches shares momentum, then friction and drag take theirs."""
        self._crowd.share(self.speed, self._crowd.contacts(self.place))
        pace = np.sqrt(np.add.reduce(self.speed**2, axis=1, keepdims=True))
        self.speed *= KEPT * np.maximum(1.0 - GRIP / np.maximum(pace, 1e-9), 0.0)
        self.place += self.speed * DT
        self._crowd.part(self.place)
        reach = (ROOM - HALF)[:, None, None]
        inside = np.clip(self.place, -reach, reach)
        inside[AGENTS:] = np.where(self.scored[:, None], self.place[AGENTS:], inside[AGENTS:])
        self.speed *= inside == self.place
        self.place = inside

    def _score(self) -> NDArray[np.float64]:
        """[A] value of the blocks that touch the goal now; they are taken away."""
        edge = self.place[AGENTS:, 1] - HALF[AGENTS:, None]
        scored = (edge <= GOAL_FACE) & ~self.scored
        if not scored.any():
            return np.zeros(self.num_areas)
        block, area = np.nonzero(scored)
        self.scored |= scored
        self.place[AGENTS + block, :, area] = (AWAY + 100.0 * block)[:, None]
        self.speed[AGENTS + block, :, area] = 0.0
        value: NDArray[np.float64] = VALUE @ scored
        return value

    def _see(self, number: int) -> Observations:
        place = self.place[:AGENTS].transpose(1, 2, 0).reshape(2, -1)  # [2, N]
        cells = grid_ahead.surroundings(
            place, self.angle, ROOM, GOAL_FACE, np.array([WALL_TAG, GOAL_TAG], np.int8)
        )
        area = np.repeat(np.arange(self.num_areas), AGENTS)
        own = self._all_areas % AGENTS
        for body in range(BODIES - 1, -1, -1):  # the smaller ones stay where several are
            offset = self.place[body][:, area] - place
            offset[:, own == body] = AWAY  # nobody sees itself
            grid_ahead.put_squares(cells, offset, self.angle, float(HALF[body]), TAGS[body])
        return (grid_ahead.planes(cells, 6),)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: goal green, blocks orange to red, agents blue."""
        canvas = Canvas(240, 240, (-13.0, 13.0), (-13.0, 13.0), background=(120, 126, 136))
        canvas.box((0.0, 0.0), (ROOM, ROOM), (226, 228, 232))
        depth = (GOAL_FACE + ROOM) / 2
        canvas.box((0.0, GOAL_FACE - depth), (ROOM, depth), (138, 202, 142))
        for body, (x, z) in enumerate(self.place[:, :, 0].tolist()):
            half = float(HALF[body])
            red = (232, int(200 - 90 * half), 70)
            canvas.box((x, z), (half, half), red if body >= AGENTS else (52, 104, 214))
            if body < AGENTS:
                angle = float(self.angle[body])
                nose = (x + 0.9 * np.sin(angle), z + 0.9 * np.cos(angle))
                canvas.line([(x, z), nose], 0.25, (24, 40, 90))
        return canvas.pixels
