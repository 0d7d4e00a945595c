"""SoccerTwos and StrikersVsGoalie: two teams and a ball, each team a group with one reward."""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded import pitch
from mlagents_tf.envs.embedded.areas import Observations
from mlagents_tf.envs.embedded.arena import Arena, Outcome
from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.rays import ray_angles, ray_frame
from mlagents_tf.envs.embedded.walking import DT, thrust
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, FloatArray

SUBSTEPS = 5  # physics steps between decisions
STEPS = 5000  # physics steps after which an episode is interrupted
RUN = 2.0  # [m/s] added in a physics step
# by option of each branch: stay, forward, back; stay, right, left; stay, turn left, turn right
FORWARD = np.array([0.0, 1.0, -1.0])
SIDEWARD = np.array([0.0, 1.0, -1.0])
TURN = np.radians([0.0, -2.0, 2.0])  # a physics step
TOUCH_REWARD = 0.2  # times the parameter ball_touch
BALL_SPREAD, START_X, START_SPREAD, START_Z, START_TURN = 2.5, 8.19, 5.0, 1.2, np.radians(10.0)

AHEAD = ray_angles(5, 60.0)
BEHIND = ray_angles(1, 45.0) + np.pi
AROUND = ray_angles(20, 180.0)
STACKS = 3


def rays_spec(name: str, rays: int, tags: int) -> ObservationSpec:
    """Three frames of a sensor."""
    return ObservationSpec((STACKS * rays * (tags + 2),), f"StackingSensor_size3_{name}")


