"""A step as Unity says it: what `StepReader` reads.

Agents whose messages have one layout are written as columns into copies of the first one's message.
"""

from __future__ import annotations

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
from mlagents_tf.protobuf.observations import encode_observation
from mlagents_tf.protobuf.wire import bytes_field
from mlagents_tf.specs import Spec
from mlagents_tf.steps import IntArray, Step

MOST_ID = (1 << 31) - 1


def encode_step(spec: Spec, step: Step) -> bytes:
    """ListAgentInfoProto: an AgentInfoProto for each row, in their order.

    Raises:
        EnvError: an id that is negative or does not fit 32 bits.
    """
    _check_ids(step)
    rows = np.arange(len(step.agent_ids))
    if any(obs.dtype == "uint8" for obs in spec.observations):
        return b"".join(bytes_field(1, _one(spec, step, index)) for index in rows.tolist())
    codes = _layout_codes(step)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else []
    written = [_alike(spec, step, group) for group in groups]
    return _in_order(len(rows), groups, written)


def _check_ids(step: Step) -> None:
    for name, ids in (("agent", step.agent_ids), ("group", step.group_ids)):
        wrong = (ids < 0) | (ids > MOST_ID)
        if wrong.any():
            raise EnvError(
                f"{name} id {ids[wrong][0]} cannot be sent; Unity's are from 0 to {MOST_ID}."
            )


def _layout_codes(step: Step) -> IntArray:
    """[N] equal for agents whose messages have the same fields of the same sizes."""
    codes: IntArray = varint_sizes(step.agent_ids)
    codes = 6 * codes + varint_sizes(step.group_ids)
    for flags in (step.rewards != 0, step.group_rewards != 0, step.terminated, step.interrupted):
        codes = 2 * codes + flags
    return codes


def _one(spec: Spec, step: Step, index: int) -> bytes:
    """AgentInfoProto of one row."""
    allowed = step.allowed_actions
    forbidden = b"" if allowed is None else (~allowed[index]).tobytes()
    interrupted = bool(step.interrupted[index])
    return encode_agent_info(
        AgentInfo(
            [
                memoryview(encode_observation(seen, obs[index]))
                for seen, obs in zip(spec.observations, step.obs, strict=True)
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


def _alike(spec: Spec, step: Step, rows: IntArray) -> Bytes:
    """[M, size] fields that repeat, of rows whose messages have the same layout."""
    first = _one(spec, step, int(rows[0]))
    whole = bytes_field(1, first)
    written = np.tile(np.frombuffer(whole, np.uint8), (len(rows), 1))
    layout = make_layout(memoryview(first)) if len(rows) > 1 else None
    if layout is not None:
        _fill(written[:, len(whole) - len(first) :], layout, step, rows)
    elif len(rows) > 1:  # names of sensors that are longer than anything else
        fields = b"".join(bytes_field(1, _one(spec, step, index)) for index in rows.tolist())
        written = np.frombuffer(fields, np.uint8).reshape(len(rows), -1)
    return written


def _fill(written: Bytes, layout: Layout, step: Step, rows: IntArray) -> None:
    """Writes the values of [M] rows into [M, size] messages."""
    columns = [
        (layout.fields.get(REWARD), float_bytes(step.rewards[rows])),
        (layout.fields.get(GROUP_REWARD), float_bytes(step.group_rewards[rows])),
    ]
    for key, ids in ((ID, step.agent_ids), (GROUP_ID, step.group_ids)):
        if place := layout.fields.get(key):
            columns.append((place, varints(ids[rows], place[1] - place[0])))
    if step.allowed_actions is not None:
        forbidden = (~step.allowed_actions[rows]).view(np.uint8)
        columns.append((layout.fields.get(ACTION_MASK), forbidden))
    for place, obs in zip(layout.observations, step.obs, strict=True):
        columns.append((place, float_bytes(obs[rows])))
    for place, values in columns:
        if place is not None:
            written[:, slice(*place)] = values


def _in_order(count: int, groups: list[IntArray], written: list[Bytes]) -> bytes:
    """All messages, which stand group by group, in the order of their rows."""
    if len(groups) == 1:
        return written[0].tobytes()
    sizes = np.zeros(count, np.int64)
    for rows, messages in zip(groups, written, strict=True):
        sizes[rows] = messages.shape[1]
    starts = np.cumsum(sizes) - sizes
    data = np.empty(int(sizes.sum()), np.uint8)
    for rows, messages in zip(groups, written, strict=True):
        size = messages.shape[1]
        windows: Bytes = np.ndarray((len(data) - size + 1, size), np.uint8, data, strides=(1, 1))
        windows[starts[rows]] = messages
    return data.tobytes()
