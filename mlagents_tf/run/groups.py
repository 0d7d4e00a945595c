"""Says when a group earns what its trainer does not know how to share."""

from __future__ import annotations

from collections.abc import Callable

from mlagents_tf.steps import Step
from mlagents_tf.trainers.trainer import Trainer

NOT_SHARING = ("ppo", "sac")
"""Trainers that look at agents alone; a plugin's is taken to know what it does."""


class GroupWarning:
    """One remark for each behavior whose agents are given group rewards, and that trains alone.

    Args:
        warn: called with it.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._said: set[str] = set()

    def look(self, trainer: Trainer, step: Step) -> None:
        """Looks at the group rewards of a step."""
        name, trainer_type = trainer.behavior, trainer.settings.trainer_type
        if name in self._said or trainer_type not in NOT_SHARING or not step.group_rewards.any():
            return
        self._said.add(name)
        self._warn(
            f"behavior {name}: its agents are given group rewards, which {trainer_type} treats as "
            "each agent's own. Set trainer_type: poca to learn what each did for its group."
        )
