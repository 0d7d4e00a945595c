"""Squares of different masses that push each other in the plane, in many areas at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.embedded.walking import DT

Bodies = NDArray[np.float64]
"""[B, 2, A] x and z of the bodies of each area."""

ITERATIONS = 4  # of sharing momentum, so that it passes through rows of bodies
RELAXED = 0.7  # part of an impulse that is applied at once, since several act on a body
NEAR = 0.8  # [m]; nobody comes nearer by more in a physics step


class Contacts(NamedTuple):
    """K pairs of bodies that touch or could within a physics step.

    Attributes:
        first, second: [K] the bodies.
        area: [K] where they are.
        axis: [K] 0 or 1, along which they touch.
        sign: [K] 1 where the second is on the far side of the first.
        gap: [K] m between them, negative where they overlap.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    area: NDArray[np.int64]
    axis: NDArray[np.int64]
    sign: NDArray[np.float64]
    gap: NDArray[np.float64]


class Crowd:
    """B squares whose sides stay parallel to the axes.

    Args:
        half: [B] half of their edges [m].
        mass: [B] kg.
        grip: friction between their faces.
    """

    def __init__(self, half: NDArray[np.float64], mass: NDArray[np.float64], grip: float) -> None:
        self.half, self.mass, self.grip = half, mass, grip
        self._pairs = np.stack(np.triu_indices(len(half), 1))
        first, second = self._pairs
        self._reach = (half[first] + half[second])[:, None, None]

    def contacts(self, place: Bodies) -> Contacts:
        """Pairs that touch or could within a physics step."""
        between = place[self._pairs[1]] - place[self._pairs[0]]  # [pairs, 2, A]
        gaps = np.abs(between) - self._reach
        nearest, farthest = np.minimum(gaps[:, 0], gaps[:, 1]), np.maximum(gaps[:, 0], gaps[:, 1])
        pair, area = np.nonzero((nearest < 0.0) & (farthest < NEAR))
        axis = (gaps[pair, 1, area] > gaps[pair, 0, area]).astype(np.int64)
        first, second = self._pairs[:, pair]
        sign = np.where(between[pair, axis, area] < 0.0, -1.0, 1.0)
        return Contacts(first, second, area, axis, sign, gaps[pair, axis, area])

    def share(self, speed: Bodies, contacts: Contacts) -> None:
        """Change `speed` so that no pair comes closer than its gap allows."""
        first, second, area, axis, sign, gap = contacts
        if not len(area):
            return
        shared = 1.0 / (1.0 / self.mass[first] + 1.0 / self.mass[second])
        allowed = np.maximum(gap, 0.0) / DT
        total = np.zeros(len(area))
        for _ in range(ITERATIONS):
            closing = (speed[first, axis, area] - speed[second, axis, area]) * sign
            wanted = np.maximum(total + RELAXED * shared * (closing - allowed), 0.0)
            self._push(speed, contacts, axis, sign * (wanted - total))
            total = wanted
        across = 1 - axis
        sliding = speed[first, across, area] - speed[second, across, area]
        most = self.grip * total
        held = np.minimum(np.maximum(shared * sliding / 2, -most), most)
        self._push(speed, contacts, across, held)

    def part(self, place: Bodies) -> None:
        """Change `place` so that overlaps go; the lighter body gives way."""
        first, second, area, axis, sign, gap = self.contacts(place)
        overlap = np.minimum(gap, 0.0) * sign
        # nothing heavy creeps because something light leans on it
        part = (1.0 + np.sign(self.mass[second] - self.mass[first])) / 2
        np.add.at(place, (first, axis, area), part * overlap)
        np.subtract.at(place, (second, axis, area), (1.0 - part) * overlap)

    def _push(
        self,
        speed: Bodies,
        contacts: Contacts,
        axis: NDArray[np.int64],
        impulse: NDArray[np.float64],
    ) -> None:
        """Take impulses [K] from the first bodies and give them to the second."""
        np.subtract.at(
            speed, (contacts.first, axis, contacts.area), impulse / self.mass[contacts.first]
        )
        np.add.at(
            speed, (contacts.second, axis, contacts.area), impulse / self.mass[contacts.second]
        )
