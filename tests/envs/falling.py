"""Gymnasium environments with environment parameters; importing this module registers them."""

import gymnasium
import numpy as np
from gymnasium import spaces

from mlagents_tf.envs.gymnasium_single import EnvAsGymEnv
from mlagents_tf.envs.registry import make_env


class Falling(gymnasium.Env):
    """Two steps, each of which earns what `gravity` is; the height shows how many are left."""

    environment_parameters = {"gravity": 1.0}  # noqa: RUF012
    observation_space = spaces.Box(-9.0, 9.0, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.gravity = (options or {}).get("parameters", self.environment_parameters)["gravity"]
        if self.gravity <= 0.0:
            raise ValueError(f"gravity is {self.gravity:g} and has to be positive.")
        self.left = 2
        return self._see(), {}

    def step(self, action):
        self.left -= 1
        return self._see(), self.gravity, self.left == 0, False, {}

    def _see(self):
        return np.array([self.left], np.float32)


class Windy(gymnasium.Wrapper):
    """Earns `wind` beside; its own idea of gravity is heavier."""

    environment_parameters = {"wind": 0.0, "gravity": 2.0}  # noqa: RUF012

    def reset(self, *, seed=None, options=None):
        self.wind = (options or {}).get("parameters", self.environment_parameters)["wind"]
        return self.env.reset(seed=seed, options=options)

    def step(self, action):
        obs, reward, *rest = self.env.step(action)
        return obs, reward + self.wind, *rest


class Muddled(Falling):
    """Declares names without values."""

    environment_parameters = ("gravity",)


def ball(**keys):
    """3DBall as others see it."""
    return EnvAsGymEnv(lambda seed: make_env("3DBall", num_areas=1, seed=seed), **keys)


gymnasium.register("Parameters/Ball-v0", entry_point=ball)
gymnasium.register("Parameters/Falling-v0", entry_point=Falling)
gymnasium.register("Parameters/Windy-v0", entry_point=lambda **keys: Windy(Falling(**keys)))
gymnasium.register("Parameters/Muddled-v0", entry_point=Muddled)
