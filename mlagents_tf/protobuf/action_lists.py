"""What the agents of a behavior do: ListAgentActionProto, to and from arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.agents import (
    CONTINUOUS,
    DISCRETE,
    OLD_ACTIONS,
    encode_action,
    read_action,
)
from mlagents_tf.protobuf.layouts import (
    CONTINUES,
    MOST_AGENTS,
    VALUE,
    WORTH_A_LAYOUT,
    Bytes,
    Layout,
    Place,
    float_bytes,
    make_layout,
)
from mlagents_tf.protobuf.wire import (
    WireError,
    bytes_field,
    located,
    record_places,
    varint,
)
from mlagents_tf.specs import ActionSpec
from mlagents_tf.steps import Actions, no_actions

MOST_VALUES = 1 << 26
NOWHERE = 0, 0


def read_actions(behavior: str, message: bytes | memoryview, spec: ActionSpec) -> Actions:
    """What one message says; `ActionReader` is faster where more follow."""
    return ActionReader(behavior, spec).read(message)


class ActionReader:
    """Reads the actions of one behavior, and remembers the layout that its messages have."""

    def __init__(self, behavior: str, spec: ActionSpec) -> None:
        self.behavior = behavior
        self.spec = spec
        self._branches = np.array(spec.discrete_branches, np.int32)
        self._known: _Known | None = None

    def read(self, message: bytes | memoryview) -> Actions:
        """The actions of [M] agents, in the order they were asked for.

        Raises:
            EnvError: the message is damaged, or an action is none of the spec's.
        """
        data = memoryview(message)
        try:
            return self._read_known(data) or self._read(data)
        except WireError as error:
            raise EnvError(
                f"{self.behavior}: the message of actions cannot be read: {error}."
            ) from error

    def _read_known(self, data: memoryview) -> Actions | None:
        """Actions that are all like those of before; None if they are not."""
        known = self._known
        if known is None or not data or len(data) % len(known.expected):
            return None
        rows = np.frombuffer(data, np.uint8).reshape(-1, len(known.expected))
        if ((rows ^ known.expected) & known.bits).any():
            return None
        return self._columns(rows, known)

    def _read(self, data: memoryview) -> Actions:
        starts, sizes = record_places(data, VALUE, MOST_AGENTS)
        _check_room(len(starts), self.spec)
        actions = no_actions(self.spec, len(starts))
        if len(starts) >= WORTH_A_LAYOUT and (sizes == sizes[0]).all():
            self._learn(data[starts[0] : starts[0] + sizes[0]], actions)
            if known := self._read_known(data):
                return known
        for index, (start, size) in enumerate(zip(starts, sizes, strict=True)):
            self._read_one(data[start : start + size], actions, index)
        return actions

    def _read_one(self, record: memoryview, actions: Actions, index: int) -> None:
        """AgentActionProto into one row."""
        with located(f"action {index}"):
            read_action(record, self.spec, actions.continuous[index], actions.discrete[index])

    def _learn(self, first: memoryview, actions: Actions) -> None:
        """What the first action is like, unless it has old fields or options above 127."""
        self._read_one(first, actions, 0)
        self._known = None
        layout = make_layout(first)
        if layout is None:
            return
        floats, options = (layout.fields.get(key, NOWHERE) for key in (CONTINUOUS, DISCRETE))
        sizes = floats[1] - floats[0], options[1] - options[0]
        if sizes == (4 * self.spec.continuous_size, self.spec.num_branches):
            head = varint(VALUE) + varint(len(first))
            self._known = _make_known(head, first, layout, floats, options)

    def _columns(self, rows: Bytes, known: _Known) -> Actions:
        """The values of [M, size] actions that are all as is known."""
        actions = no_actions(self.spec, len(rows))
        if self.spec.continuous_size:
            actions.continuous[:] = rows[:, known.floats].copy().view("<f4")
            if not np.isfinite(actions.continuous).all():
                raise WireError("an action that is not finite")
        if self.spec.num_branches:
            actions.discrete[:] = rows[:, known.options]
            if (actions.discrete >= self._branches).any():
                branches = list(self.spec.discrete_branches)
                raise WireError(f"an option that is in none of branches {branches}")
        return actions


class _Known(NamedTuple):
    """What actions of one layout are like, with the key and size before each.

    Attributes:
        expected: [size] uint8.
        bits: [size] uint8, which bits of these must be alike.
        floats: where the continuous ones stand.
        options: where the discrete ones stand.
    """

    expected: Bytes
    bits: Bytes
    floats: slice
    options: slice


def _make_known(
    head: bytes, first: memoryview, layout: Layout, floats: Place, options: Place
) -> _Known:
    """What actions are like that are like the first."""
    size = len(head)
    bits = np.zeros(size + len(first), np.uint8)
    bits[:size] = 255
    bits[size + layout.fixed] = layout.bits
    places = (slice(size + start, size + end) for start, end in (floats, options))
    return _Known(np.frombuffer(head + bytes(first), np.uint8), bits, *places)


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
