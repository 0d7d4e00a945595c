"""A worker's step in shared memory: where its columns stand, and the actions that answer it."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Mapping, Sequence
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import NO_GROUP, Actions, Step

LIFE_BITS = 40
"""Bits of an agent's id that its environment may use; above them stands the worker's life."""

ALIGNMENT = 64  # bytes; no two columns share a cache line
PAGE = 4096
MOST_LAYOUTS = 64  # how many agents there are repeats itself; making views takes 30 us
SEGMENTS = Path("/dev/shm")
PART = struct.Struct("<HIIB")


class Part(NamedTuple):
    """How much of a behavior a step holds; with the spec it decides where every column stands.

    Attributes:
        behavior: its number, in the order in which the worker has named its behaviors.
        rows: agents.
        deciding: agents that ask for a decision.
        masked: whether the step has `allowed_actions`.
    """

    behavior: int
    rows: int
    deciding: int
    masked: bool


class Shared(NamedTuple):
    """Views of a block: one behavior's step, and the actions of its deciding rows."""

    step: Step
    actions: Actions


def measure(steps: Mapping[str, Step], numbers: Mapping[str, int]) -> tuple[Part, ...]:
    """What has to be written, behavior by behavior, in the order of `steps`."""
    return tuple(
        Part(
            numbers[name],
            len(step.agent_ids),
            step.num_deciding,
            step.allowed_actions is not None,
        )
        for name, step in steps.items()
    )


def encode_parts(parts: Sequence[Part]) -> bytes:
    """Eleven bytes for each behavior."""
    return b"".join(PART.pack(*part) for part in parts)


def decode_parts(data: bytes) -> tuple[Part, ...]:
    """What `encode_parts` was given."""
    return tuple(
        Part(behavior, rows, deciding, bool(masked))
        for behavior, rows, deciding, masked in PART.iter_unpack(data)
    )


def block_size(parts: Sequence[Part], specs: Sequence[Spec]) -> int:
    """Bytes that a step and its actions take; `specs` by the behaviors' numbers."""
    return sum(_padded(shape, dtype) for part in parts for shape, dtype in _columns(part, specs))


def make_views(
    parts: Sequence[Part], specs: Sequence[Spec], buffer: memoryview
) -> tuple[Shared, ...]:
    """Arrays on `buffer`, one `Shared` for each part."""
    found, offset = [], 0
    for part in parts:
        arrays: list[NDArray[Any]] = []
        for shape, dtype in _columns(part, specs):
            arrays.append(np.ndarray(shape, dtype, buffer, offset))
            offset += _padded(shape, dtype)
        ids, groups, rewards, group_rewards, terminated, interrupted, allowed = arrays[:7]
        step = Step(
            ids,
            tuple(arrays[7:-2]),
            rewards,
            groups,
            group_rewards,
            allowed if part.masked else None,
            terminated,
            interrupted,
        )
        found.append(Shared(step, Actions(arrays[-2], arrays[-1])))
    return tuple(found)


def write_step(behavior: str, step: Step, target: Step, life: int) -> None:
    """Copies a step to where it is shared; ids of agents and groups get the life on top.

    Raises:
        EnvError: a column has not the shape or dtype that the spec says, or an id is too large.
    """
    offset = life << LIFE_BITS
    for name in ("agent_ids", "group_ids"):
        if (getattr(step, name) >> LIFE_BITS).any():
            raise EnvError(
                f"{behavior}: {name} reach from {getattr(step, name).min()} to "
                f"{getattr(step, name).max()}; worker processes need them in 0 to 2**{LIFE_BITS}."
            )
    groups = step.group_ids
    if offset:
        groups = np.where(groups == NO_GROUP, NO_GROUP, groups | offset)
    _fill(behavior, "agent_ids", step.agent_ids | offset if offset else step.agent_ids, target[0])
    _fill(behavior, "group_ids", groups, target.group_ids)
    for name in ("rewards", "group_rewards", "terminated", "interrupted"):
        _fill(behavior, name, getattr(step, name), getattr(target, name))
    if step.allowed_actions is not None and target.allowed_actions is not None:
        _fill(behavior, "allowed_actions", step.allowed_actions, target.allowed_actions)
    if len(step.obs) != len(target.obs):
        raise EnvError(
            f"{behavior}: a step has {len(step.obs)} observations, the spec {len(target.obs)}."
        )
    for index, (obs, place) in enumerate(zip(step.obs, target.obs, strict=True)):
        _fill(behavior, f"observation {index}", obs, place)


