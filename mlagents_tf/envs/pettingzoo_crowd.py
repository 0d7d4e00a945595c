"""One behavior's agents under the names that PettingZoo knows them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from mlagents_tf.envs.gymnasium_layout import Layout
from mlagents_tf.errors import EnvError
from mlagents_tf.steps import Actions, IntArray, Step

SEPARATOR = "?agent_id="
"""Between a behavior and an agent's number, as in ML-Agents."""


class Crowd:
    """Who lives, who decides, and how their rows look one by one.

    PettingZoo wants a Python object for each agent, so this is where arrays end.

    Args:
        behavior: its name.
        layout: its spaces.
        masked: observations come with masks, if all actions are discrete.

    Attributes:
        observation_space, action_space: of each agent.
    """

    def __init__(self, behavior: str, layout: Layout, *, masked: bool) -> None:
        self.behavior = behavior
        self._layout = layout
        self.action_space = layout.action_space
        self.observation_space = layout.observation_space
        self._masked = masked and not layout.spec.actions.continuous_size
        if self._masked:
            seen = {"observation": layout.observation_space, "action_mask": self._mask_space()}
            self.observation_space = spaces.Dict(seen)
        self.clear()

    def clear(self) -> None:
        """Nobody lives, and the next is number 0."""
        self._names: dict[int, str] = {}
        self._count = 0
        self._deciding: list[str] = []

    def name_rows(self, step: Step) -> tuple[Step, list[str]]:
        """The step without agents that end before they decide, and the name of each row."""
        known = np.isin(step.agent_ids, np.fromiter(self._names, np.int64))
        new = step.agent_ids[~known & ~step.ended].tolist()
        self._names.update((key, self._new_name()) for key in new)
        step = step.take(known | ~step.ended)
        names = [self._names[key] for key in step.agent_ids.tolist()]
        self._deciding = [
            name for name, ended in zip(names, step.ended.tolist(), strict=True) if not ended
        ]
        self.remove(step.agent_ids[step.ended])
        return step, names

    def remove(self, ids: IntArray) -> list[str]:
        """The names of those agents [N] that lived, who do not any longer."""
        found = (self._names.pop(key, None) for key in np.asarray(ids).tolist())
        return [name for name in found if name is not None]

    def observations(self, step: Step) -> list[Any]:
        """A value of the observation space for each row."""
        rows = self._layout.rows(step)
        if not self._masked:
            return rows
        return list(map(_beside, rows, self._mask_rows(step)))

    def infos(self, step: Step) -> list[dict[str, Any]]:
        """What else is known, for each row."""
        masks = self._layout.masks(step)
        facts = zip(
            step.group_ids.tolist(),
            step.group_rewards.tolist(),
            (~step.ended).tolist(),
            [{}] * len(step.agent_ids) if masks is None else map(_shown, masks),
            strict=True,
        )
        return [
            {
                "behavior_name": self.behavior,
                "group_id": group,
                "group_reward": reward,
                "decides": decides,
                **shown,
            }
            for group, reward, decides, shown in facts
        ]

    def actions(self, actions: Mapping[str, Any]) -> Actions:
        """The actions of those who decide, in the order of their rows."""
        missing = [name for name in self._deciding if name not in actions]
        if missing:
            raise EnvError(f"'{missing[0]}' decides now, and no action was given for it.")
        values = [actions[name] for name in self._deciding]
        if self._layout.hybrid:
            pairs = ([value[0] for value in values], [value[1] for value in values])
            return self._layout.actions(pairs, len(values))
        return self._layout.actions(values, len(values))

    def _new_name(self) -> str:
        self._count += 1
        return f"{self.behavior}{SEPARATOR}{self._count - 1}"

    def _mask_space(self) -> spaces.Space[Any]:
        """A MultiBinary for each choice, a tuple of them where there are several."""
        if isinstance(self.action_space, spaces.Discrete):
            return spaces.MultiBinary(int(self.action_space.n))
        branches = self._layout.spec.actions.discrete_branches
        return spaces.Tuple([spaces.MultiBinary(size) for size in branches])

    def _mask_rows(self, step: Step) -> list[Any]:
        """A value of the mask's space for each row, int8 as Gymnasium samples with."""
        masks = np.asarray(self._layout.masks(step), np.int8)
        if isinstance(self.action_space, spaces.Discrete):
            return list(masks)
        parts = [masks[:, branch] for branch in self._layout.spec.actions.branch_slices()]
        return list(zip(*parts, strict=True))


def _beside(observation: Any, mask: Any) -> dict[str, Any]:
    return {"observation": observation, "action_mask": mask}


def _shown(mask: NDArray[np.bool_]) -> dict[str, Any]:
    return {"allowed_actions": mask}
