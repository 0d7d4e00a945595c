"""A small canvas: filled discs and convex shapes in world coordinates, in plain NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Point = tuple[float, float]

BACKGROUND: Colour = (238, 240, 243)


class Canvas:
    """An RGB picture whose axes are world coordinates, y upwards.

    Attributes:
        pixels: [height, width, 3] uint8.
    """

    def __init__(
        self,
        width: int,
        height: int,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        background: Colour = BACKGROUND,
    ) -> None:
        self.pixels = np.empty((height, width, 3), np.uint8)
        self.pixels[:] = background
        columns = (np.arange(width) + 0.5) / width
        rows = (np.arange(height) + 0.5) / height
        self._x = (x_range[0] + columns * (x_range[1] - x_range[0]))[None, :]
        self._y = (y_range[1] - rows * (y_range[1] - y_range[0]))[:, None]
        self._pixel = (x_range[1] - x_range[0]) / width

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        distance = np.hypot(self._x - centre[0], self._y - centre[1])
        self._paint(radius - distance, colour)

    def box(self, centre: Point, half_sizes: Point, colour: Colour, *, angle: float = 0.0) -> None:
        """A filled rectangle, turned counter-clockwise by `angle` radians."""
        x, y = self._x - centre[0], self._y - centre[1]
        cos, sin = np.cos(angle), np.sin(angle)
        along, across = x * cos + y * sin, y * cos - x * sin
        inside = np.minimum(half_sizes[0] - np.abs(along), half_sizes[1] - np.abs(across))
        self._paint(inside, colour)

    def line(self, ends: Sequence[Point], width: float, colour: Colour) -> None:
        """A straight stroke between two points."""
        (x0, y0), (x1, y1) = ends
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        half = (float(np.hypot(x1 - x0, y1 - y0)) / 2, width / 2)
        self.box(middle, half, colour, angle=float(np.arctan2(y1 - y0, x1 - x0)))

    def _paint(self, inside: NDArray[np.float64], colour: Colour) -> None:
        """Blend `colour` where `inside` (signed distance to the edge, world units) is positive."""
        cover = np.clip(inside / self._pixel + 0.5, 0.0, 1.0)[..., None]
        blended = self.pixels * (1.0 - cover) + np.asarray(colour, np.float64) * cover
        self.pixels[:] = blended.round().astype(np.uint8)
