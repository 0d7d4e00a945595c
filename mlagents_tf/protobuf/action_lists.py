"""What the agents of a behavior do: ListAgentActionProto, to and from arrays."""

from __future__ import annotations

import numpy as np

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.agents import (
    CONTINUOUS,
    DISCRETE,
    OLD_ACTIONS,
    encode_action,
    read_action,
)
from mlagents_tf.protobuf.layouts import CONTINUES, Bytes, column, float_bytes, make_layout
from mlagents_tf.protobuf.wire import (
    DELIMITED,
    WireError,
    bytes_field,
    key_of,
    located,
    record_places,
    varint,
)
from mlagents_tf.specs import ActionSpec
from mlagents_tf.steps import Actions, IntArray, no_actions

VALUE = key_of(1, DELIMITED)
MOST_AGENTS = 1 << 20
MOST_VALUES = 1 << 26
WORTH_A_LAYOUT = 4
NOWHERE = 0, 0


def read_actions(behavior: str, message: bytes | memoryview, spec: ActionSpec) -> Actions:
    """The actions of [M] agents, in the order they were asked for.

    Raises:
        EnvError: the message is damaged, or an action is none of the spec's.
    """
    data = memoryview(message)
    try:
        starts, sizes = record_places(data, VALUE, MOST_AGENTS)
        _check_room(len(starts), spec)
        actions = no_actions(spec, len(starts))
        if len(starts) < WORTH_A_LAYOUT or not _read_alike(data, starts, sizes, spec, actions):
            for index, (start, size) in enumerate(zip(starts, sizes, strict=True)):
                _read_one(data[start : start + size], spec, actions, index)
    except WireError as error:
        raise EnvError(f"{behavior}: the message of actions cannot be read: {error}.") from error
    return actions


def encode_actions(actions: Actions, legacy: bool = False) -> bytes:
    """The message of [M] agents' actions.

    Args:
        actions: of one behavior.
        legacy: also in the field of before there were hybrid actions, for players that lack them.
    """
    continuous, discrete = actions
    if (discrete >= CONTINUES).any():
        each = zip(continuous, discrete, strict=True)
        return b"".join(bytes_field(1, encode_action(*values, legacy)) for values in each)
    floats = float_bytes(continuous)
    old = (floats if floats.shape[1] else float_bytes(discrete)) if legacy else floats[:, :0]
    fields = [(OLD_ACTIONS, old), (CONTINUOUS, floats), (DISCRETE, discrete.astype(np.uint8))]
    parts: list[Bytes] = []
    for key, values in fields:
        if values.shape[1]:
            parts += [_repeated(varint(key) + varint(values.shape[1]), len(values)), values]
    size = sum(part.shape[1] for part in parts)
    head = _repeated(varint(VALUE) + varint(size), len(continuous))
    return np.concatenate([head, *parts], axis=1).tobytes()


def _repeated(data: bytes, rows: int) -> Bytes:
    """[rows, bytes], the same in each row."""
    return np.broadcast_to(np.frombuffer(data, np.uint8), (rows, len(data)))


def _check_room(count: int, spec: ActionSpec) -> None:
    """An action without a field is read only if the spec has none, but takes room before."""
    size = count * (spec.continuous_size + spec.num_branches)
    if size > MOST_VALUES:
        raise WireError(f"{count} actions of {size} values; at most {MOST_VALUES} are read")


def _read_one(record: memoryview, spec: ActionSpec, actions: Actions, index: int) -> None:
    """AgentActionProto into one row."""
    with located(f"action {index}"):
        read_action(record, spec, actions.continuous[index], actions.discrete[index])


def _read_alike(
    data: memoryview, starts: IntArray, sizes: IntArray, spec: ActionSpec, actions: Actions
) -> bool:
    """Reads actions whose messages all have the layout of the first, if they have."""
    first = data[starts[0] : starts[0] + sizes[0]]
    _read_one(first, spec, actions, 0)
    layout = make_layout(first)
    values = np.frombuffer(data, np.uint8)
    if layout is None or (sizes != sizes[0]).any() or not layout.fits(values, starts).all():
        return False
    floats = layout.fields.get(CONTINUOUS, NOWHERE)
    options = layout.fields.get(DISCRETE, NOWHERE)
    found = floats[1] - floats[0], options[1] - options[0]
    if found != (4 * spec.continuous_size, spec.num_branches):  # old fields, or options above 127
        return False
    actions.continuous[:] = column(values, starts, floats, "<f4")
    actions.discrete[:] = column(values, starts, options, np.uint8)
    if not np.isfinite(actions.continuous).all():
        raise WireError("an action that is not finite")
    if (actions.discrete >= np.array(spec.discrete_branches, np.int32)).any():
        raise WireError(f"an option that is in none of branches {list(spec.discrete_branches)}")
    return True
