"""What a behavior may do, what became of an agent, and what it did: three of Unity's messages."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.protobuf.wire import (
    DELIMITED,
    FIXED32,
    VARINT,
    WireError,
    as_float,
    as_floats,
    as_integers,
    as_text,
    bytes_field,
    float_field,
    integer_field,
    key_of,
    packed_field,
    read_fields,
    signed,
)
from mlagents_tf.specs import ActionSpec
from mlagents_tf.steps import BoolArray, FloatArray

MOST_ACTIONS = 4096
"""Continuous dimensions, branches, and options of all branches together."""
MOST_OBSERVATIONS = 1024
EMPTY = memoryview(b"")
ZERO = memoryview(bytes(4))

# BrainParametersProto
OLD_SIZES = key_of(3, DELIMITED)
OLD_DESCRIPTIONS = key_of(5, DELIMITED)
OLD_SPACE_TYPE = key_of(6, VARINT)
BRAIN_NAME = key_of(7, DELIMITED)
ACTION_SPEC = key_of(9, DELIMITED)
# ActionSpecProto
NUM_CONTINUOUS = key_of(1, VARINT)
NUM_DISCRETE = key_of(2, VARINT)
BRANCHES = key_of(3, DELIMITED)
DESCRIPTIONS = key_of(4, DELIMITED)
# AgentInfoProto
REWARD = key_of(7, FIXED32)
DONE = key_of(8, VARINT)
MAX_STEP_REACHED = key_of(9, VARINT)
ID = key_of(10, VARINT)
ACTION_MASK = key_of(11, DELIMITED)
OBSERVATIONS = key_of(13, DELIMITED)
GROUP_ID = key_of(14, VARINT)
GROUP_REWARD = key_of(15, FIXED32)
# AgentActionProto
OLD_ACTIONS = key_of(1, DELIMITED)
CONTINUOUS = key_of(6, DELIMITED)
DISCRETE = key_of(7, DELIMITED)


class AgentInfo(NamedTuple):
    """What became of an agent.

    Attributes:
        observations: messages, one for each sensor.
        reward: since its previous decision.
        group_reward: what its group was given meanwhile.
        ended: its episode is over.
        interrupted: its episode is over because it was cut.
        forbidden: one byte for each option of all branches, 1 = may not be taken; or none.
        agent_id: unique until the environment is closed.
        group_id: 0 = none.
    """

    observations: list[memoryview]
    reward: float
    group_reward: float
    ended: bool
    interrupted: bool
    forbidden: memoryview
    agent_id: int
    group_id: int


def read_behavior(data: memoryview) -> tuple[str, ActionSpec]:
    """BrainParametersProto: the behavior's name and what it may do."""
    repeated = (OLD_DESCRIPTIONS,)
    fields = read_fields(data, repeated, MOST_ACTIONS)
    name = as_text(fields.get(BRAIN_NAME, EMPTY))
    spec = _new_spec(fields.get(ACTION_SPEC, EMPTY)) or _old_spec(fields)
    if max(spec.continuous_size, spec.num_branches, spec.num_discrete) > MOST_ACTIONS:
        raise WireError(f"more than {MOST_ACTIONS} actions")
    if min(spec.continuous_size, *spec.discrete_branches, 1) < 0 or 0 in spec.discrete_branches:
        raise WireError(f"{spec.continuous_size} actions, branches {spec.discrete_branches}")
    if not spec.continuous_size and not spec.discrete_branches:
        raise WireError("no actions")
    return name, spec


def _new_spec(data: memoryview) -> ActionSpec | None:
    """ActionSpecProto, which older senders leave out or leave empty."""
    fields = read_fields(data, (DESCRIPTIONS,), 2 * MOST_ACTIONS)
    continuous, discrete = fields.get(NUM_CONTINUOUS, 0), fields.get(NUM_DISCRETE, 0)
    if not continuous and not discrete:
        return None
    branches = as_integers(fields.get(BRANCHES, EMPTY), MOST_ACTIONS)
    if len(branches) != discrete:
        raise WireError(f"{len(branches)} branch sizes for {discrete} branches")
    return ActionSpec(continuous, branches)


def _old_spec(fields: dict[int, Any]) -> ActionSpec:
    sizes = as_integers(fields.get(OLD_SIZES, EMPTY), MOST_ACTIONS)
    if not fields.get(OLD_SPACE_TYPE, 0):
        return ActionSpec(0, sizes)
    if len(sizes) != 1:
        raise WireError(f"{len(sizes)} sizes of a continuous action")
    return ActionSpec(sizes[0])


