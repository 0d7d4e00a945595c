"""How our behaviors look as values of Gymnasium's spaces; all wrappers for others share this."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from mlagents_tf.envs.env import Env, Parameters
from mlagents_tf.errors import EnvError
from mlagents_tf.samplers import Sampler
from mlagents_tf.specs import WHITE, ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, BoolArray, Step, no_actions

EnvFactory = Callable[[int], Env]
"""Makes an environment from a seed: `lambda seed: make_env("3DBall", seed=seed)`."""

MOST_EMPTY_STEPS = 10_000
"""Steps without anybody, after which waiting is given up."""


class EnvSource:
    """An environment, and where it comes from if it can be made again with another seed."""

    def __init__(self, source: Env | EnvFactory, seed: int) -> None:
        if isinstance(source, type):
            raise EnvError(
                f"the class {source.__name__} was given; give an environment, or a function that "
                "makes one from a seed."
            )
        self._make: EnvFactory | None = source if callable(source) else None
        self.env: Env = source(seed) if callable(source) else source
        self._parameters: dict[str, float | Sampler] = {}

    def reset(self, seed: int | None, options: Mapping[str, Any] | None) -> dict[str, Step]:
        """Begin anew, with a seed in an environment that is made again, until somebody decides.

        Args:
            seed: what the environment is to draw from; None = go on drawing.
            options: under "parameters", environment parameters from now on.
        """
        parameters: Parameters = (options or {}).get("parameters") or {}
        self._parameters.update(parameters)
        if seed is not None and self._make is not None:
            self.env.close()
            self.env = self._make(seed)
        elif seed is not None:
            gymnasium.logger.warn(
                f"reset(seed={seed}): the environment was made before it was wrapped, and keeps "
                "the seed it was made with; wrap a function of the seed that makes it."
            )
        steps = self.env.reset(self._parameters or None)
        for _ in range(MOST_EMPTY_STEPS):
            if any(step.num_deciding for step in steps.values()):
                return steps
            specs = self.env.specs
            steps = self.env.step({name: no_actions(specs[name].actions) for name in steps})
        raise EnvError(f"after a reset nobody has decided anything in {MOST_EMPTY_STEPS} steps.")


class Layout:
    """One behavior's observations, actions and masks as values of spaces.

    Several observations become a Tuple, continuous with discrete actions a Tuple of both. One
    branch is Discrete, several are MultiDiscrete.

    Args:
        spec: of the behavior.
        uint8_visual: images of floats from 0 to 1 become bytes.
        flatten_branched: several branches become one Discrete of all their combinations, the
            last branch changing fastest.

    Attributes:
        observation_space, action_space: of one agent.
    """

    def __init__(
        self, spec: Spec, *, uint8_visual: bool = False, flatten_branched: bool = False
    ) -> None:
        self.spec = spec
        self._in_bytes = tuple(
            uint8_visual and seen.is_image and seen.dtype == "float32" for seen in spec.observations
        )
        self.several = len(spec.observations) > 1
        self.hybrid = bool(spec.actions.continuous_size and spec.actions.num_branches)
        self._flat = flatten_branched and spec.actions.num_branches > 1
        boxes = map(_box, spec.observations, self._in_bytes)
        self.observation_space: spaces.Space[Any] = (
            spaces.Tuple(list(boxes)) if self.several else next(boxes)
        )
        self.action_space = _action_space(spec.actions, flat=self._flat)

    def observations(self, step: Step) -> Any:
        """[N, *shape] values of the observation space, a tuple of them where there are several."""
        values = tuple(map(_as_bytes, step.obs, self._in_bytes))
        return values if self.several else values[0]

    def rows(self, step: Step) -> list[Any]:
        """N values of the observation space, one for each row."""
        values = self.observations(step)
        return list(zip(*values, strict=True)) if self.several else list(values)

    def actions(self, values: Any, rows: int) -> Actions:
        """A batch of the action space's values as actions.

        Args:
            values: [rows, ...] array, or list of rows; for hybrid actions a pair of them.
            rows: agents that decide.
        """
        spec = self.spec.actions
        continuous, discrete = values if self.hybrid else (values, values)
        numbers = np.zeros((rows, 0), np.float32)
        if spec.continuous_size:
            numbers = self._shaped(np.asarray(continuous, np.float32), rows, spec.continuous_size)
        options = np.zeros((rows, 0), np.int32)
        if spec.num_branches:
            options = np.asarray(discrete, np.int32)
            options = self._unflattened(options) if self._flat else options
            options = self._shaped(options, rows, spec.num_branches)
        return Actions(numbers, options)

    def masks(self, step: Step) -> BoolArray | None:
        """[N, options] True for what may be taken, a fresh array; None without discrete actions.

        Options are those of all branches, one branch behind the other; with `flatten_branched`
        they are the combinations.
        """
        if not self.spec.actions.num_branches:
            return None
        rows = len(step.agent_ids)
        allowed = step.allowed_actions
        if allowed is None:
            allowed = np.ones((rows, self.spec.actions.num_discrete), np.bool_)
        if not self._flat:
            return np.array(allowed)
        combined = np.ones((rows, 1), np.bool_)
        for branch in self.spec.actions.branch_slices():
            both = combined[:, :, None] & allowed[:, None, branch]
            combined = both.reshape(rows, -1)
        return combined

    def _unflattened(self, options: NDArray[np.int32]) -> NDArray[np.int32]:
        """[N] combinations -> [N, D] options."""
        branches = self.spec.actions.discrete_branches
        if options.size and not 0 <= options.min() <= options.max() < math.prod(branches):
            raise EnvError(
                f"a discrete action is {options.max()} (the smallest {options.min()}); branches of "
                f"{list(branches)} have the combinations 0 to {math.prod(branches) - 1}."
            )
        return np.stack(np.unravel_index(options, branches), axis=-1).astype(np.int32)

    def _shaped(self, values: NDArray[Any], rows: int, size: int) -> NDArray[Any]:
        """The values as [rows, size], or EnvError."""
        if values.size != rows * size:
            raise EnvError(
                f"actions have the shape {values.shape} where {rows} of {self.action_space} "
                "are needed."
            )
        return values.reshape(rows, size)


def only_behavior(steps: Mapping[str, Step], behavior: str | None) -> str:
    """The one behavior there is, or EnvError if there are more, or another was asked for."""
    if len(steps) == 1 and behavior in (None, *steps):
        return next(iter(steps))
    raise EnvError(
        f"the environment has the behaviors {sorted(steps)}; a Gymnasium environment holds exactly "
        f"one, and '{behavior}' was asked for. EnvAsParallelEnv takes several."
    )


def _box(seen: ObservationSpec, in_bytes: bool) -> spaces.Space[Any]:
    """Bytes, or floats without bounds."""
    if in_bytes or seen.dtype == "uint8":
        return spaces.Box(0, 255, seen.shape, np.uint8)
    return spaces.Box(-np.inf, np.inf, seen.shape, np.float32)


def _as_bytes(values: NDArray[Any], in_bytes: bool) -> NDArray[Any]:
    """Floats from 0 to 1 as bytes, if they are to be."""
    return np.rint(np.clip(values, 0.0, 1.0) * WHITE).astype(np.uint8) if in_bytes else values


def _action_space(actions: ActionSpec, *, flat: bool) -> spaces.Space[Any]:
    """A Box of [-1, 1], a Discrete, a MultiDiscrete, or a Tuple of the Box and one of these."""
    box = spaces.Box(-1.0, 1.0, (actions.continuous_size,), np.float32)
    if not actions.num_branches:
        return box
    choices: spaces.Space[Any] = spaces.MultiDiscrete(list(actions.discrete_branches))
    if flat or actions.num_branches == 1:
        choices = spaces.Discrete(math.prod(actions.discrete_branches))
    return spaces.Tuple([box, choices]) if actions.continuous_size else choices
