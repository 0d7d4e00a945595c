"""A Gymnasium environment of pixels; importing this module registers it, as packages do."""

from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation, GrayscaleObservation

HEIGHT, WIDTH = 20, 24
LEFT, RIGHT = slice(0, WIDTH // 2), slice(WIDTH // 2, WIDTH)
COLOUR = (30, 60, 90)


class Spot(gymnasium.Env):
    """One half of the picture is coloured: 1 for who says which, four times an episode."""

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = spaces.Box(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    action_space = spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self._picture(), {}

    def step(self, action):
        self.count += 1
        reward = float(action == self.side)
        return self._picture(), reward, self.count == 4, False, {}

    def render(self):
        return self.picture

    def _picture(self):
        self.side = int(self.np_random.integers(2))
        self.picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self.picture[:, (LEFT, RIGHT)[self.side]] = COLOUR
        return self.picture


def grey_spots(**keys):
    """Three grey frames, the oldest first."""
    return FrameStackObservation(GrayscaleObservation(Spot(**keys)), 3)


def spots(**keys):
    """Three frames in colours."""
    return FrameStackObservation(Spot(**keys), 3)


gymnasium.register("Pixels/Spot-v0", entry_point=Spot)
gymnasium.register("Pixels/GreySpots-v0", entry_point=grey_spots)
gymnasium.register("Pixels/Spots-v0", entry_point=spots)
