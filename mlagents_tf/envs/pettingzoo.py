"""Any `Env` as a PettingZoo parallel environment: several behaviors, agents that come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from mlagents_tf.envs.env import DrawableEnv, Env, UnsteadyEnv
from mlagents_tf.envs.gymnasium_layout import EnvFactory, EnvSource, Layout
from mlagents_tf.envs.pettingzoo_crowd import SEPARATOR, Crowd
from mlagents_tf.errors import EnvError
from mlagents_tf.steps import Step

try:
    from pettingzoo import ParallelEnv
except ImportError as missing:
    raise EnvError(
        "EnvAsParallelEnv needs the package pettingzoo, which is not installed; "
        "pip install 'mlagents-tf[pettingzoo]'."
    ) from missing

Answers = tuple[
    dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
]
"""Observations, rewards, terminations, truncations and infos by name."""


class EnvAsParallelEnv(ParallelEnv[str, Any, Any]):
    """All agents of an `Env`, called `<behavior>?agent_id=<n>`.

    Each reset numbers agents anew from 0, in the order in which they appear. Who ends leaves
    `agents`, and whoever follows has a new name, so that `agents` may never be empty.
    `possible_agents` are those seen since the last reset; nobody knows who will come. An agent
    that is not asked for a decision stays: its observation is the one it had, its action is not
    used, and `infos[name]["decides"]` is False. One that vanishes is truncated where the
    environment says so. One whose first row is its last is left out, as it never decides.

    `infos[name]` also has behavior_name, group_id, group_reward, and of discrete actions
    allowed_actions, [options] bool. A discrete behavior with masks has observations
    `{"observation": ..., "action_mask": ...}` as PettingZoo has it: the mask is what
    `action_space(name).sample` takes. There is no `state()`.
    """

    def __init__(
        self,
        env: Env | EnvFactory,
        *,
        uint8_visual: bool = False,
        flatten_branched: bool = False,
        action_masks: bool | None = None,
    ) -> None:
        """Resets the environment once, to see who is there.

        Args:
            env: the environment, or a function that makes it from a seed, which
                `reset(seed=...)` needs.
            uint8_visual, flatten_branched: see `Layout`.
            action_masks: whether discrete behaviors have masks in their observations; None =
                those that have any when they are first seen.
        """
        self.metadata = {
            "name": "mlagents_tf_v0",
            "render_modes": ["rgb_array"],
            "is_parallelizable": True,
        }
        self.render_mode = "rgb_array"
        self._options = {"uint8_visual": uint8_visual, "flatten_branched": flatten_branched}
        self._action_masks = action_masks
        self._source = EnvSource(env, int(np.random.default_rng().integers(2**31)))
        self._crowds: dict[str, Crowd] = {}
        self.reset()
        self.agents.clear()  # PettingZoo wants nobody before the first reset
        self._begun = False

    @property
    def env(self) -> Env:
        """The environment inside."""
        return self._source.env

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin anew; `options["parameters"]` are environment parameters from now on."""
        steps = self._source.reset(seed, options)
        for crowd in self._crowds.values():
            crowd.clear()
        self.agents: list[str] = []
        self.possible_agents: list[str] = []
        self._observations: dict[str, Any] = {}
        self._infos: dict[str, dict[str, Any]] = {}
        self._begun = True
        observations, *_, infos = self._see(steps)
        return observations, infos

    def step(self, actions: Mapping[str, Any]) -> Answers:
        """What all agents see and earn until some end or ask for a decision again.

        Args:
            actions: by name, one for each of `agents`.

        Raises:
            EnvError: an action is missing, of a wrong shape, or for somebody who is not there.
        """
        if not self._begun:
            raise EnvError("step was called before reset().")
        strangers = sorted(actions.keys() - set(self.agents))
        if strangers:
            raise EnvError(
                f"an action was given for '{strangers[0]}', who is not among the agents now."
            )
        crowds = {name: self._crowds[name] for name in self._asked}
        return self._see(
            self.env.step({name: crowd.actions(actions) for name, crowd in crowds.items()})
        )

    def observation_space(self, agent: str) -> Space[Any]:
        """The same space for all agents of a behavior."""
        return self._crowd_of(agent).observation_space

    def action_space(self, agent: str) -> Space[Any]:
        """The same space for all agents of a behavior."""
        return self._crowd_of(agent).action_space

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] picture of the first area."""
        if not isinstance(self.env, DrawableEnv):
            raise EnvError("this environment does not draw itself.")
        return self.env.render()

    def close(self) -> None:
        """Close the environment inside."""
        self.env.close()

    def _see(self, steps: Mapping[str, Step]) -> Answers:
        """Put the rows of the steps beside what is known of agents that wait."""
        rewards = dict.fromkeys(self.agents, 0.0)
        terminations = dict.fromkeys(self.agents, False)
        truncations = dict.fromkeys(self.agents, False)
        idle = {"group_reward": 0.0, "decides": False}
        infos = {name: {**info, **idle} for name, info in self._infos.items()}
        observations = self._observations
        for behavior, everyone in steps.items():
            crowd = self._crowd(behavior, everyone)
            step, names = crowd.name_rows(everyone)
            observations.update(zip(names, crowd.observations(step), strict=True))
            infos.update(zip(names, crowd.infos(step), strict=True))
            rewards.update(zip(names, step.rewards.tolist(), strict=True))
            terminations.update(zip(names, step.terminated.tolist(), strict=True))
            truncations.update(zip(names, step.interrupted.tolist(), strict=True))
        truncations.update(dict.fromkeys(self._vanished(), True))
        self._asked = list(steps)
        before = set(self.agents)
        self.possible_agents += [name for name in rewards if name not in before]
        self.agents = [name for name in rewards if not terminations[name] | truncations[name]]
        self._observations = {name: observations[name] for name in self.agents}
        self._infos = {name: infos[name] for name in self.agents}
        return observations, rewards, terminations, truncations, infos

    def _vanished(self) -> list[str]:
        """Names of agents that the environment says it has lost."""
        lost = self.env.take_lost() if isinstance(self.env, UnsteadyEnv) else {}
        return [
            name
            for behavior, ids in lost.items()
            if behavior in self._crowds
            for name in self._crowds[behavior].remove(ids)
        ]

    def _crowd(self, behavior: str, step: Step) -> Crowd:
        """The behavior's agents, whose spaces are made when it is first seen."""
        if behavior not in self._crowds:
            masked = self._action_masks
            if masked is None:
                masked = step.allowed_actions is not None
            layout = Layout(self.env.specs[behavior], **self._options)
            self._crowds[behavior] = Crowd(behavior, layout, masked=masked)
        return self._crowds[behavior]

    def _crowd_of(self, agent: str) -> Crowd:
        """The behavior's agents that `agent` is one of."""
        behavior = agent.rpartition(SEPARATOR)[0]
        if behavior not in self._crowds:
            raise EnvError(
                f"'{agent}' is no agent here; names are those of the behaviors "
                f"{sorted(self._crowds)}, such as '{next(iter(self._crowds))}{SEPARATOR}0'."
            )
        return self._crowds[behavior]
