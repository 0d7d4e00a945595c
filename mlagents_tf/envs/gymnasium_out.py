"""Any `Env` with a fixed population as a Gymnasium vector environment."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mlagents_tf.envs.env import DrawableEnv, Env
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec
from mlagents_tf.steps import Actions, Step, no_actions


class EnvAsVectorEnv(VectorEnv):
    """One behavior of an `Env`, each deciding agent being a sub-environment.

    An agent that ends is followed at once by the next (SAME_STEP autoreset): its last observation
    is in `infos["final_obs"]`. Masks are in `infos["allowed_actions"]`, [N, options] bool. Several
    observations become a Tuple, continuous with discrete actions a Tuple of both. What the
    environment draws was seeded when it was made; `reset(seed=...)` does not seed it again.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": ["rgb_array"],
    }
    render_mode = "rgb_array"

    def __init__(self, env: Env, behavior: str | None = None) -> None:
        self.env = env
        steps = env.reset()
        if behavior is None and len(steps) == 1:
            behavior = next(iter(steps))
        if behavior is None or behavior not in steps or len(steps) != 1:
            raise EnvError(
                f"the environment has the behaviors {sorted(steps)}; a Gymnasium vector "
                f"environment holds exactly one, and '{behavior}' was asked for."
            )
        self.behavior = behavior
        spec = env.specs[behavior]
        self._ids = steps[behavior].agent_ids[~steps[behavior].ended]
        self._several = len(spec.observations) > 1
        self._hybrid = bool(spec.actions.continuous_size and spec.actions.num_branches)
        self._empty = no_actions(spec.actions, len(self._ids))
        self.num_envs = len(self._ids)
        self.single_observation_space = observation_space(spec.observations)
        self.single_action_space = action_space(spec.actions)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every area; `options["parameters"]` are environment parameters."""
        super().reset(seed=seed)
        step = self.env.reset((options or {}).get("parameters"))[self.behavior]
        self._ids = step.agent_ids
        return self._batch(step), _masks(step)

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Observations, rewards, terminations, truncations and infos of all sub-environments."""
        step = self.env.step({self.behavior: self._actions(actions)})[self.behavior]
        if step.num_deciding != self.num_envs:
            raise EnvError(
                f"{self.behavior}: {step.num_deciding} agents decide where {self.num_envs} did; "
                "a Gymnasium vector environment needs a fixed population."
            )
        if len(step.agent_ids) == self.num_envs:
            flags = step.terminated, step.interrupted
            return self._batch(step), step.rewards, *flags, _masks(step)
        return self._eventful(step)

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        """A picture of the first area."""
        if not isinstance(self.env, DrawableEnv):
            raise EnvError(f"{self.behavior}: this environment does not draw itself.")
        return (self.env.render(),)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environment inside."""
        self.env.close()

    def _eventful(
        self, step: Step
    ) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Ended rows are put where their agents stood, which the new agents take."""
        gone, here = step.take(step.ended), step.take(~step.ended)
        areas = np.flatnonzero(self._ids != here.agent_ids)
        gone = gone.take(np.argsort(gone.agent_ids))
        if not np.array_equal(gone.agent_ids, np.sort(self._ids[areas])):
            raise EnvError(
                f"{self.behavior}: deciding agents changed their order; a Gymnasium vector "
                "environment needs each to keep its place."
            )
        gone = gone.take(np.argsort(np.argsort(self._ids[areas])))  # in the order of the areas
        self._ids = here.agent_ids
        rewards = here.rewards.copy()
        rewards[areas] = gone.rewards
        terminated, interrupted = np.zeros((2, self.num_envs), np.bool_)
        terminated[areas], interrupted[areas] = gone.terminated, gone.interrupted
        infos = {"final_obs": np.full(self.num_envs, None, object), **_masks(here)}
        finals = zip(*gone.obs, strict=True) if self._several else iter(gone.obs[0])
        for area, final in zip(areas, finals, strict=True):  # Gymnasium wants objects, not rows
            infos["final_obs"][area] = final
        infos["_final_obs"] = terminated | interrupted
        return self._batch(here), rewards, terminated, interrupted, infos

    def _batch(self, step: Step) -> Any:
        """The step's observations as a value of the observation space."""
        return step.obs if self._several else step.obs[0]

    def _actions(self, actions: Any) -> Actions:
        """A value of the action space as actions."""
        if self._hybrid:
            continuous, discrete = actions
            return Actions(np.asarray(continuous, np.float32), np.asarray(discrete, np.int32))
        if self._empty.discrete.shape[1]:
            return Actions(self._empty.continuous, np.asarray(actions, np.int32))
        return Actions(np.asarray(actions, np.float32), self._empty.discrete)


def observation_space(observations: tuple[ObservationSpec, ...]) -> spaces.Space[Any]:
    """A Box for each observation; a Tuple of them where there are several."""
    boxes = [
        spaces.Box(0, 255, obs.shape, np.uint8)
        if obs.dtype == "uint8"
        else spaces.Box(-np.inf, np.inf, obs.shape, np.float32)
        for obs in observations
    ]
    return boxes[0] if len(boxes) == 1 else spaces.Tuple(boxes)


def action_space(actions: ActionSpec) -> spaces.Space[Any]:
    """A Box of [-1, 1], a MultiDiscrete, or a Tuple of both."""
    box = spaces.Box(-1.0, 1.0, (actions.continuous_size,), np.float32)
    if not actions.num_branches:
        return box
    choices = spaces.MultiDiscrete(list(actions.discrete_branches))
    return spaces.Tuple([box, choices]) if actions.continuous_size else choices


def _masks(step: Step) -> dict[str, Any]:
    """Infos with the masks, where there are any."""
    return {} if step.allowed_actions is None else {"allowed_actions": step.allowed_actions}
