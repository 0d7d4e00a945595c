"""The contract of environments, executable: run it on your own environment before training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mlagents_tf.envs.env import Env, StatefulEnv
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, Spec
from mlagents_tf.steps import Actions, Step

Steps = Mapping[str, Step]


def check_env(factory: Callable[[], Env], *, steps: int = 100, seed: int = 0) -> None:
    """Play random actions and raise EnvError in one sentence for the first broken promise.

    Checked: ids are unique and never return, observations and masks have the spec's shape and
    dtype and are finite, no row is both terminated and interrupted, every branch leaves an option,
    the same seed gives the same steps, and a stored state continues exactly.

    Args:
        factory: makes the environment, each time with the same seed.
        steps: environment steps to play.
        seed: of the random actions.
    """
    first, second = factory(), factory()
    try:
        _play(first, second, steps, np.random.default_rng(seed))
        if isinstance(first, StatefulEnv):
            _check_state(first, second, np.random.default_rng(seed + 1), steps)
    finally:
        first.close()
        second.close()


def random_actions(generator: np.random.Generator, spec: ActionSpec, step: Step) -> Actions:
    """Uniform actions that the masks allow, one row for each deciding row of `step`."""
    deciding = ~step.ended
    rows = step.num_deciding
    continuous = generator.uniform(-1.0, 1.0, (rows, spec.continuous_size)).astype(np.float32)
    scores = generator.random((rows, spec.num_discrete))
    if step.allowed_actions is not None:
        scores = np.where(step.allowed_actions[deciding], scores, -1.0)
    chosen = [scores[:, branch].argmax(axis=1) for branch in spec.branch_slices()]
    discrete = np.stack(chosen, axis=1) if chosen else np.zeros((rows, 0))
    return Actions(continuous, discrete.astype(np.int32))


def _play(first: Env, second: Env, num_steps: int, generator: np.random.Generator) -> None:
    """Step both environments alike; check each step and that they agree."""
    records: dict[str, _Ids] = {}
    one, other = first.reset(), second.reset()
    for index in range(num_steps + 1):
        _compare(one, other, f"at step {index} with the same seed and actions")
        for behavior, step in one.items():
            if behavior not in first.specs:
                raise EnvError(f"{behavior}: a step names this behavior, `specs` does not.")
            check_step(behavior, first.specs[behavior], step)
            records.setdefault(behavior, _Ids(behavior)).follow(step)
        if index < num_steps:
            actions = _answers(first, one, generator)
            one, other = first.step(actions), second.step(actions)


def _answers(env: Env, steps: Steps, generator: np.random.Generator) -> dict[str, Actions]:
    return {
        behavior: random_actions(generator, env.specs[behavior].actions, step)
        for behavior, step in steps.items()
    }


def _check_state(env: Env, other: Env, generator: np.random.Generator, num_steps: int) -> None:
    """Another environment given a state taken in the middle continues like this one."""
    steps = env.reset()
    for _ in range(num_steps // 2):
        steps = env.step(_answers(env, steps, generator))
    if isinstance(env, StatefulEnv) and isinstance(other, StatefulEnv):
        loaded = other.load_state(env.state())
        _compare(steps, loaded, "after load_state")
    for index in range(num_steps // 2):
        actions = _answers(env, steps, generator)
        steps, loaded = env.step(actions), other.step(actions)
        _compare(steps, loaded, f"{index + 1} steps after load_state")


class _Ids:
    """Which agents of a behavior have been seen, and which have ended."""

    def __init__(self, behavior: str) -> None:
        self.behavior = behavior
        self._ended: set[int] = set()

    def follow(self, step: Step) -> None:
        """No agent that ended in an earlier step is in this one."""
        returned = self._ended.intersection(step.agent_ids.tolist())
        if returned:
            raise EnvError(
                f"{self.behavior}: agent {min(returned)} came back after its episode had ended; "
                "a new episode needs a new id."
            )
        self._ended.update(step.agent_ids[step.ended].tolist())


def check_step(behavior: str, spec: Spec, step: Step) -> None:
    """Raise EnvError unless `step` keeps what `Step` and `spec` promise."""
    _check_columns(behavior, spec, step)
    _check_observations(behavior, spec, step)
    ids, counts = np.unique(step.agent_ids, return_counts=True)
    if (counts > 1).any():
        raise EnvError(f"{behavior}: agent {ids[counts > 1][0]} stands in two rows of one step.")
    both = step.terminated & step.interrupted
    if both.any():
        raise EnvError(
            f"{behavior}: agent {step.agent_ids[both][0]} is both terminated and interrupted."
        )
    for name, rewards in (("reward", step.rewards), ("group reward", step.group_rewards)):
        wrong = ~np.isfinite(rewards)
        if wrong.any():
            raise EnvError(
                f"{behavior}: the {name} of agent {step.agent_ids[wrong][0]} is not finite."
            )
    _check_masks(behavior, spec.actions, step)


def _check_columns(behavior: str, spec: Spec, step: Step) -> None:
    """One value of the right dtype for each row."""
    kinds = {
        "agent_ids": np.int64,
        "rewards": np.float32,
        "group_ids": np.int64,
        "group_rewards": np.float32,
        "terminated": np.bool_,
        "interrupted": np.bool_,
    }
    rows = len(step.agent_ids)
    for name, kind in kinds.items():
        column = getattr(step, name)
        if column.shape != (rows,) or column.dtype != kind:
            raise EnvError(
                f"{behavior}: {name} is {column.dtype} of shape {column.shape}; "
                f"expected {np.dtype(kind)} of shape ({rows},)."
            )
    if len(step.obs) != len(spec.observations):
        raise EnvError(
            f"{behavior}: a step has {len(step.obs)} observations, "
            f"the spec {len(spec.observations)}."
        )


def _check_observations(behavior: str, spec: Spec, step: Step) -> None:
    """Shape and dtype as in the spec, and finite."""
    rows = len(step.agent_ids)
    for index, (obs, wanted) in enumerate(zip(step.obs, spec.observations, strict=True)):
        if obs.shape != (rows, *wanted.shape) or obs.dtype != wanted.dtype:
            raise EnvError(
                f"{behavior}: observation {index} is {obs.dtype} of shape {obs.shape}; "
                f"expected {wanted.dtype} of shape {(rows, *wanted.shape)}."
            )
        wrong = ~np.isfinite(obs).all(axis=tuple(range(1, obs.ndim)))
        if wrong.any():
            raise EnvError(
                f"{behavior}: observation {index} of agent {step.agent_ids[wrong][0]} "
                "is not finite."
            )


def _check_masks(behavior: str, spec: ActionSpec, step: Step) -> None:
    """Masks have a column for each option and leave one in each branch."""
    allowed = step.allowed_actions
    if allowed is None:
        return
    shape = len(step.agent_ids), spec.num_discrete
    if allowed.shape != shape or allowed.dtype != np.bool_:
        raise EnvError(
            f"{behavior}: allowed_actions is {allowed.dtype} of shape {allowed.shape}; "
            f"expected bool of shape {shape}."
        )
    for index, branch in enumerate(spec.branch_slices()):
        stuck = ~step.ended & ~allowed[:, branch].any(axis=1)
        if stuck.any():
            raise EnvError(
                f"{behavior}: agent {step.agent_ids[stuck][0]} is allowed no option in "
                f"branch {index}."
            )


def _compare(one: Steps, other: Steps, when: str) -> None:
    """Raise EnvError unless both hold the same behaviors with equal arrays."""
    if set(one) != set(other):
        raise EnvError(f"behaviors differ {when}: {sorted(one)} and {sorted(other)}.")
    for behavior, step in one.items():
        twin = other[behavior]
        for name in Step._fields:
            mine, theirs = getattr(step, name), getattr(twin, name)
            pairs = zip(mine, theirs, strict=True) if name == "obs" else [(mine, theirs)]
            for index, (left, right) in enumerate(pairs):
                if not np.array_equal(left, right):
                    what = f"observation {index}" if name == "obs" else name
                    raise EnvError(f"{behavior}: {what} differs {when}.")
