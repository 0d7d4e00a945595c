"""Any `Env` with one agent as an ordinary Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import DrawableEnv, Env, UnsteadyEnv
from mlagents_tf.envs.gymnasium_layout import (
    MOST_EMPTY_STEPS,
    EnvFactory,
    EnvSource,
    Layout,
    only_behavior,
)
from mlagents_tf.errors import EnvError
from mlagents_tf.steps import Actions, BoolArray, Step, empty_step, no_actions

DECISIONS_PER_SECOND = 10  # of Unity's examples: every fifth physics step of 20 ms


class EnvAsGymEnv(gymnasium.Env[Any, Any]):
    """An `Env` of one behavior in which one agent at a time decides.

    Its environment begins the next episode by itself. The first row of that episode is kept, and
    handed out by the next `reset()`; a reset with a seed or with parameters, or one before the
    end, begins anew. An agent that vanishes without a last row is truncated, and its last
    observation is seen once more. Of discrete actions the mask is in `info["allowed_actions"]`,
    [options] bool. Spaces are those of `Layout`.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012, typed so by Gymnasium
        "render_modes": ["rgb_array"],
        "render_fps": DECISIONS_PER_SECOND,
    }

    def __init__(
        self,
        env: Env | EnvFactory,
        behavior: str | None = None,
        *,
        uint8_visual: bool = False,
        flatten_branched: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Resets the environment once, to see who is there.

        Args:
            env: the environment, or a function that makes it from a seed, which
                `reset(seed=...)` needs.
            behavior: its only behavior, if it is to be checked.
            uint8_visual, flatten_branched: see `Layout`.
            render_mode: "rgb_array" if `render()` will be called.
        """
        self._source = EnvSource(env, int(self.np_random.integers(2**31)))
        if not isinstance(self.env, DrawableEnv):
            self.metadata = {"render_modes": []}
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise EnvError(
                f"render_mode is '{render_mode}'; this environment has "
                f"{self.metadata['render_modes'] or 'none, since it does not draw itself'}."
            )
        self.render_mode = render_mode
        steps = self._source.reset(None, None)
        self.behavior = only_behavior(steps, behavior)
        self._layout = Layout(
            self.env.specs[self.behavior],
            uint8_visual=uint8_visual,
            flatten_branched=flatten_branched,
        )
        self._nobody = no_actions(self._layout.spec.actions)
        self._empty = empty_step(self._layout.spec)
        self.observation_space = self._layout.observation_space
        self.action_space = self._layout.action_space
        self._next: Step | None = self._begin(steps)
        self._now: Step | None = None

    @property
    def env(self) -> Env:
        """The environment inside."""
        return self._source.env

    @property
    def environment_parameters(self) -> dict[str, float]:
        """Names and defaults of the parameters that its environment says it has."""
        return dict(getattr(self.env, "default_parameters", {}))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; `options["parameters"]` are environment parameters from now on."""
        super().reset(seed=seed)
        row = self._next
        if row is None or seed is not None or (options or {}).get("parameters"):
            row = self._begin(self._source.reset(seed, options))
        self._now, self._next = row, None
        return self._layout.rows(row)[0], self._info(row)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Observation, reward, terminated, truncated and info at the agent's next decision."""
        if self._now is None:
            raise EnvError(f"{self.behavior}: no episode has begun, or it has ended; call reset().")
        values = ([action[0]], [action[1]]) if self._layout.hybrid else [action]
        step = self._advance(self._layout.actions(values, 1), self._now.agent_ids)
        mine = np.isin(step.agent_ids, self._now.agent_ids)
        others = step.take(~mine).deciding()
        row = step.take(mine)
        if not mine.any():  # it vanished: the last that was seen of it is all there is
            row = self._now._replace(rewards=np.zeros(1, np.float32), interrupted=np.array([True]))
        ended = bool(row.ended[0])
        self._check_alone(len(others.agent_ids) + (not ended))
        self._now = None if ended else row
        self._next = others if len(others.agent_ids) else None
        flags = bool(row.terminated[0]), bool(row.interrupted[0])
        return self._layout.rows(row)[0], float(row.rewards[0]), *flags, self._info(row)

    def action_masks(self) -> BoolArray:
        """[options] True for what may be taken now, by the name that MaskablePPO asks for."""
        masks = None if self._now is None else self._layout.masks(self._now)
        if masks is None:
            raise EnvError(f"{self.behavior}: there are no discrete actions to mask now.")
        return np.asarray(masks[0], np.bool_)

    def render(self) -> NDArray[np.uint8] | None:
        """[H, W, 3] picture of what is; None unless made with `render_mode="rgb_array"`."""
        if self.render_mode is None or not isinstance(self.env, DrawableEnv):
            return None
        return self.env.render()

    def close(self) -> None:
        """Close the environment inside."""
        self.env.close()

    def _begin(self, steps: dict[str, Step]) -> Step:
        """The row of the agent that begins."""
        row = steps[only_behavior(steps, self.behavior)].deciding()
        self._check_alone(len(row.agent_ids))
        return row

    def _advance(self, actions: Actions, agent: NDArray[np.int64]) -> Step:
        """The next step that has rows, or in which the agent [1] is said to have vanished."""
        steps = self.env.step({self.behavior: actions})
        for _ in range(MOST_EMPTY_STEPS):
            if steps:
                only_behavior(steps, self.behavior)
            step = steps.get(self.behavior, self._empty)
            lost = self.env.take_lost() if isinstance(self.env, UnsteadyEnv) else {}
            if len(step.agent_ids) or np.isin(agent, lost.get(self.behavior, [])).any():
                return step
            steps = self.env.step(dict.fromkeys(steps, self._nobody))
        raise EnvError(f"{self.behavior}: nobody has been seen in {MOST_EMPTY_STEPS} steps.")

    def _check_alone(self, agents: int) -> None:
        if agents > 1:
            raise EnvError(
                f"{self.behavior}: {agents} agents decide, and a Gymnasium environment has one. "
                "Make it with num_areas=1, or wrap it with EnvAsVectorEnv, which takes a fixed "
                "population, or with EnvAsParallelEnv, which takes any."
            )

    def _info(self, row: Step) -> dict[str, Any]:
        """The mask, where there is one."""
        masks = self._layout.masks(row)
        return {} if masks is None else {"allowed_actions": masks[0]}
