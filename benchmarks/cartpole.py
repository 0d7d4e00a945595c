"""The NumPy CartPole that the peers are measured on, as one of our environments.

It is loaded from the folder of the peers' scripts, so that all of them step the same code.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, Step, make_step, stack_steps

BEHAVIOR = "CartPole"


class PeerEnv:
    """N areas of a peers' environment (`cartpole` or `pendulum`).

    Args:
        peers: folder with `npenvs.py`.
        kind: its name there.
        num_areas: agents.
        seed: of its draws.
    """

    def __init__(self, peers: Path, kind: str, num_areas: int, seed: int = 0) -> None:
        world = _load(peers / "npenvs.py").ENVS[kind](num_areas, seed)
        self._world: Any = world
        spec = Spec((ObservationSpec((world.obs_size,)),), ActionSpec(world.cont, world.branches))
        self.specs = {BEHAVIOR: spec}
        self._num_areas = num_areas
        self._ids = np.arange(num_areas)
        self._next_id = num_areas
        self._zeros = np.zeros(num_areas, np.float32)
        self._groups = np.zeros(num_areas, np.int64)
        self._calm = np.zeros(num_areas, np.bool_)

    def reset(self, parameters: Mapping[str, float] | None = None) -> dict[str, Step]:
        """Every area begins."""
        return {BEHAVIOR: make_step(self._ids, (self._world.reset(),))}

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """One step of every area."""
        sent = actions[BEHAVIOR]
        obs, rewards, terminated, interrupted, final = self._world.step(
            sent.continuous, sent.discrete
        )
        ended = terminated | interrupted
        if not ended.any():
            step = Step(
                self._ids, (obs,), rewards, self._groups, self._zeros, None, self._calm, self._calm
            )
            return {BEHAVIOR: step}
        last = make_step(
            self._ids[ended],
            (final[ended],),
            rewards[ended],
            terminated=terminated[ended],
            interrupted=interrupted[ended],
        )
        ids = self._ids.copy()
        ids[ended] = self._next_id + np.arange(np.count_nonzero(ended))
        self._next_id += np.count_nonzero(ended)
        self._ids = ids
        return {BEHAVIOR: stack_steps(last, make_step(ids, (obs,), np.where(ended, 0, rewards)))}

    def close(self) -> None:
        """Nothing to free."""


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{path}: the peers' environments are needed for this benchmark")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
