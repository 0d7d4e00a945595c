"""Ray perception in the plane: spheres swept along rays, as Unity's sensor does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.steps import FloatArray

Lengths = NDArray[np.float64]
"""Distances along rays [m], [rays, A]; infinite where nothing is hit."""

CORNERS = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])[..., None]


def ray_angles(rays_per_side: int, widest: float) -> NDArray[np.float64]:
    """Unity's alternating order: ahead, then right and left in growing steps up to `widest`.

    Returns:
        [2 * rays_per_side + 1] radians from straight ahead, positive to the right.
    """
    steps = np.arange(1, rays_per_side + 1) * (widest / rays_per_side)
    degrees = np.concatenate([[0.0], np.stack([steps, -steps], axis=1).ravel()])
    return np.asarray(np.radians(degrees), np.float64)


def ray_directions(
    heading: NDArray[np.float64], angles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Unit vectors [2, rays, A] (x, z) of rays at `angles` [rays] from `heading` [A].

    No component is exactly 0, so that its inverse is finite.
    """
    turned = heading + angles[:, None]
    direction = np.stack([np.sin(turned), np.cos(turned)])
    direction[np.abs(direction) < 1e-9] = 1e-9
    return direction


def wall_distances(
    position: NDArray[np.float64], direction: NDArray[np.float64], limits: Sequence[float]
) -> tuple[Lengths, Lengths]:
    """Along rays to the sides of a room whose walls are parallel to the axes.

    Args:
        position: [2, A] x and z, inside the room.
        direction: [2, rays, A] as `ray_directions` makes them.
        limits: lowest x, highest x, lowest z, highest z.

    Returns:
        Distances to the lowest z, and to the nearest of the other three.
    """
    inverse = 1.0 / direction
    x, z = position
    to_side = np.where(inverse[0] > 0, limits[1] - x, limits[0] - x) * inverse[0]
    ahead = inverse[1] > 0
    to_end = np.where(ahead, limits[3] - z, limits[2] - z) * inverse[1]
    near_end, far_end = np.where(ahead, np.inf, to_end), np.where(ahead, to_end, np.inf)
    return np.maximum(near_end, 0.0), np.maximum(np.minimum(to_side, far_end), 0.0)


def box_distances(
    offset: NDArray[np.float64], direction: NDArray[np.float64], half: float, radius: float
) -> Lengths:
    """Along rays to where a sphere touches a square: two grown boxes and four round corners.

    Args:
        offset: [2, A] from the rays' origin to the square's centre.
        direction: [2, rays, A] as `ray_directions` makes them.
        half: half of the square's edge, parallel to the axes.
        radius: of the sphere.
    """
    inverse = 1.0 / direction
    grown = np.array([[half + radius, half], [half, half + radius]])[:, :, None, None]
    middle = offset[:, None] * inverse  # [2, rays, A]
    reach = grown * np.abs(inverse)  # [boxes, 2, rays, A]
    enter, leave = (middle - reach).max(axis=1), (middle + reach).min(axis=1)
    sides = np.where((enter <= leave) & (leave > 0), enter, np.inf)  # [boxes, rays, A]
    corners = offset + CORNERS * half  # [4, 2, A]
    along = np.einsum("cia,ira->cra", corners, direction)
    beside = np.einsum("cia,cia->ca", corners, corners)[:, None] - along * along
    depth = radius * radius - beside
    rounds = np.where((depth >= 0) & (along > 0), along - np.sqrt(np.maximum(depth, 0)), np.inf)
    nearest: Lengths = np.minimum(sides.min(axis=0), rounds.min(axis=0))
    return np.maximum(nearest, 0.0)


def ray_frame(distances: Lengths, length: float) -> FloatArray:
    """What the sensor reports: for each ray a one-hot of the tag, a no-hit flag, the fraction.

    Args:
        distances: [tags, rays, A]; the nearest tag within `length` is reported.

    Returns:
        [A, rays * (tags + 2)].
    """
    num_tags, num_rays, num_areas = distances.shape
    tags, nearest = distances.argmin(axis=0), distances.min(axis=0)
    missed = nearest >= length
    tags[missed] = num_tags
    frame: FloatArray = np.eye(num_tags + 1, num_tags + 2, dtype=np.float32)[tags.T]
    frame[..., -1] = np.where(missed, 1.0, nearest / length).T
    return frame.reshape(num_areas, num_rays * (num_tags + 2))
