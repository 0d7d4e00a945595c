"""The one contract between environments and everything above them; `check.py` executes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.errors import EnvError
from mlagents_tf.samplers import Sampler
from mlagents_tf.specs import ActionSpec, Spec
from mlagents_tf.stats import EnvStatistic
from mlagents_tf.steps import Actions, IntArray, Step

Parameters = Mapping[str, float | Sampler]
"""Environment parameters by name, `{"scale": 2.0}`; what a sampler draws holds for an episode."""

State = dict[str, Any]
"""Arrays and JSON values by name, enough to continue exactly where the environment stands."""


@runtime_checkable
class Env(Protocol):
    """An environment of one or many behaviors; one process or many, the caller cannot tell."""

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Spec of each behavior; may grow while the environment runs."""
        ...

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begin anew; every agent starts an episode under a fresh id.

        Args:
            parameters: environment parameters from now on; those not named keep their value.
        """
        ...

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Advance until agents end or ask for a decision again.

        Args:
            actions: by behavior, one row for each row of the previous step that had not ended.
        """
        ...

    def close(self) -> None:
        """Free everything; may be called twice."""
        ...


@runtime_checkable
class StatefulEnv(Protocol):
    """An environment whose position can be stored, so that a resumed run is exact."""

    def state(self) -> State:
        """Everything that decides the future, generators included."""
        ...

    def load_state(self, state: State) -> dict[str, Step]:
        """Continue where `state()` was taken; returns the step that was current then."""
        ...


@runtime_checkable
class AdjustableEnv(Protocol):
    """An environment that takes new parameters without beginning anew."""

    def set_parameters(self, parameters: Parameters) -> None:
        """Environment parameters from the next episodes on; those not named keep their value."""
        ...


@runtime_checkable
class ReportingEnv(Protocol):
    """An environment that has statistics of its own."""

    def take_statistics(self) -> list[EnvStatistic]:
        """What it has reported since this was called last."""
        ...


@runtime_checkable
class UnsteadyEnv(Protocol):
    """An environment whose agents can vanish without a last row, with a process that dies."""

    def take_lost(self) -> dict[str, IntArray]:
        """Ids [N] by behavior of agents that have vanished since this was called last."""
        ...


@runtime_checkable
class DrawableEnv(Protocol):
    """An environment that can be looked at."""

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] picture of the first area."""
        ...


def check_actions(
    behavior: str,
    actions: Actions,
    spec: ActionSpec,
    rows: int,
    branches: NDArray[np.uint32],
) -> None:
    """Raise EnvError unless actions have `rows` rows, the spec's sizes and possible values.

    Args:
        branches: [D] sizes of the branches.
    """
    sizes = (rows, spec.continuous_size), (rows, len(branches))
    shapes = actions.continuous.shape, actions.discrete.shape
    if shapes != sizes:
        raise EnvError(
            f"{behavior}: actions have shapes {shapes[0]} (continuous) and {shapes[1]} (discrete); "
            f"expected {sizes[0]} and {sizes[1]}, one row for each agent that decides."
        )
    if spec.continuous_size and not np.isfinite(actions.continuous).all():
        raise EnvError(f"{behavior}: a continuous action is not finite; the policy has diverged.")
    if len(branches):  # as unsigned numbers negative options are huge, so that one test finds both
        options = actions.discrete.astype(np.uint32)
        if (options >= branches).any():
            raise EnvError(
                f"{behavior}: discrete actions hold option {actions.discrete.min()} to "
                f"{actions.discrete.max()}; the branches have sizes {branches.tolist()}."
            )
