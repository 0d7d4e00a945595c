"""Options for scripted players that know where everything is: a look two decisions ahead."""

from __future__ import annotations

import numpy as np


class Pilot:
    """Chooses what brings an agent of the plane to a place, friction aside.

    Args:
        pushes: [2, options] m/s that options add in a physics step along x and z; the first stays.
        kept: part of the speed that drag leaves in a physics step.
    """

    def __init__(self, pushes, kept, substeps=5):
        powers = kept ** np.arange(1, substeps + 1)
        self.pushes = np.asarray(pushes, float)
        self.kept, self.gained = powers[-1], powers.sum()
        self.coasted, self.way = 0.02 * powers.sum(), 0.02 * np.cumsum(powers).sum()
        self.stops = min(0.02 / (1.0 - kept), 0.4) / 1.5  # [s] of way; friction takes a third

    def option(self, gap, speed):
        """[A] the option after which, and one more, agents stop nearest to `gap` [2, A]."""
        first, second = self.pushes[:, :, None, None], self.pushes[:, None, :, None]
        gap, speed = gap[:, None, None], speed[:, None, None]
        way = self.coasted * speed + self.way * first
        speed = self.kept * speed + self.gained * first
        way = way + self.coasted * speed + self.way * second
        speed = self.kept * speed + self.gained * second
        missed = np.hypot(*(gap - way - self.stops * speed))  # [options, options, A]
        missed[0, 1:] = np.inf  # who stays to act later never acts
        return missed.min(axis=1).argmin(axis=0)
