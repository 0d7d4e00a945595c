"""Environment parameters that are drawn for each episode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import State
from mlagents_tf.samplers import Sampler, sampler_from_json, to_json


class Drawn:
    """A parameter that a sampler draws, with the generator that it draws with."""

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self.generator = np.random.default_rng(sampler.seed)

    def values(self, count: int) -> NDArray[np.float64]:
        """[count] new values."""
        return self.sampler.draw(self.generator, count)

    def state(self) -> State:
        """Plain values from which `from_state` makes the same."""
        return {
            "sampler": to_json(self.sampler),
            "generator": self.generator.bit_generator.state,
        }

    @classmethod
    def from_state(cls, state: State) -> Drawn:
        """Goes on where `state()` was taken."""
        drawn = cls(sampler_from_json(state["sampler"]))
        drawn.generator.bit_generator.state = state["generator"]
        return drawn
