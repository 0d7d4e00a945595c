"""Demonstrations as minibatches inside compiled updates."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mlagents_tf.data.demos import load_demos
from mlagents_tf.errors import DataError
from mlagents_tf.ops.actions import one_hot_branches
from mlagents_tf.ops.seeds import integers
from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.specs import Spec


class ExpertRows(NamedTuple):
    """Decisions of whoever was recorded.

    Attributes:
        obs: tuple of [B, *shape], in the dtype of the spec.
        continuous: [B, C] in the environment's scale.
        discrete: [B, D] int32.
        allowed: [B, sum of branch sizes] bool; what was done is always among it.
        terminated: [B] float, 1 where the episode ended by it.
    """

    obs: tuple[tf.Tensor, ...]
    continuous: tf.Tensor
    discrete: tf.Tensor
    allowed: tf.Tensor
    terminated: tf.Tensor


class Demonstrations:
    """What stands in `.demo` files, for a compiled update to draw from.

    Args:
        settings: where they are, and how their actions are aligned.
        spec: of the behavior; the files must fit it.

    Attributes:
        num_rows: decisions that can be drawn.
        stories: [num_rows] numbers of the episodes they are part of, counted from 0.
    """

    def __init__(self, settings: DemonstrationSettings, spec: Spec) -> None:
        self.settings = settings
        self.spec = spec
        self.num_rows = 0
        self.stories = np.zeros(0, np.int64)
        self._variables: ExpertRows | None = None

    def load(self) -> list[str]:
        """Reads the files; returns remarks for the log, one for each file.

        Raises:
            DataError: damaged, foreign, of another spec, or without a single decision.
        """
        path = Path(self.settings.demo_path)
        demos = load_demos(path, self.spec, self.settings.demo_action_alignment)
        rows, real = demos.rows, demos.rows.real
        if not len(real):
            raise DataError(f"{path}: holds no decision to learn from.")
        self.num_rows = len(real)
        self.stories = (np.cumsum(rows.last) - rows.last)[real]
        branches = self.spec.actions.discrete_branches
        taken = one_hot_branches(rows.discrete[real], branches).numpy() > 0
        arrays = ExpertRows(
            tuple(obs[real] for obs in rows.obs),
            rows.continuous[real],
            rows.discrete[real],
            rows.allowed[real] | taken,
            rows.terminated[real].astype(np.float32),
        )
        self._variables = tf.nest.map_structure(lambda x: tf.Variable(x, trainable=False), arrays)
        return list(demos.remarks)

    def batch(self, indices: tf.Tensor) -> ExpertRows:
        """The rows at `indices` [B] int32."""
        if self._variables is None:
            raise RuntimeError("demonstrations are not loaded yet: call the trainer's prepare()")
        # not a constant: a compiled update would hold a copy of the whole file
        return tf.nest.map_structure(lambda x: tf.gather(x, indices), self._variables)

    def draw(self, size: int, seed: tf.Tensor) -> ExpertRows:
        """`size` rows, any of them with the same probability; seed [2] int32."""
        return self.batch(integers([size], seed, self.num_rows))

    def all_obs(self) -> tuple[tf.Tensor, ...]:
        """Tuple of [num_rows, *shape]."""
        return self.batch(tf.range(self.num_rows)).obs
