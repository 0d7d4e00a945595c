"""Unity's grid sensor: cells around an agent, turning with it, and what is in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 40  # cells on a side, of 1 m
REACH = SIDE / 2  # [m]
LIT = np.uint8(255)
# a disc of less than 1 m radius touches the cell of its centre and its neighbours alone
NEIGHBOURS = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij")).reshape(2, 9)

Cells = NDArray[np.int8]
"""[N, 40, 40] the tag of what is in each cell, counted from 1; 0 where nothing is. As Unity writes
them, row 0 is the farthest to the agent's right, and the last column the farthest ahead."""

_centres = np.arange(SIDE, dtype=np.float32) + 0.5 - REACH  # [m] of columns, ahead


def turned(offset: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offsets in the world, [2, ...] x and z, as [2, ...] to the right and ahead of `heading`."""
    cos, sin = np.cos(heading), np.sin(heading)
    x, z = offset
    return np.stack([x * cos - z * sin, x * sin + z * cos])


def outside(place: NDArray[np.float64], heading: NDArray[np.float64], wall: float) -> Cells:
    """Cells with a 1 where they touch the walls, which stand from `wall` to 1 m beyond.

    Args:
        place: [2, N] x and z of the agents [m]; the room's centre is at 0.
        heading: [N] radians from +z, clockwise seen from above.
        wall: [m] from the centre to the faces of the four walls.
    """
    here, angle = place.astype(np.float32), heading.astype(np.float32)
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    right, ahead = -_centres[:, None], _centres
    x = here[0][:, None, None] + cos * right + sin * ahead
    z = here[1][:, None, None] - sin * right + cos * ahead
    half = (np.abs(cos) + np.abs(sin)) / 2  # of the square around a turned cell
    distance = np.maximum(np.abs(x), np.abs(z))
    touches = (distance > wall - half) & (distance < wall + 1.0 + half)
    cells: Cells = touches.astype(np.int8)
    return cells


def put_discs(
    cells: Cells,
    agents: NDArray[np.int64],
    offset: NDArray[np.float64],
    radius: NDArray[np.float64],
    tags: NDArray[np.int8],
) -> None:
    """Put discs into the cells that they touch; of several the nearest to the agent stays.

    Args:
        cells: changed.
        agents: [M] whose cells.
        offset: [2, M] m to the right of the agent and ahead of it.
        radius: [M] m, less than 1.
        tags: [M] counted from 1.
    """
    order = np.argsort(-np.add.reduce(offset**2, axis=0), kind="stable")  # the farthest first
    right, ahead = offset[:, order, None]
    rows = np.floor(REACH - right).astype(np.int64) + NEIGHBOURS[0]  # [M, 9]
    columns = np.floor(ahead + REACH).astype(np.int64) + NEIGHBOURS[1]
    beside = np.maximum(np.abs(right - (REACH - 0.5 - rows)) - 0.5, 0.0)
    before = np.maximum(np.abs(ahead - (columns + 0.5 - REACH)) - 0.5, 0.0)
    touched = beside * beside + before * before < radius[order, None] ** 2
    touched &= (columns >= 0) & (columns < SIDE) & (rows >= 0) & (rows < SIDE)
    disc, neighbour = np.nonzero(touched)
    own = order[disc]
    cells[agents[own], rows[disc, neighbour], columns[disc, neighbour]] = tags[own]


def planes(cells: Cells, num_tags: int) -> NDArray[np.uint8]:
    """[N, tags, 40, 40] bytes, a plane for each tag, 255 where it is."""
    here = cells[:, None] == np.arange(1, num_tags + 1, dtype=np.int8)[:, None, None]
    lit: NDArray[np.uint8] = here * LIT
    return lit
