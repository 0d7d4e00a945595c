"""Environment parameters of Gymnasium environments that declare some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium

from mlagents_tf.envs.drawn import Drawn
from mlagents_tf.envs.env import Parameters
from mlagents_tf.errors import EnvError

DECLARATION = "environment_parameters"
"""Attribute of an environment, or of a wrapper around it: names and defaults."""

OPTION = "parameters"
"""Where `reset(options=...)` has the values; the wrappers around our environments take them so."""


class DeclaredParameters:
    """What the copies of an environment declare, and the values that their next episodes get.

    Copies begin episodes one by one, and share this, so that a sampler is one stream of draws.

    Args:
        env_id: for messages.

    Attributes:
        unknown: names that were given though nothing declares them.
    """

    def __init__(self, env_id: str) -> None:
        self._env_id = env_id
        self._values: dict[str, float | Drawn] = {}
        self.unknown: set[str] = set()

    def wrap(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """One of the copies, so that it gets its values; itself if it declares nothing."""
        self._values = dict(self._declared(env))
        return WithParameters(env, self) if self._values else env

    def set(self, parameters: Parameters) -> None:
        """Values from the next episodes on; those not named keep theirs."""
        self.unknown.update(parameters.keys() - self._values.keys())
        for name in self._values.keys() & parameters.keys():
            value = parameters[name]
            self._values[name] = float(value) if isinstance(value, (int, float)) else Drawn(value)

    def draw(self) -> dict[str, float]:
        """The values of one episode, all that are declared."""
        return {
            name: float(value.values(1)[0]) if isinstance(value, Drawn) else value
            for name, value in self._values.items()
        }

    def refused(self, values: Mapping[str, float], reason: ValueError) -> EnvError:
        """Why an episode with these values did not begin."""
        given = ", ".join(f"{name} {value:g}" for name, value in values.items())
        return EnvError(
            f"gym:{self._env_id} refused to begin an episode with its environment parameters "
            f"({given}): {reason}"
        )

    def _declared(self, env: gymnasium.Env[Any, Any]) -> dict[str, float]:
        """By the environment and all wrappers around it; the default of the outermost counts."""
        inner = self._declared(env.env) if isinstance(env, gymnasium.Wrapper) else {}
        own = getattr(env, DECLARATION, {})
        if not isinstance(own, Mapping) or not all(
            isinstance(name, str) and isinstance(value, (int, float)) for name, value in own.items()
        ):
            raise EnvError(
                f"gym:{self._env_id}: {DECLARATION} of {type(env).__name__} is {own!r}; "
                'make it a dict of names and defaults, such as {"gravity": 9.81}.'
            )
        return inner | {name: float(value) for name, value in own.items()}


class WithParameters(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose every reset gets its parameters, those within a vector, too."""

    def __init__(self, env: gymnasium.Env[Any, Any], parameters: DeclaredParameters) -> None:
        super().__init__(env)
        self._parameters = parameters

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begins an episode with `options["parameters"]`; EnvError if they are refused."""
        values = self._parameters.draw()
        try:
            obs, info = self.env.reset(seed=seed, options={**(options or {}), OPTION: values})
        except ValueError as error:
            raise self._parameters.refused(values, error) from error
        return obs, info