def join_steps(steps: Sequence[Step]) -> Step:
    """Rows of all steps, one after another, in arrays of their own."""
    masks = [each.allowed_actions for each in steps]
    return Step(
        np.concatenate([each.agent_ids for each in steps]),
        tuple(map(np.concatenate, zip(*(each.obs for each in steps), strict=True))),
        np.concatenate([each.rewards for each in steps]),
        np.concatenate([each.group_ids for each in steps]),
        np.concatenate([each.group_rewards for each in steps]),
        _join_masks(masks, steps),
        np.concatenate([each.terminated for each in steps]),
        np.concatenate([each.interrupted for each in steps]),
    )


def _join_masks(masks: Sequence[Any], steps: Sequence[Step]) -> NDArray[np.bool_] | None:
    """Masks of all rows; where only some workers have masks, the others allow everything."""
    options = [mask.shape[1] for mask in masks if mask is not None]
    if not options:
        return None
    return np.concatenate(
        [
            np.ones((len(each.agent_ids), options[0]), np.bool_) if mask is None else mask
            for mask, each in zip(masks, steps, strict=True)
        ]
    )


def _fill(behavior: str, what: str, array: NDArray[Any], place: NDArray[Any]) -> None:
    if array.shape != place.shape or array.dtype != place.dtype:
        raise EnvError(
            f"{behavior}: {what} is {array.dtype} of shape {array.shape}; "
            f"expected {place.dtype} of shape {place.shape}."
        )
    place[...] = array


def _columns(part: Part, specs: Sequence[Spec]) -> list[tuple[tuple[int, ...], DTypeLike]]:
    """Shape and dtype of each column, in the order in which they stand."""
    spec, n, deciding = specs[part.behavior], part.rows, part.deciding
    return [
        ((n,), np.int64),
        ((n,), np.int64),
        ((n,), np.float32),
        ((n,), np.float32),
        ((n,), np.bool_),
        ((n,), np.bool_),
        ((n if part.masked else 0, spec.actions.num_discrete), np.bool_),
        *(((n, *obs.shape), obs.dtype) for obs in spec.observations),
        ((deciding, spec.actions.continuous_size), np.float32),
        ((deciding, spec.actions.num_branches), np.int32),
    ]


def _padded(shape: tuple[int, ...], dtype: DTypeLike) -> int:
    size = np.dtype(dtype).itemsize
    for length in shape:
        size *= length
    return -(-size // ALIGNMENT) * ALIGNMENT


class Block:
    """A segment of shared memory that one process has made and another has attached to.

    The maker unlinks it as soon as both have it: from then on it ends with the processes, however
    they end. Until then the maker's resource tracker would remove it.
    """

    def __init__(self, memory: SharedMemory) -> None:
        self._memory = memory
        self._named = True
        self._layouts: dict[tuple[Part, ...], tuple[Shared, ...]] = {}

    @classmethod
    def create(cls, needed: int) -> Block:
        """A segment for `needed` bytes, and a quarter more for what may come.

        Raises:
            EnvError: the machine has not as much shared memory.
        """
        size = -(-(needed + needed // 4) // PAGE) * PAGE
        try:
            memory = SharedMemory(create=True, size=size)
        except OSError as error:
            raise EnvError(f"{size} bytes of shared memory cannot be had: {error}.") from error
        block = cls(memory)
        try:
            _reserve(memory.name, size)
        except OSError as error:
            block.unlink()
            block.close()
            raise EnvError(
                f"{size} bytes of shared memory cannot be had: {error}. In a container, give it "
                "more (docker run --shm-size)."
            ) from error
        return block

    @classmethod
    def attach(cls, name: str) -> Block:
        """The segment that another process has made."""
        return cls(SharedMemory(name=name))

    @property
    def name(self) -> str:
        """Under which another process can attach, until it is unlinked."""
        return self._memory.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self._memory.size

    def lay_out(self, parts: tuple[Part, ...], specs: Sequence[Spec]) -> tuple[Shared, ...] | None:
        """Views for these parts, which share the memory with earlier ones; None if it is too small.

        `specs` are those of the behaviors' numbers, of which there may be more each time.
        """
        views = self._layouts.get(parts)
        if views is None:
            if block_size(parts, specs) > self.size:
                return None
            if len(self._layouts) == MOST_LAYOUTS:
                self._layouts.clear()
            views = make_views(parts, specs, cast(memoryview, self._memory.buf))
            self._layouts[parts] = views
        return views

    def unlink(self) -> None:
        """Takes the name away; who has attached keeps the memory. May be called twice."""
        if self._named:
            self._named = False
            self._memory.unlink()

    def close(self) -> None:
        """Gives the memory back, in this process."""
        self._layouts.clear()
        with contextlib.suppress(BufferError):  # an exception holds views: it ends with the process
            self._memory.close()


def _reserve(name: str, size: int) -> None:
    """Lets a full /dev/shm be an error now, where it would be a deadly signal at some write."""
    path = SEGMENTS / name
    if hasattr(os, "posix_fallocate") and path.exists():
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)