def read_agent_info(data: memoryview) -> AgentInfo:
    """AgentInfoProto, its observations still to be read."""
    fields = read_fields(data, (OBSERVATIONS,), MOST_OBSERVATIONS)
    reward, group_reward = (as_float(fields.get(key, ZERO)) for key in (REWARD, GROUP_REWARD))
    if not math.isfinite(reward) or not math.isfinite(group_reward):
        raise WireError("a reward that is not finite")
    ended = bool(fields.get(DONE, 0))
    return AgentInfo(
        fields[OBSERVATIONS],
        reward,
        group_reward,
        ended,
        ended and bool(fields.get(MAX_STEP_REACHED, 0)),
        fields.get(ACTION_MASK, EMPTY),
        signed(fields.get(ID, 0)),
        signed(fields.get(GROUP_ID, 0)),
    )


def read_forbidden(data: memoryview, spec: ActionSpec) -> BoolArray:
    """[A] bool, True = may not be taken."""
    forbidden = np.frombuffer(data, np.uint8)
    if len(forbidden) != spec.num_discrete:
        raise WireError(f"a mask of {len(forbidden)} options, expected {spec.num_discrete}")
    if (forbidden > 1).any():
        raise WireError("a mask of other values than 0 and 1")
    return forbidden.astype(np.bool_)


def read_action(
    data: memoryview, spec: ActionSpec, continuous: FloatArray, discrete: NDArray[np.int32]
) -> None:
    """AgentActionProto of either kind, into `continuous` [C] and `discrete` [D]."""
    fields = read_fields(data)
    floats = as_floats(fields.get(CONTINUOUS, EMPTY))
    options = np.array(as_integers(fields.get(DISCRETE, EMPTY), MOST_ACTIONS), np.int64)
    if not len(floats) and not len(options):
        old = as_floats(fields.get(OLD_ACTIONS, EMPTY))
        floats, options = _old_actions(old, spec)
    if (len(floats), len(options)) != (spec.continuous_size, spec.num_branches):
        raise WireError(
            f"an action of {len(floats)} continuous and {len(options)} discrete values, expected "
            f"{spec.continuous_size} and {spec.num_branches}"
        )
    if not np.isfinite(floats).all():
        raise WireError("an action that is not finite")
    beyond = (options < 0) | (options >= spec.discrete_branches)
    if beyond.any():
        branch = int(beyond.argmax())
        raise WireError(
            f"option {options[branch]} of branch {branch}, expected 0 to "
            f"{spec.discrete_branches[branch] - 1}"
        )
    continuous[:] = floats
    discrete[:] = options


def _old_actions(
    values: NDArray[np.float32], spec: ActionSpec
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Options were sent as floats until actions could be hybrid."""
    if not spec.num_branches:
        return values, np.zeros(0, np.int64)
    whole = np.isfinite(values) & (values == np.trunc(values)) & (np.abs(values) < 1 << 24)
    if not whole.all():
        raise WireError(f"option {values[int((~whole).argmax())]}, which is no whole number")
    return np.zeros(0, np.float32), values.astype(np.int64)


def encode_behavior(
    name: str, spec: ActionSpec, *, is_training: bool = False, legacy: bool = False
) -> bytes:
    """BrainParametersProto.

    Args:
        name: of the behavior.
        spec: what it may do.
        is_training: that it asks a trainer for decisions, as a player says and a recorder does not.
        legacy: the fields of before there were hybrid actions, which cannot say both.
    """
    named = bytes_field(7, name.encode()) + integer_field(8, is_training)
    if legacy:
        sizes = spec.discrete_branches or (spec.continuous_size,)
        return packed_field(3, sizes) + integer_field(6, not spec.num_branches) + named
    actions = (
        integer_field(1, spec.continuous_size)
        + integer_field(2, spec.num_branches)
        + packed_field(3, spec.discrete_branches)
    )
    return named + bytes_field(9, actions)


def encode_agent_info(info: AgentInfo) -> bytes:
    """AgentInfoProto."""
    parts = [
        float_field(7, info.reward),
        integer_field(8, info.ended),
        integer_field(9, info.interrupted),
        integer_field(10, info.agent_id),
        bytes_field(11, bytes(info.forbidden)) if len(info.forbidden) else b"",
        *(bytes_field(13, observation) for observation in info.observations),
        integer_field(14, info.group_id),
        float_field(15, info.group_reward),
    ]
    return b"".join(parts)


def encode_action(
    continuous: FloatArray, discrete: NDArray[np.int32], legacy: bool = False
) -> bytes:
    """AgentActionProto.

    Args:
        continuous: [C].
        discrete: [D].
        legacy: also in the field of before there were hybrid actions, options as floats.
    """
    floats = np.ascontiguousarray(continuous, "<f4").tobytes()
    old = (floats or np.ascontiguousarray(discrete, "<f4").tobytes()) if legacy else b""
    return b"".join(
        [
            bytes_field(1, old) if old else b"",
            bytes_field(6, floats) if floats else b"",
            packed_field(7, discrete.tolist()),
        ]
    )