class SoccerTwos(Arena):
    """Two against two; the first team begins on the left and attacks to the right.

    Players and ball are discs in the plane.

    Class attributes:
        team_of: for each player of an area its team, 0 or 1.
        paces: [2, P] thrust forward and sideward.
        always_kicks: [P] 1 for who kicks whatever it does.
        wages: [P] reward in a physics step.

    Attributes:
        angle: [P, A] headings, radians from +z, clockwise seen from above.
        place, speed: [2, P, A] players [m], [m/s].
        ball, ball_speed: [2, A].
        touching: [P, A] bool, who is at the ball.
        frames: one array [N, numbers] for each sensor of each behavior, the oldest frame first.
    """

    behavior = "SoccerTwos"
    summary = "two against two and a ball; 1 less the time for a goal, -1 against, to the group"
    SPEC: ClassVar[Spec] = Spec(
        (
            rays_spec("RayPerceptionSensor", 11, 6),
            rays_spec("RayPerceptionSensorReverse", 3, 6),
        ),
        ActionSpec(0, (3, 3, 3)),
    )
    behaviors: ClassVar[dict[str, Spec]] = {"SoccerTwos?team=0": SPEC, "SoccerTwos?team=1": SPEC}
    members: ClassVar[tuple[int, ...]] = (0, 0, 1, 1)
    groups: ClassVar[tuple[int, ...]] = (1, 1, 2, 2)
    sensors: ClassVar[tuple[tuple[NDArray[np.float64], ...], ...]] = ((AHEAD, BEHIND),) * 2
    agents_per_area = 4
    default_areas = 8
    max_decisions = STEPS // SUBSTEPS
    default_parameters: ClassVar[dict[str, float]] = {"ball_touch": 0.0, "ball_scale": 7.5}
    paces: ClassVar[NDArray[np.float64]] = np.array([[1.0] * 4, [0.3] * 4])[..., None]
    always_kicks: ClassVar[NDArray[np.bool_]] = np.zeros((4, 1), np.bool_)
    wages: ClassVar[NDArray[np.float64]] = np.zeros((4, 1))
    stored: ClassVar[tuple[str, ...]] = (
        *("angle", "place", "speed", "ball", "ball_speed", "touching"),
        *("seen_0_0", "seen_0_1", "seen_1_0", "seen_1_1"),
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n, players = self.num_areas, self.agents_per_area
        self.angle = np.zeros((players, n))
        self.place, self.speed = np.zeros((2, players, n)), np.zeros((2, players, n))
        self.ball, self.ball_speed = np.zeros((2, n)), np.zeros((2, n))
        self.touching = np.zeros((players, n), np.bool_)
        self.team = np.array(self.groups) - 1
        pairs = list(combinations(range(players), 2))
        self._pairs = [list(side) for side in zip(*pairs, strict=True)]
        for number, spec in enumerate(self.behaviors.values()):
            for index, obs in enumerate(spec.observations):
                rows = len(self._seats[number])
                setattr(self, f"seen_{number}_{index}", np.zeros((rows, *obs.shape), np.float32))
        self._parameters_changed()

    def _parameters_changed(self) -> None:
        scale = self.parameters["ball_scale"]
        if not 4.0 <= scale <= 10.0:
            raise EnvError(f"{self.behavior}: parameter ball_scale is {scale}; give 4 to 10.")
        self._radius = pitch.BALL_RADIUS * scale / 7.5

    def _begin_areas(self, areas: NDArray[np.int64]) -> None:
        n, players = len(areas), self.agents_per_area
        side = np.where(self.team == 0, -1.0, 1.0)[:, None]
        lane = np.where(np.arange(players) % 2 == 0, -START_Z, START_Z)[:, None]
        spread = self.generator.uniform(-START_SPREAD, START_SPREAD, (players, n))
        self.place[0][:, areas] = side * START_X + spread
        self.place[1][:, areas] = lane
        turned = self.generator.uniform(-START_TURN, START_TURN, (players, n))
        self.angle[:, areas] = -side * np.pi / 2 + turned
        self.ball[:, areas] = self.generator.uniform(-BALL_SPREAD, BALL_SPREAD, (2, n))
        self.speed[:, :, areas] = 0.0
        self.ball_speed[:, areas] = 0.0
        self.touching[:, areas] = False
        self._look(areas)

    def _play(self, actions: Actions) -> Outcome:
        ahead, aside, turn = actions.discrete.reshape(self.num_areas, -1, 3).T  # [P, A] each
        sideward = SIDEWARD[aside] * self.paces[1] * RUN
        # moving aside comes first
        forward = np.where(aside > 0, 0.0, FORWARD[ahead] * self.paces[0] * RUN)
        kicks = (ahead == 1) | self.always_kicks
        rewards = np.zeros((self.agents_per_area, self.num_areas))
        scorer = np.full(self.num_areas, -1)
        for _ in range(SUBSTEPS):
            self.angle += TURN[turn]
            self.speed += thrust(self.angle, forward, sideward)
            touched = self._move(kicks)
            rewards += self.wages + touched * (TOUCH_REWARD * self.parameters["ball_touch"])
            scorer = np.where(scorer < 0, pitch.goal_of(self.ball), scorer)
        self._look()
        over = scorer >= 0
        lived = (self._clock + 1 - self._began[:: self.agents_per_area]) * SUBSTEPS / STEPS
        group = np.where(scorer == self.team[:, None], 1.0 - lived, -1.0) * over
        nobody = np.zeros(self.num_agents, np.bool_)
        return Outcome(
            rewards.T.astype(np.float32).ravel(), group.T.astype(np.float32).ravel(), nobody, over
        )

    def _move(self, kicks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """One physics step; [P, A] who has come to the ball, and kicks it where `kicks`."""
        self.speed *= pitch.PLAYER_KEPT
        self.ball_speed *= pitch.BALL_KEPT
        self.place += self.speed * DT
        self.ball += self.ball_speed * DT
        pitch.part_players(self.place, self.speed, *self._pairs)
        reach = np.array([pitch.LENGTH, pitch.WIDTH])[:, None, None] - pitch.PLAYER_RADIUS
        inside = np.clip(self.place, -reach, reach)
        self.speed *= inside == self.place
        self.place = inside
        meets, normal = pitch.meet_ball(
            self.place, self.speed, self.ball, self.ball_speed, self._radius
        )
        touched = meets & ~self.touching
        self.touching = meets
        self.ball_speed += (pitch.KICK * (touched & kicks) * normal).sum(axis=1)
        pitch.bounce(self.ball, self.ball_speed, self._radius)
        return touched

    def _look(self, areas: NDArray[np.int64] | None = None) -> None:
        """Add a frame for everybody, or begin anew with it for the players of `areas`."""
        for number, sensors in enumerate(self.sensors):
            seats = np.flatnonzero(np.array(self.members) == number)
            for index, angles in enumerate(sensors):
                name = f"seen_{number}_{index}"
                frame, old = self._frame(seats, angles), getattr(self, name)
                width = frame.shape[1]
                if areas is None:
                    setattr(self, name, np.concatenate([old[:, width:], frame], axis=1))
                    continue
                rows = (areas[:, None] * len(seats) + np.arange(len(seats))).ravel()
                new = old.copy()
                new[rows] = 0.0
                new[rows, -width:] = frame[rows]
                setattr(self, name, new)

    def _frame(self, seats: NDArray[np.int64], angles: NDArray[np.float64]) -> FloatArray:
        """[n, rays * (tags + 2)] what the players at `seats` of each area see along rays."""
        frames = []
        for seat in seats:
            here, heading = self.place[:, seat], self.angle[seat]
            lines = pitch.lines_ahead(here, heading, angles)
            ball = pitch.discs_ahead((self.ball - here)[:, None], heading, angles, self._radius)[0]
            others = pitch.discs_ahead(
                self.place - here[:, None], heading, angles, pitch.PLAYER_RADIUS
            )
            others[seat] = np.inf
            frames.append(ray_frame(self._tagged(seat, ball, lines, others), pitch.RAY_LENGTH))
        return np.stack(frames, axis=1).reshape(-1, frames[0].shape[1])

    def _tagged(
        self,
        seat: int,
        ball: NDArray[np.float64],
        lines: NDArray[np.float64],
        others: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """[6, rays, A]: ball, own goal, the other goal, wall, mates, opponents."""
        own = self.team == self.team[seat]
        goals = lines[:2] if self.team[seat] == 0 else lines[1::-1]
        return np.stack(
            [ball, goals[0], goals[1], lines[2], others[own].min(0), others[~own].min(0)]
        )

    def _see(self, number: int) -> Observations:
        return tuple(
            getattr(self, f"seen_{number}_{index}") for index in range(len(self.sensors[number]))
        )

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from above: the teams blue and purple, x to the right."""
        canvas = Canvas(360, 190, (-18.0, 18.0), (-9.5, 9.5), background=(90, 96, 106))
        canvas.box((0.0, 0.0), (pitch.LENGTH, pitch.WIDTH), (138, 202, 142))
        for x, colour in ((-16.5, (160, 186, 240)), (16.5, (214, 170, 226))):
            canvas.box((x, 0.0), (1.0, pitch.MOUTH), colour)
        for player in range(self.agents_per_area):
            x, z = self.place[:, player, 0].tolist()
            angle = float(self.angle[player, 0])
            colour = (52, 104, 214) if self.team[player] == 0 else (150, 60, 190)
            canvas.disc((x, z), 0.6, colour)
            canvas.line([(x, z), (x + np.sin(angle), z + np.cos(angle))], 0.3, colour)
        x, z = self.ball[:, 0].tolist()
        canvas.disc((x, z), self._radius, (250, 250, 250))
        return canvas.pixels


class StrikersVsGoalie(SoccerTwos):
    """Two fast strikers against one goalie that stands before its goal and always kicks.

    Time costs the strikers what it brings the goalie.
    """

    behavior = "StrikersVsGoalie"
    summary = "two strikers against a goalie, who is paid for the time it holds out"
    behaviors: ClassVar[dict[str, Spec]] = {
        "Striker?team=0": Spec(
            (
                rays_spec("RayPerceptionSensor", 11, 5),
                rays_spec("RayPerceptionSensorReverse", 3, 5),
            ),
            ActionSpec(0, (3, 3, 3)),
        ),
        "Goalie?team=1": Spec((rays_spec("RayPerceptionSensor", 41, 4),), ActionSpec(0, (3, 3, 3))),
    }
    members = (0, 0, 1)
    groups = (1, 1, 2)
    sensors = ((AHEAD, BEHIND), (AROUND,))
    agents_per_area = 3
    paces = np.array([[1.3, 1.3, 1.0], [0.3, 0.3, 1.0]])[..., None]
    always_kicks = np.array([False, False, True])[:, None]
    wages = np.array([-1.0, -1.0, 1.0])[:, None] / STEPS
    stored = (
        *("angle", "place", "speed", "ball", "ball_speed", "touching"),
        *("seen_0_0", "seen_0_1", "seen_1_0"),
    )

    def _tagged(
        self,
        seat: int,
        ball: NDArray[np.float64],
        lines: NDArray[np.float64],
        others: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Strikers: ball, goal, wall, striker, goalie; the goalie: ball, striker, goal, wall."""
        goal, striker = lines[:2].min(axis=0), others[:2].min(axis=0)
        if self.team[seat] == 0:
            return np.stack([ball, goal, lines[2], striker, others[2]])
        return np.stack([ball, striker, goal, lines[2]])
