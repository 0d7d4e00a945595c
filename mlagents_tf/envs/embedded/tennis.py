"""Tennis: two rackets and a ball in a vertical plane, each of a team of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.areas import Observations
from mlagents_tf.envs.embedded.arena import Arena, Outcome
from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.walking import DT
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

PHYSICS_STEPS = 5  # between decisions
HALVES = 2  # a physics step is done in two, so that nothing fast passes through a racket
PACE, JUMP, JUMPS_BELOW = 30.0, 7.0, -1.5  # [m/s], [m/s], [m]
TILT = np.radians(55.0)  # of a racket, from upright
RACKET_HALF = np.array([0.495, 0.065])[:, None, None]  # [m] along and across
FLOOR, WALL, NET_TOP, NET_HALF = -7.0, 12.13, -6.4, 0.1  # [m]
BALL_LIMIT = 9.0  # [m/s] along each axis
LEAVES = 0.1  # [m]; a ball that comes back from nearer has not been hit twice
BOUNCE = 0.8  # part of the speed that a bounce leaves
LOWEST, NEAREST, FARTHEST = FLOOR + 0.5, 1.0, WALL - 0.5  # [m] where rackets may be
START, START_Y, BALL_Y = (6.0, 8.0), -1.5, 6.0  # [m] x of rackets and ball, and their heights
SIGNS = np.array([[1.0], [-1.0]])  # the first plays left of the net, the second sees it mirrored

NOBODY = -1
SERVICE, UNSET = -2, -1  # what the ball's last bounce was, besides the side of a floor
FRAME, STACKS = 9, 3
SPEC = Spec(
    (ObservationSpec((STACKS * FRAME,), "StackingSensor_size3_VectorSensor_size9"),), ActionSpec(3)
)


class Tennis(Arena):
    """Two rackets that move, jump and turn, and a ball that one of them must serve.

    A point is lost by who lets the ball bounce twice or hits it twice, into the own floor, into the
    net, or into a wall before it has bounced; the episode ends with it. All numbers of the second
    team are mirrored, so that both see the net to the right.

    Attributes:
        racket, racket_speed: [2 of x and y, 2 players, A], mirrored [m], [m/s].
        tilt: [2, A] of the rackets, radians from upright, away from the net.
        ball, ball_speed: [2, A] not mirrored [m], [m/s].
        hitter: [A] who hit it last, or NOBODY.
        bounce: [A] the side of the last bounce since then, or SERVICE or UNSET.
        crossed: [A] bool, the net may be touched.
        touching: [2, A] bool, the ball is at a racket.
        frames: [2, A, 27] three frames of both players, the oldest first.
    """

    behavior = "Tennis"
    summary = "two rackets, one ball, two teams; 1 for a point won, -1 for one lost"
    behaviors: ClassVar[dict[str, Spec]] = {"Tennis?team=0": SPEC, "Tennis?team=1": SPEC}
    members = (0, 1)
    groups = (0, 0)
    agents_per_area = 2
    default_areas = 18
    default_parameters: ClassVar[dict[str, float]] = {"gravity": 9.81, "scale": 0.5}
    stored: ClassVar[tuple[str, ...]] = (
        *("racket", "racket_speed", "tilt", "ball", "ball_speed", "hitter", "bounce"),
        *("crossed", "touching", "frames"),
    )

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        n = self.num_areas
        self.racket, self.racket_speed = np.zeros((2, 2, n)), np.zeros((2, 2, n))
        self.tilt = np.zeros((2, n))
        self.ball, self.ball_speed = np.zeros((2, n)), np.zeros((2, n))
        self.hitter, self.bounce = np.full(n, NOBODY), np.full(n, SERVICE)
        self.crossed = np.zeros(n, np.bool_)
        self.touching = np.zeros((2, n), np.bool_)
        self.frames = np.zeros((2, n, STACKS * FRAME), np.float32)
        self._parameters_changed()

    def _parameters_changed(self) -> None:
        gravity, scale = self.parameters["gravity"], self.parameters["scale"]
        if not (gravity > 0.0 and 0.1 <= scale <= 5.0):
            raise EnvError(
                f"{self.behavior}: parameters gravity and scale are {gravity} and {scale}; give "
                "gravity more than 0 and scale 0.1 to 5."
            )
        self._gravity, self._radius = gravity, scale / 2

    def _begin_areas(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        self.racket[0][:, areas] = -self.generator.uniform(*START, (2, n))
        self.racket[1][:, areas] = START_Y
        self.racket_speed[:, :, areas] = self.tilt[:, areas] = 0.0
        self.ball[0, areas] = self.generator.uniform(*START, n) * self.generator.choice(
            [-1.0, 1.0], n
        )
        self.ball[1, areas] = BALL_Y
        self.ball_speed[:, areas] = 0.0
        self.hitter[areas], self.bounce[areas] = NOBODY, SERVICE
        self.crossed[areas] = self.touching[:, areas] = False
        self.frames = self.frames.copy()
        self.frames[:, areas] = 0.0
        self.frames[:, areas, -FRAME:] = self._frame()[:, areas]

    def _play(self, actions: Actions) -> Outcome:
        move, jump, turn = np.clip(actions.continuous.reshape(-1, 2, 3).T, -1.0, 1.0)
        self.tilt = TILT * turn.astype(np.float64)
        winner = np.full(self.num_areas, NOBODY)
        for _ in range(PHYSICS_STEPS):
            self.racket_speed[0] = PACE * move
            jumps = (jump > 0.5) & (self.racket[1] < JUMPS_BELOW)
            self.racket_speed[1] = np.where(jumps, JUMP, self.racket_speed[1] - self._gravity * DT)
            self.ball_speed[1] -= self._gravity * DT
            self.ball_speed = np.clip(self.ball_speed, -BALL_LIMIT, BALL_LIMIT)
            for _ in range(HALVES):
                self._move(DT / HALVES)
                for loser in (self._hits(), self._falls()):
                    winner = np.where((winner == NOBODY) & (loser != NOBODY), 1 - loser, winner)
        self.frames = np.concatenate([self.frames[:, :, FRAME:], self._frame()], axis=2)
        over = winner != NOBODY
        rewards = np.where(winner[:, None] == np.arange(2), 1.0, -1.0) * over[:, None]
        nothing = np.zeros(self.num_agents, np.float32)
        nobody = np.zeros(self.num_agents, np.bool_)
        return Outcome(rewards.ravel().astype(np.float32), nothing, nobody, over)

    def _move(self, time: float) -> None:
        """Rackets and ball go on for `time` s; rackets stay in their half."""
        place = self.racket + self.racket_speed * time
        place[0] = np.clip(place[0], -FARTHEST, -NEAREST)
        landed = place[1] < LOWEST
        place[1] = np.maximum(place[1], LOWEST)
        self.racket_speed[1] = np.where(landed, 0.0, self.racket_speed[1])
        self.racket = place
        self.ball = self.ball + self.ball_speed * time

    def _hits(self) -> NDArray[np.int64]:
        """[A] who loses by a hit, or NOBODY; the ball leaves the rackets it has met."""
        seen = self.ball[:, None] * np.stack([SIGNS, np.ones_like(SIGNS)])  # [2, players, A]
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        along = np.stack([-sin, cos])  # the racket's long axis, which leans away from the net
        across = np.stack([cos, sin])
        offset = seen - self.racket
        local = np.stack([(offset * along).sum(axis=0), (offset * across).sum(axis=0)])
        nearest = np.clip(local, -RACKET_HALF, RACKET_HALF)
        gap = local - nearest
        distance = np.sqrt((gap * gap).sum(axis=0))
        inside = distance < 1e-9  # the middle of the ball is in the racket: out by the face
        gap = np.where(inside, np.stack([0 * distance, np.copysign(1.0, local[1])]), gap)
        normal = gap / np.where(inside, 1.0, np.maximum(distance, 1e-9))
        normal = normal[0] * along + normal[1] * across
        depth = self._radius - np.where(inside, -RACKET_HALF[1], distance)
        meets = depth > 0.0
        velocity = self.ball_speed[:, None] * np.stack([SIGNS, np.ones_like(SIGNS)])
        closing = -((velocity - self.racket_speed) * normal).sum(axis=0)
        push = np.where(meets, (1.0 + BOUNCE) * np.maximum(closing, 0.0), 0.0) * normal
        shift = np.where(meets, depth, 0.0) * normal
        back = np.stack([SIGNS, np.ones_like(SIGNS)])
        self.ball_speed = self.ball_speed + (push * back).sum(axis=1)
        self.ball = self.ball + (shift * back).sum(axis=1)
        began = meets & ~self.touching
        self.touching = meets | (self.touching & (depth > -LEAVES))
        return self._count_hits(began)

    def _count_hits(self, began: BoolArray) -> NDArray[np.int64]:
        """[A] who has hit twice, or NOBODY; `began` [2, A] says who hits now."""
        loser = np.full(self.num_areas, NOBODY)
        for player in (0, 1):
            hits = began[player]
            loser = np.where(hits & (self.hitter == player), player, loser)
            returned = hits & (self.bounce != SERVICE)
            self.crossed = self.crossed | (returned & (self.hitter != player))
            self.hitter = np.where(hits, player, self.hitter)
            self.bounce = np.where(hits, UNSET, self.bounce)
        return loser

    def _falls(self) -> NDArray[np.int64]:
        """[A] who loses by what the ball meets besides rackets, or NOBODY."""
        side = (self.ball[0] > 0.0).astype(np.int64)
        at_wall = np.abs(self.ball[0]) > WALL - self._radius
        # behind a player the ball counts against who hit it, unless it has bounced there
        wall_loser = np.where((self.hitter == side) | (self.bounce == side), side, 1 - side)
        at_floor = (self.ball[1] < FLOOR + self._radius) & (self.ball_speed[1] < 0.0)
        faulty = (self.hitter == side) | (self.bounce == side) | (self.bounce == SERVICE)
        low = self.ball[1] < NET_TOP + self._radius
        at_net = low & (np.abs(self.ball[0]) < NET_HALF + self._radius)
        towards = self.ball_speed[0] * self.ball[0] < 0.0
        in_net = at_net & ~self.crossed
        self.ball_speed[0] *= np.where(at_net & towards, -BOUNCE, 1.0)
        self.ball_speed[1] *= np.where(at_floor, -BOUNCE, 1.0)
        self.bounce = np.where(at_floor, side, self.bounce)
        self.crossed = self.crossed | (at_floor & ~faulty)
        return np.select(
            [at_wall, at_floor & faulty, in_net], [wall_loser, side, self.hitter], NOBODY
        )

    def _frame(self) -> FloatArray:
        """[2, A, 9] what both players see now: racket, its speed, ball, its speed, tilt."""
        mirror = np.stack([SIGNS, np.ones_like(SIGNS)])
        ball, speed = self.ball[:, None] * mirror, self.ball_speed[:, None] * mirror
        turned = np.sin((self.tilt + np.pi / 2) / 2)
        rows = [*self.racket, *self.racket_speed, *ball, *speed, turned]
        frame: FloatArray = np.stack(rows, axis=-1).astype(np.float32)
        return frame

    def _see(self, number: int) -> Observations:
        return (self.frames[number],)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from the side: the teams blue and red."""
        canvas = Canvas(360, 220, (-13.0, 13.0), (-7.9, 8.0))
        canvas.box((0.0, FLOOR - 0.5), (WALL, 0.5), (138, 202, 142))
        canvas.box((0.0, (FLOOR + NET_TOP) / 2), (NET_HALF, (NET_TOP - FLOOR) / 2), (90, 96, 106))
        for player, colour in enumerate(((52, 104, 214), (206, 66, 60))):
            sign = float(SIGNS[player, 0])
            x, y = self.racket[:, player, 0].tolist()
            lean = np.pi / 2 + sign * float(self.tilt[player, 0])
            canvas.box((sign * x, y), (0.5, 0.1), colour, angle=lean)
        x, y = self.ball[:, 0].tolist()
        canvas.disc((x, y), self._radius, (232, 170, 40))
        return canvas.pixels
