"""GridWorld with its camera: the picture is drawn as Unity's recording has it, pixel by pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.grid_world import EX, MAX_SIZE, MOVES, PLUS, GridWorldVector
from mlagents_tf.envs.embedded.world import Observations
from mlagents_tf.specs import (
    ActionSpec,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    Spec,
)

HEIGHT, WIDTH = 64, 84
BORDER = (WIDTH - HEIGHT) // 2  # columns beside the grid, which is as wide as it is high
IMAGE = (
    DimensionProperty.NONE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
    DimensionProperty.TRANSLATIONAL_EQUIVARIANCE,
)

# red, green, blue; the recording's most frequent ones, and its floor's means
SIDES, FLOOR = (137, 139, 143), (69, 73, 77)
COLOURS = np.array([[140, 238, 151], [238, 92, 75], [62, 195, 255]], np.uint8)  # plus, ex, agent
# measures in cells; with them each painted pixel of the recording is painted here, and no other
HOLLOW = 0.3  # the agent is a square that leaves this much open on either side of its middle
PLUS_WIDTH = 0.09  # half of a stroke; the strokes reach the cell's edges
EX_WIDTH, EX_LENGTH = 0.1, 0.5  # half of each, along the diagonals


class GridWorld(GridWorldVector):
    """`GridWorldVector` seen by a camera from above: the agent's square is drawn over signs.

    Unity's light lies unevenly on the floor, by up to 11 of 255; here it is even.
    """

    behavior = "GridWorld"
    summary = "walk on a grid to the sign that is asked for, seen by a camera"
    spec = Spec(
        (
            ObservationSpec((3, HEIGHT, WIDTH), "CameraSensor", IMAGE, dtype="uint8"),
            ObservationSpec((2,), "goal", observation_type=ObservationType.GOAL_SIGNAL),
        ),
        ActionSpec(0, (len(MOVES),)),
    )

    def _parameters_changed(self) -> None:
        super()._parameters_changed()
        self._empty = _empty_picture()
        self._strokes = _strokes(self._size)

    def _observe(self) -> Observations:
        pictures = np.repeat(self._empty[None], self.num_areas, axis=0)
        signs = self.signs.reshape(self.num_areas, -1)
        agents = self._all_areas, self._cells()
        # the agent comes last: it covers the sign on which it stands
        drawn = (np.nonzero(signs == PLUS), np.nonzero(signs == EX), agents)
        for (areas, cells), strokes, colour in zip(drawn, self._strokes, COLOURS, strict=True):
            places = strokes[cells] + areas[:, None] * self._empty.size
            pictures.reshape(-1)[places] = np.repeat(colour, strokes.shape[1] // 3)
        return pictures.reshape(-1, 3, HEIGHT, WIDTH), self._goal_rows[self.goals]


def _empty_picture() -> NDArray[np.uint8]:
    """[3 * 64 * 84] the floor between its two sides."""
    picture = np.empty((3, HEIGHT, WIDTH), np.uint8)
    picture[:] = np.reshape(SIDES, (3, 1, 1))
    picture[:, :, BORDER:-BORDER] = np.reshape(FLOOR, (3, 1, 1))
    return picture.reshape(-1)


def _strokes(size: int) -> tuple[NDArray[np.int64], ...]:
    """Where plus, ex and agent are painted on a grid of `size`.

    Returns:
        For each of the three [25, bytes] places in a picture by cell: red, then green, then blue.
    """
    edges = (np.arange(HEIGHT) + 0.5) * size / HEIGHT
    cell, place = np.floor(edges).astype(np.int64), edges % 1.0 - 0.5
    x, z = place, -place[:, None]  # the top row has the highest z
    cells = cell * MAX_SIZE + (size - 1 - cell)[:, None]  # [64, 64] the cell of each pixel
    along = np.abs(np.stack([x + z, x - z])) / np.sqrt(2.0)  # the diagonals
    masks = (
        np.minimum(np.abs(x), np.abs(z)) < PLUS_WIDTH,
        (along.min(axis=0) < EX_WIDTH) & (along.max(axis=0) < EX_LENGTH),
        np.maximum(np.abs(x), np.abs(z)) > HOLLOW,
    )
    channels = np.arange(3)[:, None] * (HEIGHT * WIDTH)
    by_cell = (_by_cell(mask, cells) for mask in masks)
    return tuple((channels + pixels[:, None]).reshape(len(pixels), -1) for pixels in by_cell)


def _by_cell(mask: NDArray[np.bool_], cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """The painted pixels of each cell, [25, most]; rows that hold fewer repeat their last one.

    Args:
        mask: [64, 64] whether a pixel is painted.
        cells: [64, 64] in which cell it lies; those of a small grid do not name all 25.
    """
    rows, columns = np.nonzero(mask)
    own = cells[rows, columns]
    order = np.argsort(own, kind="stable")
    counts = np.bincount(own, minlength=MAX_SIZE * MAX_SIZE)
    ends = np.cumsum(counts)
    picked = np.minimum((ends - counts)[:, None] + np.arange(counts.max()), ends[:, None] - 1)
    pixels: NDArray[np.int64] = (rows * WIDTH + columns + BORDER)[order][picked]
    return pixels
