"""Agents that walk on a plane: thrust, friction, drag, and what stops them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DT = 0.02  # [s], a physics step of Unity
WALL_GRIP = 0.6  # of the speed that a wall stops, the part that it takes along its face

Vectors = NDArray[np.float64]
"""[2, A] x and z of one thing in each area."""


def thrust(
    angle: NDArray[np.float64], forward: Vectors, sideward: Vectors | float = 0.0
) -> Vectors:
    """[2, A] of pushes [A] straight ahead and to the right of headings `angle` [A]."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([forward * sin + sideward * cos, forward * cos - sideward * sin])


def slowed(speed: Vectors, grip: float, kept: float) -> Vectors:
    """The speed that friction and drag leave in a physics step.

    Args:
        speed: [2, A] m/s.
        grip: m/s that friction with the ground takes.
        kept: the part of the rest that drag leaves.
    """
    pace = np.sqrt(np.add.reduce(speed**2, axis=0))
    left: Vectors = speed * (kept * np.maximum(1.0 - grip / np.maximum(pace, 1e-9), 0.0))
    return left


def extent(angle: NDArray[np.float64], half: float) -> NDArray[np.float64]:
    """[A] half of the square around a square of `half` an edge that is turned by `angle` [A]."""
    spread: NDArray[np.float64] = half * (np.abs(np.cos(angle)) + np.abs(np.sin(angle)))
    return spread


def stopped(place: Vectors, speed: Vectors, free: Vectors) -> Vectors:
    """The speed that is left of `speed` for who is moved from `place` to `free`, [2, A] each.

    What goes against the shift is lost, and rubs along the face by `WALL_GRIP` of it.
    """
    lost = np.where(speed * (free - place) < 0.0, speed, 0.0)
    along = speed - lost
    rubbed = WALL_GRIP * np.abs(lost[::-1])
    left: Vectors = np.sign(along) * np.maximum(np.abs(along) - rubbed, 0.0)
    return left
