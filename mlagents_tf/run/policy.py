"""`mlagents_tf.load_policy`: a trained policy that acts on NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlagents_tf.data.memories import Memories
from mlagents_tf.errors import DataError, EnvError
from mlagents_tf.run.evaluate import load_run, load_trainer
from mlagents_tf.run.state import RUN_FILE, commit_at
from mlagents_tf.run.storage import load_json
from mlagents_tf.steps import Actions, make_step
from mlagents_tf.trainers.checks import check_step
from mlagents_tf.trainers.trainer import Trainer


def load_policy(
    run: str | Path,
    behavior: str | None = None,
    deterministic: bool = True,
    *,
    seed: int | None = None,
    encoder: str | Sequence[str] = (),
) -> Policy:
    """The policy of a run's newest checkpoint.

    Args:
        run: its directory, such as results/first.
        behavior: which one; may be left out where the run has only one.
        deterministic: the likeliest action instead of a draw.
        seed: of the draws.
        encoder: import path of an encoder of yours that the run names, or several; nothing else
            is imported because a file of the run says so.

    Raises:
        SettingsError: the run names another.
        DataError: there is no such run or behavior, or it is damaged.
    """
    run_dir = Path(run)
    settings = load_run(run_dir, [encoder] if isinstance(encoder, str) else encoder)
    source = commit_at(run_dir)
    name = choose_behavior(run_dir, load_json(source / RUN_FILE)["behaviors"], behavior)
    trainer = load_trainer(source, name, settings)
    trainer.actor.deterministic = deterministic
    return Policy(trainer, np.random.default_rng(seed))


def choose_behavior(run_dir: Path, behaviors: Sequence[str], asked: str | None) -> str:
    """The behavior that is asked for, or the only one."""
    if asked is None and len(behaviors) == 1:
        return behaviors[0]
    listed = ", ".join(behaviors) or "none"
    if asked is None:
        raise DataError(f"{run_dir}: name the behavior to load; it has: {listed}")
    if asked not in behaviors:
        raise DataError(f"{run_dir}: has no behavior '{asked}', only: {listed}")
    return asked


class Policy:
    """Decides for agents of one behavior; nothing is learned.

    A policy with `network_settings.memory` remembers what each agent has seen; `forget` begins
    an episode.

    Attributes:
        behavior: its name.
        spec: what it sees and does.
        steps: decisions it was trained with.
    """

    def __init__(self, trainer: Trainer, rng: np.random.Generator) -> None:
        self.behavior = trainer.behavior
        self.spec = trainer.spec
        self.steps = trainer.steps
        self._actor = trainer.actor
        self._rng = rng
        self._memories = Memories(self._actor.memory_size)

    def __repr__(self) -> str:
        return f"<Policy {self.behavior}: {self.spec.describe()}; trained {self.steps} steps>"

    def act(
        self,
        obs: ArrayLike | tuple[ArrayLike, ...],
        allowed_actions: ArrayLike | None = None,
        agent_ids: ArrayLike | None = None,
    ) -> Actions:
        """Actions for N agents.

        Args:
            obs: [N, *shape], or a tuple of these where the spec has several observations.
            allowed_actions: [N, sum of branch sizes] bool, True = may be taken; None = all may.
            agent_ids: [N] whole numbers that say who is who, for a policy with memory; None = 0 to
                N - 1.

        Raises:
            EnvError: a wrong shape, a value that is not finite, or a mask that forbids all.
        """
        arrays = self._observations(obs if isinstance(obs, tuple) else (obs,))
        allowed = None if allowed_actions is None else np.asarray(allowed_actions, np.bool_)
        count = len(arrays[0])
        ids = np.arange(count) if agent_ids is None else np.asarray(agent_ids, np.int64)
        if ids.shape != (count,) or len(np.unique(ids)) != count:
            raise EnvError(
                f"behavior {self.behavior}: agent_ids are {ids.tolist()}, but must be {count} "
                "different numbers, one for each row of the observations"
            )
        check_step(self.behavior, self.spec, make_step(ids, arrays, allowed_actions=allowed))
        decision = self._actor.decide(arrays, allowed, self._rng, self._memories.of(ids))
        self._memories.keep(ids, decision.memories)
        return decision.actions

    def forget(self, agent_ids: ArrayLike | None = None) -> None:
        """Begins an episode of agents [N], or of all: what they remember is gone."""
        chosen = None if agent_ids is None else np.asarray(agent_ids, np.int64)
        self._memories.forget(chosen)

    def _observations(self, obs: tuple[ArrayLike, ...]) -> tuple[NDArray[Any], ...]:
        """Arrays of the spec's types, which have a row for each agent."""
        specs = self.spec.observations
        if len(obs) != len(specs):
            raise EnvError(
                f"behavior {self.behavior}: {len(obs)} observations were given, it sees "
                f"{len(specs)} ({self.spec.describe()})"
            )
        arrays = tuple(np.asarray(x, spec.dtype) for x, spec in zip(obs, specs, strict=True))
        for k, (array, spec) in enumerate(zip(arrays, specs, strict=True)):
            if array.ndim != 1 + len(spec.shape) or array.shape[1:] != spec.shape:
                shape = ", ".join(("N", *map(str, spec.shape)))
                raise EnvError(
                    f"behavior {self.behavior}: observation {k} has shape {list(array.shape)}, "
                    f"but must have [{shape}], one row for each of N agents"
                )
        return arrays
