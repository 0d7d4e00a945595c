"""Whether a model and a behavior fit each other, and what the model is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.export.models import Model
from mlagents_tf.export.signature import (
    ACTION_MASKS,
    RECURRENT_IN,
    RECURRENT_OUT,
    constants,
    input_shapes,
)
from mlagents_tf.specs import WHITE, ActionSpec, Spec
from mlagents_tf.steps import BoolArray, FloatArray


def feeds(
    actions: ActionSpec,
    obs: tuple[NDArray[Any], ...],
    allowed: BoolArray | None,
    memories: FloatArray,
) -> dict[str, FloatArray]:
    """Inputs of a model by name; for `allowed` see `Step.allowed_actions`, memories are [n, M]."""
    inputs = {f"obs_{k}": as_floats(array) for k, array in enumerate(obs)}
    if actions.num_branches:
        everything = np.ones((len(obs[0]), actions.num_discrete), np.float32)
        inputs[ACTION_MASKS] = everything if allowed is None else allowed.astype(np.float32)
    if memories.shape[1]:
        inputs[RECURRENT_IN] = memories[:, None]
    return inputs


def as_floats(obs: NDArray[Any]) -> FloatArray:
    """As Unity hands observations to a model: images from 0 to 1."""
    scale = WHITE if obs.dtype == np.uint8 else 1.0
    return np.asarray(obs, np.float32) / np.float32(scale)


def misfit(model: Model, spec: Spec) -> str:
    """What keeps `model` from playing a behavior of `spec`, or nothing."""
    memory_size = memory_size_of(model)
    expected = input_shapes(spec, memory_size)
    if model.inputs != expected:
        return f"its inputs are {in_words(model.inputs)}, but must be {in_words(expected)}"
    missing = sorted(output_names(spec.actions, memory_size) - set(model.outputs))
    if missing:
        return f"it has no output {', '.join(missing)}"
    zeros = {name: np.zeros((1, *shape), np.float32) for name, shape in expected.items()}
    found = model.run(zeros)
    for name, value in constants(spec.actions, memory_size).items():
        if not np.array_equal(found[name], np.asarray(value, np.float32)):
            return f"its {name} is {found[name].tolist()}, but must be {value}"
    if memory_size and found[RECURRENT_OUT].shape != (1, 1, memory_size):
        sizes = list(found[RECURRENT_OUT].shape[1:])
        return f"its {RECURRENT_OUT} is {sizes}, but must be {[1, memory_size]}"
    return ""


def memory_size_of(model: Model) -> int:
    """M, numbers that `model` remembers of each agent: what goes into it says how many."""
    size = model.inputs.get(RECURRENT_IN, (0,))[-1]
    return size if isinstance(size, int) and size > 0 else 0


def output_names(actions: ActionSpec, memory_size: int) -> set[str]:
    """All outputs of a model of version 3."""
    kinds = ["continuous_actions"] * bool(actions.continuous_size)
    kinds += ["discrete_actions"] * bool(actions.num_branches)
    names = {*constants(actions, memory_size), *kinds, *(f"deterministic_{k}" for k in kinds)}
    return names | {RECURRENT_OUT} if memory_size else names


def in_words(inputs: dict[str, tuple[int, ...]]) -> str:
    """`action_masks [5], obs_0 [8]`."""
    return ", ".join(f"{name} {list(shape)}" for name, shape in sorted(inputs.items()))
