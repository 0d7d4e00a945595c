"""Small demonstrations: written by Google's library as Unity would, and random rows to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlagents_tf.data.demo_rows import DemoRows, empty_rows
from mlagents_tf.data.demo_writer import writing_demo
from mlagents_tf.data.demos import load_demos
from mlagents_tf.errors import DataError
from mlagents_tf.protobuf.wire import delimited
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.protobuf.messages import Brain, Meta, Pair

IMAGE = ObservationSpec((3, 4, 5), "camera", dtype="uint8")
GREY = ObservationSpec((1, 4, 5), "depth", dtype="uint8")
RAW = ObservationSpec((2, 3, 3), "grid")
VECTOR = ObservationSpec((4,), "speed")

SPECS = {
    "vector": Spec((VECTOR,), ActionSpec(2)),
    "visual": Spec((IMAGE, GREY, RAW), ActionSpec(2)),
    "discrete": Spec((VECTOR,), ActionSpec(0, (3, 2))),
    "hybrid": Spec((VECTOR, IMAGE), ActionSpec(2, (3, 2))),
}


def brain_of(spec: ActionSpec, name: str = "Toy?team=0") -> Brain:
    """Behavior parameters of today."""
    brain = Brain(brain_name=name)
    brain.action_spec.num_continuous_actions = spec.continuous_size
    brain.action_spec.num_discrete_actions = spec.num_branches
    brain.action_spec.discrete_branch_sizes.extend(spec.discrete_branches)
    return brain


def old_brain(size: int) -> Brain:
    """Behavior parameters of a continuous action as they were before hybrid actions."""
    return Brain(
        brain_name="Old",
        vector_action_size_deprecated=[size],
        vector_action_space_type_deprecated=1,
    )


def pair(obs, action, reward=0.0, done=False, cut=False) -> Pair:
    """A record of one number seen and one done."""
    record = Pair()
    info = record.agent_info
    info.reward, info.done, info.max_step_reached = reward, done, cut
    info.observations.add(shape=[1]).float_data.data.append(obs)
    record.action_info.continuous_actions.append(action)
    return record


def write_file(
    path: Path, pairs, brain: Brain | None = None, *, trailer: bool = True, **meta
) -> Path:
    """A file as Unity's recorder leaves it, or without the copy of its metadata."""
    facts = {"api_version": 1, "demonstration_name": "toy", "number_steps": len(pairs), **meta}
    head = Meta(**facts).SerializeToString()
    place = delimited(head).ljust(33, b"\0")
    messages = [brain or brain_of(ActionSpec(1)), *pairs]
    body = b"".join(delimited(message.SerializeToString()) for message in messages)
    path.write_bytes(place + body + (head if trailer else b""))
    return path


def two_episodes() -> list[Pair]:
    """0 1 2 end, 10 11 cut; the action that led to n is -n."""
    return [
        pair(0, 0),
        pair(1, -1, 0.5),
        pair(2, -2, 1.0, done=True),
        pair(10, 0),
        pair(11, -11, 2.0, done=True, cut=True),
    ]


def random_rows(spec: Spec, count: int = 40, seed: int = 0, masks: bool = False) -> DemoRows:
    """Stories of a few rows, the last of which ends with the rows."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(spec, count)
    for obs in rows.obs:
        if obs.dtype == np.uint8:
            obs[:] = rng.integers(0, 256, obs.shape)
        else:
            obs[:] = rng.normal(size=obs.shape)
    finals = np.union1d(np.flatnonzero(rng.random(count) < 0.15), [count - 1])
    finals = finals[finals > 0]
    rows.mask[:] = True
    rows.mask[finals] = False
    rows.last[:-1] = rows.mask[:-1] & ~rows.mask[1:]
    ended_by_itself = rng.random(count) < 0.5
    rows.terminated[:] = rows.last & ended_by_itself
    rows.interrupted[:] = rows.last & ~ended_by_itself
    rows.continuous[:] = rng.uniform(-1, 1, rows.continuous.shape) * rows.mask[:, None]
    branches = np.array(spec.actions.discrete_branches, np.int64)
    rows.discrete[:] = rng.integers(0, np.maximum(branches, 1), rows.discrete.shape)
    rows.discrete[:] *= rows.mask[:, None]
    rows.rewards[:] = rng.normal(size=count) * rows.mask
    if masks:
        rows.allowed[:] = rng.random(rows.allowed.shape) < 0.7
    return rows


def write_rows(path: Path, spec: Spec, rows: DemoRows, behavior: str = "Toy") -> Path:
    """Rows as a file."""
    with writing_demo(path, behavior, spec) as writer:
        writer.append(rows)
    return path


def assert_same(found: DemoRows, expected: DemoRows) -> None:
    """Column by column."""
    for one, other in zip(found.obs, expected.obs, strict=True):
        np.testing.assert_array_equal(one, other)
    for name in expected._fields[1:]:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)


def refusal(path: Path, **options) -> str:
    """The sentence with which a file is refused; it names the file."""
    with pytest.raises(DataError) as refused:
        load_demos(path, **options)
    text = str(refused.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")
