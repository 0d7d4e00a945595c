"""Refuses what an environment must not send, and updates that went wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlagents_tf.errors import EnvError, SettingsError, TrainingError
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.rewards import RewardSignalSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import BoolArray, Step


def check_step(behavior: str, spec: Spec, step: Step) -> None:
    """Raises EnvError, naming behavior, observation and agent, if `step` cannot be learned from."""
    _check_shapes(behavior, spec, step)
    if not np.isfinite(step.rewards).all():
        _refuse_value(behavior, "reward", step, step.rewards)
    if not np.isfinite(step.group_rewards).all():
        _refuse_value(behavior, "group reward", step, step.group_rewards)
    for k, obs in enumerate(step.obs):
        if obs.dtype.kind == "f" and not np.isfinite(obs).all():
            _refuse_value(behavior, f"observation {k}", step, obs)
    if step.allowed_actions is not None:
        _check_masks(behavior, spec, step, step.allowed_actions)


def _check_shapes(behavior: str, spec: Spec, step: Step) -> None:
    n = len(step.agent_ids)
    if len(step.obs) != len(spec.observations):
        raise EnvError(
            f"behavior {behavior}: {len(step.obs)} observations arrived, its spec declares "
            f"{len(spec.observations)} ({spec.describe()})"
        )
    for k, (obs, expected) in enumerate(zip(step.obs, spec.observations, strict=True)):
        if obs.shape != (n, *expected.shape):
            name = f" ({expected.name})" if expected.name else ""
            raise EnvError(
                f"behavior {behavior}: observation {k}{name} arrived with shape "
                f"{list(obs.shape)}, its spec declares {[n, *expected.shape]} for {n} agents"
            )
    options = (n, spec.actions.num_discrete)
    expectations = {"rewards": (n,), "group_rewards": (n,), "allowed_actions": options}
    for field, shape in expectations.items():
        array = getattr(step, field)
        if array is not None and array.shape != shape:
            raise EnvError(
                f"behavior {behavior}: {field} arrived with shape {list(array.shape)}, "
                f"expected {list(shape)} for {n} agents"
            )


def _refuse_value(behavior: str, what: str, step: Step, values: np.ndarray) -> None:
    row = np.argwhere(~np.isfinite(values))[0]
    place = f"[{', '.join(str(i) for i in row[1:])}]" if len(row) > 1 else ""
    raise EnvError(
        f"behavior {behavior}: {what}{place} of agent {step.agent_ids[row[0]]} is "
        f"{values[tuple(row)]}; observations and rewards must be finite numbers, "
        "look for a division by zero in the environment"
    )


def _check_masks(behavior: str, spec: Spec, step: Step, allowed: BoolArray) -> None:
    deciding = ~step.ended
    for branch, options in enumerate(spec.actions.branch_slices()):
        none = deciding & ~allowed[:, options].any(axis=1)
        if none.any():
            raise EnvError(
                f"behavior {behavior}: the action mask of agent {step.agent_ids[none][0]} "
                f"forbids all {options.stop - options.start} options of branch {branch}; "
                "at least one must be allowed"
            )


def refuse_skipped(
    behavior: str, step: int, skipped: float, count: int, statistics: Mapping[str, float]
) -> None:
    """Raises TrainingError if an update left out some of its `count` gradient steps."""
    if not skipped:
        return
    losses = ", ".join(
        f"{tag.removeprefix('Losses/').lower()} {value}"
        for tag, value in statistics.items()
        if tag.startswith("Losses/")
    )
    raise TrainingError(
        f"behavior {behavior}: {skipped:.0f} of {count} gradients were not finite in the update at "
        f"step {step} ({losses}). Their steps were skipped and the run is stopped. Look for "
        "rewards or observations of extreme size, or lower learning_rate."
    )


def extrinsic_alone(behavior: str, settings: BehaviorSettings) -> RewardSignalSettings:
    """The settings of `extrinsic`, for a trainer that knows nothing else to learn from.

    Raises:
        SettingsError: there is another signal, cloning or memory, which would be without effect.
    """
    unused = [f"reward_signals.{name}" for name in settings.reward_signals if name != "extrinsic"]
    if settings.behavioral_cloning is not None:
        unused.append("behavioral_cloning")
    if settings.network_settings.memory is not None:
        unused.append("network_settings.memory")
    if unused or "extrinsic" not in settings.reward_signals:
        found = ", ".join(unused) or "no reward_signals.extrinsic"
        raise SettingsError(
            f"behaviors.{behavior}: {settings.trainer_type} learns from reward_signals.extrinsic "
            f"and has no memory and no cloning (received: {found}). Change that, or train with ppo."
        )
    return settings.reward_signals["extrinsic"]
