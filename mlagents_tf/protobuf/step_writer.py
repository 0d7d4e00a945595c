"""A step as Unity says it: what `StepReader` reads.

Agents whose messages have one layout are written as columns into copies of the first one's message,
which is remembered for the steps that follow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.agents import (
    ACTION_MASK,
    GROUP_ID,
    GROUP_REWARD,
    ID,
    REWARD,
    AgentInfo,
    encode_agent_info,
)
from mlagents_tf.protobuf.layouts import (
    Bytes,
    Layout,
    float_bytes,
    make_layout,
    varint_sizes,
    varints,
)
from mlagents_tf.protobuf.observations import NEWEST, Form, encode_observation
from mlagents_tf.protobuf.wire import bytes_field
from mlagents_tf.specs import Spec
from mlagents_tf.steps import IntArray, Step

MOST_ID = (1 << 31) - 1
MOST_TEMPLATES = 64
Rows = IntArray | slice
ALL = slice(None)


def encode_step(spec: Spec, step: Step) -> bytes:
    """ListAgentInfoProto of one step; `StepWriter` is faster where more follow."""
    return StepWriter(spec).write(step)


class StepWriter:
    """Writes the steps of one behavior.

    Args:
        spec: what its agents see and do; images of bytes are sent as PNG.
        form: how observations are sent.
    """

    def __init__(self, spec: Spec, form: Form = NEWEST) -> None:
        self.spec = spec
        self.form = form
        self._compresses = any(obs.dtype == "uint8" for obs in spec.observations)
        self._turned = [form.turns(obs) for obs in spec.observations]
        self._templates: dict[int, _Template | None] = {}  # by the code of their layout

    def write(self, step: Step) -> bytes:
        """ListAgentInfoProto: an AgentInfoProto for each row, in their order.

        Raises:
            EnvError: an id that is negative or does not fit 32 bits.
        """
        count = len(step.agent_ids)
        if not count:
            return b""
        _check_ids(step)
        if self._compresses:
            return self._one_by_one(step, np.arange(count))
        if len(self._templates) > MOST_TEMPLATES:
            self._templates = {}
        if (code := _common_code(step)) is not None:
            return self._alike(step, ALL, code)
        codes = _layout_codes(step)
        order = np.argsort(codes, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
        written = [self._alike(step, group, int(codes[group[0]])) for group in groups]
        return _in_order(count, groups, written)

    def _alike(self, step: Step, rows: Rows, code: int) -> bytes:
        """Fields that repeat, of rows whose messages have the layout of this code."""
        if code not in self._templates:
            first = 0 if isinstance(rows, slice) else int(rows[0])
            self._templates[code] = _make_template(self._one(step, first))
        template = self._templates[code]
        if template is None:  # names of sensors that are longer than anything else
            return self._one_by_one(step, np.arange(len(step.agent_ids))[rows])
        return template.filled(step, rows, self._turned)

    def _one_by_one(self, step: Step, rows: IntArray) -> bytes:
        return b"".join(bytes_field(1, self._one(step, index)) for index in rows.tolist())

    def _one(self, step: Step, index: int) -> bytes:
        """AgentInfoProto of one row."""
        allowed = step.allowed_actions
        forbidden = b"" if allowed is None else (~allowed[index]).tobytes()
        interrupted = bool(step.interrupted[index])
        return encode_agent_info(
            AgentInfo(
                [
                    memoryview(encode_observation(seen, obs[index], self.form))
                    for seen, obs in zip(self.spec.observations, step.obs, strict=True)
                ],
                float(step.rewards[index]),
                float(step.group_rewards[index]),
                interrupted or bool(step.terminated[index]),
                interrupted,
                memoryview(forbidden),
                int(step.agent_ids[index]),
                int(step.group_ids[index]),
            )
        )


class _Template:
    """Messages of one layout, whose values are written anew for each step.

    Args:
        whole: [size] a message, and its key and size in the list before it.
        head: bytes before the message.
        layout: where the values of the message stand.
    """

    def __init__(self, whole: Bytes, head: int, layout: Layout) -> None:
        self._messages = whole[None].copy()
        self._head = head
        self._layout = layout

    def filled(self, step: Step, rows: Rows, turned: list[bool]) -> bytes:
        """The messages of `rows`; images are `turned` to channels last."""
        ids = step.agent_ids[rows]
        if len(self._messages) != len(ids):
            self._messages = np.repeat(self._messages[:1], len(ids), axis=0)
        fields = self._layout.fields
        for key, numbers in ((ID, ids), (GROUP_ID, step.group_ids)):
            if place := fields.get(key):
                mine = numbers if numbers is ids else numbers[rows]
                self._put(place, varints(mine, place[1] - place[0]))
        for key, rewards in ((REWARD, step.rewards), (GROUP_REWARD, step.group_rewards)):
            if place := fields.get(key):
                self._put(place, float_bytes(rewards[rows]))
        if step.allowed_actions is not None and (place := fields.get(ACTION_MASK)):
            self._put(place, (~step.allowed_actions[rows]).view(np.uint8))
        for place, obs, turn in zip(self._layout.observations, step.obs, turned, strict=True):
            seen: Any = obs[rows]
            self._put(place, float_bytes(seen.transpose(0, 2, 3, 1) if turn else seen))
        data: bytes = self._messages.tobytes()
        return data

    def _put(self, place: tuple[int, int], values: Bytes) -> None:
        start, end = place
        self._messages[:, self._head + start : self._head + end] = values


def _make_template(message: bytes) -> _Template | None:
    """None if messages like this one have to be written one by one."""
    layout = make_layout(memoryview(message))
    if layout is None:
        return None
    whole = np.frombuffer(bytes_field(1, message), np.uint8)
    return _Template(whole, len(whole) - len(message), layout)


def _check_ids(step: Step) -> None:
    for name, ids in (("agent", step.agent_ids), ("group", step.group_ids)):
        if ids.min() < 0 or ids.max() > MOST_ID:
            wrong = ids[(ids < 0) | (ids > MOST_ID)]
            raise EnvError(f"{name} id {wrong[0]} cannot be sent; Unity's are from 0 to {MOST_ID}.")


def _layout_codes(step: Step) -> IntArray:
    """[N] equal for agents whose messages have the same fields of the same sizes."""
    codes: IntArray = varint_sizes(step.agent_ids)
    codes = 6 * codes + varint_sizes(step.group_ids)
    for flags in (step.rewards != 0, step.group_rewards != 0, step.terminated, step.interrupted):
        codes = 2 * codes + flags
    return 2 * codes + (step.allowed_actions is not None)


def _common_code(step: Step) -> int | None:
    """The code of all agents if they have the same, which is most often and found faster."""
    code = 0
    for ids in (step.agent_ids, step.group_ids):
        size, largest = _varint_size(int(ids.min())), _varint_size(int(ids.max()))
        if size != largest:
            return None
        code = 6 * code + size
    for values in (step.rewards, step.group_rewards, step.terminated, step.interrupted):
        count = int(np.count_nonzero(values))
        if 0 < count < len(values):
            return None
        code = 2 * code + (count > 0)
    return 2 * code + (step.allowed_actions is not None)


def _varint_size(number: int) -> int:
    """Bytes that a number takes, none for 0, which is left out."""
    return (number.bit_length() + 6) // 7


def _in_order(count: int, groups: list[IntArray], written: list[bytes]) -> bytes:
    """All messages, which stand group by group, in the order of their rows."""
    if len(groups) == 1:
        return written[0]
    sizes = np.zeros(count, np.int64)
    for rows, messages in zip(groups, written, strict=True):
        sizes[rows] = len(messages) // len(rows)
    starts = np.cumsum(sizes) - sizes
    data = np.empty(int(sizes.sum()), np.uint8)
    for rows, messages in zip(groups, written, strict=True):
        size = len(messages) // len(rows)
        windows: Bytes = np.ndarray((len(data) - size + 1, size), np.uint8, data, strides=(1, 1))
        windows[starts[rows]] = np.frombuffer(messages, np.uint8).reshape(len(rows), size)
    return data.tobytes()
