"""Any `Env` with a fixed population as a Gymnasium vector environment."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mlagents_tf.envs.env import DrawableEnv, Env
from mlagents_tf.envs.gymnasium_layout import EnvFactory, EnvSource, Layout, only_behavior
from mlagents_tf.errors import EnvError
from mlagents_tf.steps import Step


class EnvAsVectorEnv(VectorEnv):
    """One behavior of an `Env`, each deciding agent being a sub-environment.

    An agent that ends is followed at once by the next (SAME_STEP autoreset): its last observation
    is in `infos["final_obs"]`. Of discrete actions the masks are in `infos["allowed_actions"]`,
    [N, options] bool. Spaces are those of `Layout`.

    Args:
        env: the environment, or a function that makes it from a seed, which `reset(seed=...)`
            needs.
        behavior: its only behavior, if it is to be checked.
        uint8_visual, flatten_branched: see `Layout`.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": ["rgb_array"],
    }
    render_mode = "rgb_array"

    def __init__(
        self,
        env: Env | EnvFactory,
        behavior: str | None = None,
        *,
        uint8_visual: bool = False,
        flatten_branched: bool = False,
    ) -> None:
        self._source = EnvSource(env, int(self.np_random.integers(2**31)))
        steps = self._source.reset(None, None)
        self.behavior = only_behavior(steps, behavior)
        self._layout = Layout(
            self.env.specs[self.behavior],
            uint8_visual=uint8_visual,
            flatten_branched=flatten_branched,
        )
        self._ids = steps[self.behavior].agent_ids[~steps[self.behavior].ended]
        self.num_envs = len(self._ids)
        self.single_observation_space = self._layout.observation_space
        self.single_action_space = self._layout.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    @property
    def env(self) -> Env:
        """The environment inside."""
        return self._source.env

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every area; `options["parameters"]` are environment parameters."""
        super().reset(seed=seed)
        step = self._source.reset(seed, options)[self.behavior]
        self._ids = step.agent_ids
        return self._layout.observations(step), self._infos(step)

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Observations, rewards, terminations, truncations and infos of all sub-environments."""
        ours = self._layout.actions(actions, self.num_envs)
        step = self.env.step({self.behavior: ours}).get(self.behavior)
        deciding = step.num_deciding if step else 0
        if step is None or deciding != self.num_envs:
            raise EnvError(
                f"{self.behavior}: {deciding} agents decide where {self.num_envs} did; "
                "a Gymnasium vector environment needs a fixed population."
            )
        if len(step.agent_ids) == self.num_envs:
            flags = step.terminated, step.interrupted
            return self._layout.observations(step), step.rewards, *flags, self._infos(step)
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
        infos = {"final_obs": np.full(self.num_envs, None, object), **self._infos(here)}
        for area, final in zip(areas, self._layout.rows(gone), strict=True):
            infos["final_obs"][area] = final  # Gymnasium wants objects, not rows
        infos["_final_obs"] = terminated | interrupted
        return self._layout.observations(here), rewards, terminated, interrupted, infos

    def _infos(self, step: Step) -> dict[str, Any]:
        """Infos with the masks, where there are any."""
        masks = self._layout.masks(step)
        return {} if masks is None else {"allowed_actions": masks}
