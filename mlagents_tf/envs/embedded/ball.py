"""3DBall and 3DBallHard: a ball on a platform that tilts, checked against Unity's recording."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.drawing import Canvas
from mlagents_tf.envs.embedded.world import Observations, World
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray

SUBSTEPS = 5  # physics steps between decisions
DT = 0.02  # [s]
HALF_PLATFORM = 2.5  # [m], half the edge of the cube whose top carries the ball
HALF_TURN = np.array(
    np.radians(2.0) / 2
)  # half of the 2 degrees that action 1 turns in a physics step
MOST_TILT = np.array(
    0.25
)  # quaternion part at which the platform stops turning further, 29 degrees
LOWEST_OVER = 2.0  # [m] above the platform's centre; a ball lower than this fell past the edge
ROLLING = 2.0 / 7.0  # share of the slip that goes into a solid sphere's spin

# Quaternions are columns (w, x, z, y). Turning by the small vector (hx, 0, hz) in the platform's
# own axes adds SIGN_X * Q[FROM_X] * hx + SIGN_Z * Q[FROM_Z] * hz.
SOURCES = np.array([[2, 3, 0, 1], [1, 0, 3, 2]])  # [turns about z and x, part]
SIGNS = np.array([[-1.0, 1.0, 1.0, -1.0], [-1.0, 1.0, -1.0, 1.0]])[..., None]
COUNT = np.arange(1.0, SUBSTEPS + 1)[:, None, None]

TINY = np.array(1e-12)

# With few areas a call of NumPy costs more than its arithmetic, and least with arrays without axes.
ZERO, ONE, THIRD, ROOT_2, NEAR, STEP_TIME = map(np.array, (0.0, 1.0, 1 / 3, 2.0**0.5, 0.01, DT))


def normals(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """[S, 3, A] where the platform's top points, from quaternions [S, 4, A]."""
    w, x, z, y = rotations.transpose(1, 0, 2) * ROOT_2
    ups = np.empty((len(rotations), 3, rotations.shape[2]))
    np.subtract(x * y, w * z, out=ups[:, 0])
    np.subtract(ONE, x * x + z * z, out=ups[:, 1])
    np.add(y * z, w * x, out=ups[:, 2])
    return ups


