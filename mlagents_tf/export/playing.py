"""Acts with an exported model, as an actor acts with a policy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.errors import DataError
from mlagents_tf.export.contract import feeds, memory_size_of, misfit
from mlagents_tf.export.models import Model
from mlagents_tf.export.signature import RECURRENT_OUT
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, BoolArray, FloatArray
from mlagents_tf.trainers.actor import Decision


class ModelActor:
    """Decides with the outputs of a model.

    Args:
        model: an export of ours or of ML-Agents.
        spec: of the behavior that it plays.
        deterministic: the likeliest action instead of one that the model draws.

    Attributes:
        memory_size: M, numbers that the model remembers of each agent; 0 for no memory.

    Raises:
        DataError: the model sees or does something else.
    """

    def __init__(self, model: Model, spec: Spec, deterministic: bool) -> None:
        problem = misfit(model, spec)
        if problem:
            raise DataError(f"{model.path}: does not fit the environment: {problem}")
        self._model = model
        self._actions = spec.actions
        self._prefix = "deterministic_" if deterministic else ""
        self.memory_size = memory_size_of(model)

    def decide(
        self,
        obs: tuple[NDArray[Any], ...],
        allowed: BoolArray | None,
        rng: np.random.Generator,
        memories: FloatArray | None = None,
    ) -> Decision:
        """Actions for agents that see `obs` (tuple of [N, *obs_k]) and remember [N, M].

        A model draws without `rng`; no memories are those of agents that remember nothing.
        """
        rows, actions = len(obs[0]), self._actions
        continuous = np.zeros((rows, actions.continuous_size), np.float32)
        discrete = np.zeros((rows, actions.num_branches), np.int32)
        if memories is None:
            memories = np.zeros((rows, self.memory_size), np.float32)
        outputs = self._model.run(feeds(actions, obs, allowed, memories)) if rows else {}
        if outputs and actions.continuous_size:
            # ML-Agents leaves the deterministic outputs of SAC unbounded
            continuous = np.clip(outputs[f"{self._prefix}continuous_actions"], -1.0, 1.0)
        if outputs and actions.num_branches:
            discrete = outputs[f"{self._prefix}discrete_actions"].astype(np.int32)
        if outputs and self.memory_size:
            memories = outputs[RECURRENT_OUT][:, 0]
        return Decision(Actions(continuous, discrete), continuous, discrete, memories, None)


class ModelPlayer(NamedTuple):
    """What plays a behavior in the place of a trainer."""

    actor: ModelActor
