"""Many boxes at once, their sides parallel to the axes: rays that rise meet them, bodies stop.

Rays are computed in float32: there are many, and 0.01 mm is close enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.steps import FloatArray

TOUCHING = np.float32(-0.1)  # [m]; a sphere that is deeper in a box at the start does not report it
FLAT = np.float32(1e-9)  # stands for a slope of 0, so that its inverse is finite


def height_windows(
    low: NDArray[np.float64], high: NDArray[np.float64], rise: NDArray[np.float64]
) -> FloatArray:
    """The distances between which rays are as high as boxes.

    Args:
        low, high: [boxes] m above the rays' origin, grown by the radius of the sphere.
        rise: [rays] m upwards for each m ahead, 0 or more.

    Returns:
        [2, boxes, rays] m ahead; negative or huge where the ray began within or never gets there.
    """
    windows: FloatArray = np.float32(np.stack([low, high])[:, :, None] / np.maximum(rise, FLAT))
    return windows


def boxes_ahead(
    offset: FloatArray, direction: FloatArray, half: FloatArray, windows: FloatArray
) -> FloatArray:
    """Along rays to boxes, [boxes, rays, A], measured in the plane; infinite where none is met.

    Args:
        offset: [boxes, 2, A] from the rays' origin to the centres.
        direction: [2, rays, A] as `ray_directions` makes them.
        half: [boxes, 2] half of the edges, grown by the radius of the sphere.
        windows: [2, boxes, rays] of `height_windows`.
    """
    inverse = 1.0 / direction
    x_near, x_far = _between(offset[:, 0, None], half[:, 0, None, None], inverse[0])
    near, far = _between(offset[:, 1, None], half[:, 1, None, None], inverse[1])
    # large arrays are costly to make, so results go where their parts were
    np.maximum(near, x_near, out=near)
    np.maximum(near, windows[0][..., None], out=near)
    np.minimum(far, x_far, out=far)
    np.minimum(far, windows[1][..., None], out=far)
    return _met(near, far)


def _between(
    offset: FloatArray, half: FloatArray, inverse: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where a ray enters and leaves the strip |offset - along| <= half, [boxes, rays, A] each."""
    far = offset * inverse
    reach = half * np.abs(inverse)
    near = far - reach
    far += reach
    return near, far


def pyramids_ahead(
    offset: FloatArray,
    direction: FloatArray,
    half: float,
    narrowing: FloatArray,
    farthest: FloatArray,
) -> FloatArray:
    """Along rays to pyramids, [boxes, rays, A]: boxes that are narrower where the ray is higher.

    Args:
        offset: [boxes, 2, A] from the rays' origin to the centres.
        direction: [2, rays, A] as `ray_directions` makes them.
        half: half of the edge at the height of the rays' origin, grown by the radius.
        narrowing: [rays] m by which half of the edge shrinks for each m ahead.
        farthest: [rays] m ahead at which the ray is above the top.
    """
    shape = (len(offset), *direction.shape[1:])
    near = np.full(shape, -np.inf, np.float32)
    far = np.broadcast_to(farthest[:, None], shape)
    # |offset - along * t| <= half - narrowing * t is two conditions of the form slope * t <= room
    for axis in (0, 1):
        for sign in (1, -1):
            slope = narrowing[:, None] + sign * direction[axis]  # [rays, A]
            slope = np.where(np.abs(slope) < FLAT, FLAT, slope)
            bound = (half + sign * offset[:, axis, None]) / slope
            near = np.maximum(near, np.where(slope < 0, bound, -np.inf))
            far = np.minimum(far, np.where(slope < 0, np.inf, bound))
    return _met(near, far)


def _met(near: FloatArray, far: FloatArray) -> FloatArray:
    """Where a ray enters before it leaves, and begins outside; 0 where it begins at the face."""
    missed = near > far
    missed |= near <= TOUCHING
    met: FloatArray = np.maximum(near, 0.0)
    met[missed] = np.inf
    return met


def ways_out(
    offset: NDArray[np.float64], half: NDArray[np.float64], body: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How a body must be moved so that it leaves each box by the nearest face.

    Args:
        offset: [boxes, 2, A] from the bodies to the centres of the boxes.
        half: [boxes, 2] half of the boxes' edges.
        body: [A] half of the body's edge.

    Returns:
        [boxes, 2, A]; 0 where they do not overlap, and along the other axis.
    """
    depth = half[..., None] + body - np.abs(offset)
    along_x = depth[:, 0] < depth[:, 1]
    overlap = np.minimum(depth[:, 0], depth[:, 1]) > 0.0
    chosen = np.stack([along_x, ~along_x], axis=1) & overlap[:, None]
    return np.where(chosen, -np.copysign(depth, offset), 0.0)
