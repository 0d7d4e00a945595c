"""What a stream of rewards is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.rewards.demonstrations import Demonstrations
from mlagents_tf.settings.rewards import RewardSignalSettings
from mlagents_tf.specs import Spec


class Transitions(NamedTuple):
    """Decisions and what came of them, as a reward signal sees them.

    Attributes:
        obs: tuple of [N, *shape].
        continuous: [N, C] in the environment's scale.
        discrete: [N, D] int32.
        rewards: [N] from the environment, group rewards included.
        terminated: [N] float, 1 where the task ended.
        next_obs: like `obs`, what the same agent saw afterwards.
        mask: [N] float, 1 = real row; where it is 0 nothing else can be relied on.
    """

    obs: tuple[tf.Tensor, ...]
    continuous: tf.Tensor
    discrete: tf.Tensor
    rewards: tf.Tensor
    terminated: tf.Tensor
    next_obs: tuple[tf.Tensor, ...]
    mask: tf.Tensor


SKIPPED = "skipped"
"""Of a gradient step: 1 if it was left out since a gradient was not finite."""


class RewardSignal:
    """A stream of rewards with its own discount and value head.

    A subclass defines `rewards`, which is called inside compiled updates: only TensorFlow, and
    nothing drawn. One with something to learn is a `LearnedReward`.

    Args:
        name: its key under `reward_signals`.
        settings: what stands there.
        spec: of the behavior.
        rng: draws the seeds of initial weights.
    """

    goes_on_after_the_end: ClassVar[bool] = False
    """True when a terminated episode is no reason to expect no more of this reward."""

    tags: tuple[str, ...] = ()
    """Names of the statistics that `train` returns; a signal without any is not trained."""

    demonstrations: Demonstrations | None = None
    """What it learns from besides. The trainer keeps its state, and one copy for all users."""

    def __init__(
        self, name: str, settings: RewardSignalSettings, spec: Spec, rng: np.random.Generator
    ) -> None:
        self.name = name
        self.gamma = settings.gamma
        self.strength = settings.strength

    @property
    def label(self) -> str:
        """Its name in statistics, capitalised as ML-Agents does."""
        return self.name.capitalize()

    @property
    def tags_of_step(self) -> list[str]:
        """Names of all that `train` returns; none where there is nothing to learn."""
        return [*self.tags, SKIPPED] if self.tags else []

    def prepare(self) -> list[str]:
        """Reads what it learns from besides the environment, once and before anything is learned.

        Returns:
            Remarks for the log.
        """
        return []

    def before_update(self, rng: np.random.Generator, num_rows: int) -> None:
        """On the host, before a compiled update in which `train` sees `num_rows` rows in all."""

    def rewards(self, transitions: Transitions) -> tf.Tensor:
        """[N] scaled rewards; whatever is not real is masked by the caller."""
        raise NotImplementedError(f"{type(self).__name__} must define rewards()")

    def train(self, transitions: Transitions, seed: tf.Tensor) -> tf.Tensor:
        """One gradient step, inside a compiled update.

        Args:
            transitions: B rows, the same that the policy has just learned from, or a sample.
            seed: [2] int32 for whatever is drawn, another one in every step.

        Returns:
            What `tags_of_step` names.
        """
        raise NotImplementedError(f"{type(self).__name__} has tags, so it must define train()")

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that decides its future, by name."""
        return {}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken.

        Raises:
            DataError: the network has changed since.
        """