class Ball3D(World):
    """Action 0 turns the platform about z, action 1 about x, at most 10 degrees a decision.

    Arrays are kept as rows of coordinates so that each operation covers all areas.

    Attributes:
        platform: [4, A] rotation as a quaternion (w, x, z, y).
        ball: [2, 3, A] position relative to the platform's centre [m], and velocity [m/s].
        spin: [3, A] speed of the ball's surface against its centre where it touches [m/s].
    """

    behavior = "3DBall"
    summary = "balance a ball on a platform; 0.1 a decision, 100 at most"
    spec = Spec((ObservationSpec((8,), "tilt, ball position and velocity"),), ActionSpec(2))
    default_areas = 12
    max_decisions = 1000
    default_parameters: ClassVar[dict[str, float]] = {"scale": 1.0, "gravity": 9.81, "mass": 1.0}
    drawn_by_area: ClassVar[frozenset[str]] = frozenset(default_parameters)
    stored: ClassVar[tuple[str, ...]] = ("platform", "ball", "spin")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.platform = np.zeros((4, self.num_areas))
        self.ball = np.zeros((2, 3, self.num_areas))
        self.spin = np.zeros((3, self.num_areas))
        self._parameters_changed()

    def _parameters_changed(self) -> None:
        scale, gravity = np.asarray(self.parameters["scale"]), self.parameters["gravity"]
        if (scale <= 0).any():
            raise EnvError(f"{self.behavior}: parameter scale is {scale}; give more than 0.")
        self._radius = 0.5 * scale
        self._contact = np.array(HALF_PLATFORM + self._radius)
        self._fall = np.array(gravity * DT * DT)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        n = len(areas)
        half_x, half_z = np.radians(self.generator.uniform(-10.0, 10.0, (2, n))) / 2
        cos_x, sin_x, cos_z, sin_z = np.cos(half_x), np.sin(half_x), np.cos(half_z), np.sin(half_z)
        self.platform[:, areas] = [cos_x * cos_z, sin_x * cos_z, cos_x * sin_z, -sin_x * sin_z]
        self.ball[:, :, areas] = 0.0
        self.ball[0, 0, areas], self.ball[0, 2, areas] = self.generator.uniform(-1.5, 1.5, (2, n))
        self.ball[0, 1, areas] = 4.0
        self.spin[:, areas] = 0.0

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        ups = self._tilt(actions.continuous)
        self._roll(ups)
        x, y, z = self.ball[0]
        terminated = (y < -2.0) | (np.abs(x) > 3.0) | (np.abs(z) > 3.0)
        return np.where(terminated, np.float32(-1.0), np.float32(0.1)), terminated

    def _tilt(self, continuous: FloatArray) -> NDArray[np.float64]:
        """Turn the platform by [A, 2] actions; [SUBSTEPS, 3, A] its upward normals on the way.

        All physics steps at once: how often each axis may turn is counted first, then the turns
        are added up; the tangent and the normalisation make the sum a rotation.
        """
        turn = np.minimum(np.maximum(continuous.T, -ONE), ONE) * HALF_TURN  # [2, A]: z, x
        change = self.platform[SOURCES]
        change *= SIGNS * turn[:, None]  # [2, 4, A] by one turn about z, about x
        signs = np.sign(turn)
        room = MOST_TILT - self.platform[2:0:-1] * signs
        pace = np.abs(change[0, 2:0:-1] + change[1, 2:0:-1]) + TINY
        allowed = np.maximum(np.ceil(room / pace), ZERO)
        times = np.minimum(COUNT, allowed)  # [SUBSTEPS, 2, A]
        times *= ONE + np.add.reduce(np.square(times * turn), axis=1)[:, None] * THIRD
        path = self.platform + times[:, :1] * change[0] + times[:, 1:] * change[1]
        path /= np.sqrt(np.add.reduce(path * path, axis=1))[:, None]
        self.platform = path[-1].copy()
        return normals(path)

    def _roll(self, ups: NDArray[np.float64]) -> None:
        """Move the balls through the physics steps under the platform's normals [S, 3, A]."""
        over = self._is_over_the_top(ups[SUBSTEPS // 2])
        rolling, outwards = over * ROLLING, over * -1.0
        corrections = np.empty((2, self.num_areas))
        position, velocity = self.ball
        velocity *= STEP_TIME  # from here on in metres per physics step
        self.spin *= STEP_TIME
        velocity_y, (deep, into) = velocity[1], corrections
        for up in ups:
            velocity_y -= self._fall
            gap = np.add.reduce(position * up, axis=0) - self._contact
            near = gap < NEAR
            slip = velocity - self.spin
            slip *= near * rolling
            velocity -= slip
            position += velocity
            # The plane is met exactly, neither passed nor bounced from. A platform that rises into
            # the ball lifts it without throwing it: only the position feels an overlap.
            speed = np.add.reduce(velocity * up, axis=0)
            np.add(gap, speed, out=deep)
            np.add(np.maximum(gap, ZERO), speed, out=into)
            np.minimum(corrections, ZERO, out=corrections)
            corrections *= outwards
            self.ball += corrections[:, None] * up
            np.copyto(self.spin, velocity, where=near)
        velocity /= STEP_TIME
        self.spin /= STEP_TIME

    def _is_over_the_top(self, up: NDArray[np.float64]) -> BoolArray:
        """[A] bool, in the middle of the decision the ball is above the square, not beside it."""
        middle = self.ball[0] + self.ball[1] * (DT * SUBSTEPS / 2)
        height = np.add.reduce(middle * up, axis=0)
        aside = np.abs((middle - height * up)[::2])
        over: BoolArray = (np.maximum(*aside) < HALF_PLATFORM) & (height > LOWEST_OVER)
        return over

    def _observe(self) -> Observations:
        obs = np.empty((self.num_areas, 8), np.float32)
        obs[:, :2] = self.platform[2:0:-1].T
        obs[:, 2:] = self.ball.reshape(6, -1).T
        return (obs,)

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] the first area from the front, and from above on the right."""
        front = Canvas(width=240, height=240, x_range=(-4.5, 4.5), y_range=(-4.0, 5.0))
        above = Canvas(width=240, height=240, x_range=(-4.5, 4.5), y_range=(-4.5, 4.5))
        _, _, tilt_z, _ = self.platform[:, 0]
        x, y, z = self.ball[0, :, 0]
        angle = 2.0 * float(np.arcsin(np.clip(tilt_z, -1.0, 1.0)))
        front.box((0.0, 0.0), (HALF_PLATFORM, HALF_PLATFORM), (92, 128, 196), angle=angle)
        above.box((0.0, 0.0), (HALF_PLATFORM, HALF_PLATFORM), (122, 158, 226))
        radius = float(self._radius.flat[0])
        front.disc((x, y), radius, (224, 106, 60))
        above.disc((x, z), radius, (224, 106, 60))
        return np.concatenate([front.pixels, above.pixels], axis=1)


class Ball3DHard(Ball3D):
    """3DBall without the velocity, seen over the last nine decisions.

    Attributes:
        frames: [A, 45] the last nine frames of 5, oldest first; zeros before the first.
    """

    behavior = "3DBallHard"
    summary = "3DBall seen without velocities, nine frames deep"
    spec = Spec((ObservationSpec((45,), "tilt and ball position x 9"),), ActionSpec(2))
    stored: ClassVar[tuple[str, ...]] = ("platform", "ball", "spin", "frames")

    def __init__(self, num_areas: int | None = None, seed: int = 0) -> None:
        super().__init__(num_areas, seed)
        self.frames = np.zeros((self.num_areas, 45), np.float32)

    def _begin(self, areas: NDArray[np.int64]) -> None:
        super()._begin(areas)
        self.frames = self.frames.copy()  # the last step may hold the old one
        self.frames[areas, :-5] = 0.0
        self.frames[areas, -5:] = super()._observe()[0][areas, :5]

    def _advance(self, actions: Actions) -> tuple[FloatArray, BoolArray]:
        results = super()._advance(actions)
        self.frames = np.concatenate([self.frames[:, 5:], super()._observe()[0][:, :5]], axis=1)
        return results

    def _observe(self) -> Observations:
        return (self.frames,)
