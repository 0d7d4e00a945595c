"""A grid sensor that looks ahead: 20 x 20 cells of 1 m, the agent in the middle of the near side.

As in `grid_sensor`, row 0 is the farthest to the agent's right and the last column the farthest
ahead, and cells turn with the agent. A cell counts as the square around it at its angle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.grid_sensor import Cells, planes, turned

__all__ = ["planes", "put_squares", "surroundings"]

SIDE = 20
_rows = 9.5 - np.arange(SIDE, dtype=np.float32)  # [m] of rows, to the right
_columns = np.arange(SIDE, dtype=np.float32) + np.float32(0.5)  # [m] of columns, ahead


def surroundings(
    place: NDArray[np.float64],
    heading: NDArray[np.float64],
    wall: float,
    goal: float,
    tags: NDArray[np.int8],
) -> Cells:
    """Cells with what never moves.

    Args:
        place: [2, N] x and z of the agents [m]; the room's centre is at 0.
        heading: [N] radians from +z, clockwise seen from above.
        wall: [m] from the centre to the faces of the four walls, which are 1 m thick.
        goal: [m] highest z of the goal, which reaches to the wall.
        tags: of wall and goal.
    """
    x, z = (axis[:, None, None] for axis in place.astype(np.float32))
    cos, sin, spread = _turns(heading)
    x = x + cos * _rows[:, None] + sin * _columns
    z = z - sin * _rows[:, None] + cos * _columns
    distance = np.maximum(np.abs(x), np.abs(z))
    inside = distance < wall + 1.0 + spread
    cells: Cells = (inside & (z < goal + spread)) * tags[1]
    cells[inside & (distance > wall - spread)] = tags[0]
    return cells


def put_squares(
    cells: Cells,
    offset: NDArray[np.float64],
    heading: NDArray[np.float64],
    half: float,
    tag: np.int8,
) -> None:
    """Put one square for each agent into the cells that it touches, over what is there.

    Args:
        cells: changed.
        offset: [2, N] from the agents to the squares' centres, x and z [m].
        heading: [N] of the agents.
        half: of the edge, parallel to the axes [m].
        tag: counted from 1.
    """
    right, ahead = turned(offset, heading)
    far = SIDE / 2 + 1.5 * half + 1.0
    near = np.flatnonzero((np.abs(right) < far) & (np.abs(ahead - SIDE / 2) < far))
    cos, sin, spread = _turns(heading[near])
    reach = int(np.ceil(1.5 * half)) + 1  # cells from that of the centre
    patch = np.arange(-reach, reach + 1)
    rows = np.floor(SIDE / 2 - right[near]).astype(np.int64)[:, None, None] + patch[:, None]
    columns = np.floor(ahead[near]).astype(np.int64)[:, None, None] + patch
    aside = np.float32(SIDE / 2 - 0.5) - rows - right[near, None, None]
    before = columns + np.float32(0.5) - ahead[near, None, None]
    touched = np.abs(aside * cos + before * sin) < half + spread
    touched &= np.abs(before * cos - aside * sin) < half + spread
    touched &= (rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE)
    agent, row, column = np.nonzero(touched)
    cells[near[agent], rows[agent, row, 0], columns[agent, 0, column]] = tag


def _turns(
    heading: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Cosine, sine, and half of the square around a turned cell, [N, 1, 1] each."""
    angle = heading.astype(np.float32)[:, None, None]
    cos, sin = np.cos(angle), np.sin(angle)
    return cos, sin, np.float32(0.5) * (np.abs(cos) + np.abs(sin))
