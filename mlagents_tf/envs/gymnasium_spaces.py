"""Gymnasium's spaces as specs: what a space looks like to an agent, and how values travel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space, spaces
from numpy.typing import NDArray

from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec
from mlagents_tf.steps import Actions

MOST_CHANNELS = 4  # an image of bytes whose last axis is no longer than this is channels last


Reader = Callable[[Any], NDArray[np.generic]]


class Seen(NamedTuple):
    """One observation of a space.

    Attributes:
        spec: how an agent sees it.
        read: a batch of the space's values -> fresh [N, *spec.shape].
    """

    spec: ObservationSpec
    read: Reader


def observations_of(space: Space[Any], name: str = "") -> list[Seen]:
    """The observations in a space, those of a Dict or Tuple in its order."""
    if isinstance(space, spaces.Dict):
        return _inner(dict(space.spaces), name)
    if isinstance(space, spaces.Tuple):
        return _inner(dict(enumerate(space.spaces)), name)
    if isinstance(space, spaces.Discrete):
        return [_one_hot(name, np.array([space.n]), np.array([space.start]))]
    if isinstance(space, spaces.MultiDiscrete):
        return [_one_hot(name, space.nvec.ravel(), space.start.ravel())]
    if isinstance(space, spaces.MultiBinary):
        return [_numbers(name, space.shape)]
    if isinstance(space, spaces.Box) and space.dtype == np.uint8:
        if len(space.shape) in (2, 3):
            return [_image(name, space.shape)]
        if len(space.shape) == 4 and space.shape[3] <= MOST_CHANNELS:
            return [_frames(name, space.shape)]
    if isinstance(space, spaces.Box):
        return [_numbers(name, space.shape)]
    raise EnvError(
        f"observation space {space} is none that a network here can see; "
        "use Box, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of them."
    )


def _inner(parts: dict[Any, Space[Any]], name: str) -> list[Seen]:
    """The observations of a Dict's or Tuple's parts."""
    found = []
    for key, part in parts.items():
        for spec, read in observations_of(part, f"{name}/{key}" if name else str(key)):
            found.append(Seen(spec, _reader_of_part(key, read)))
    return found


def _reader_of_part(key: Any, read: Reader) -> Reader:
    return lambda batch: read(batch[key])


def _numbers(name: str, shape: tuple[int, ...]) -> Seen:
    shape = shape or (1,)
    return Seen(
        ObservationSpec(shape, name),
        lambda batch: np.array(batch, np.float32).reshape(-1, *shape),
    )


def _image(name: str, shape: tuple[int, ...]) -> Seen:
    """Bytes that stay bytes, with channels first."""
    if len(shape) == 2:
        spec = ObservationSpec((1, *shape), name, dtype="uint8")
        return Seen(spec, lambda batch: np.array(batch, np.uint8)[:, None])
    if shape[2] <= MOST_CHANNELS < shape[0]:
        spec = ObservationSpec((shape[2], *shape[:2]), name, dtype="uint8")
        return Seen(spec, lambda batch: np.moveaxis(batch, 3, 1).astype(np.uint8, order="C"))
    return Seen(
        ObservationSpec(shape, name, dtype="uint8"), lambda batch: np.array(batch, np.uint8)
    )


def _frames(name: str, shape: tuple[int, ...]) -> Seen:
    """Stacked frames (frames, H, W, C) of bytes as one image: the first frame's channels first."""
    frames, height, width, channels = shape
    spec = ObservationSpec((frames * channels, height, width), name, dtype="uint8")
    return Seen(
        spec,
        lambda batch: np.moveaxis(batch, 4, 2).astype(np.uint8, order="C").reshape(-1, *spec.shape),
    )


def _one_hot(name: str, sizes: NDArray[Any], starts: NDArray[Any]) -> Seen:
    """Choices as one row of zeros with a one for each choice."""
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]]) - starts
    total = int(sizes.sum())

    def read(batch: Any) -> NDArray[np.generic]:
        columns = np.reshape(batch, (len(batch), -1)) + firsts
        rows = np.zeros((len(batch), total), np.float32)
        rows[np.arange(len(batch))[:, None], columns] = 1.0
        return rows

    return Seen(ObservationSpec((total,), name), read)


class Taken(NamedTuple):
    """The actions of a space.

    Attributes:
        spec: how an agent chooses them.
        write: actions of N rows -> a batch of the space's values.
    """

    spec: ActionSpec
    write: Callable[[Actions], Any]


def actions_of(space: Space[Any]) -> Taken:
    """Boxes become continuous actions scaled from [-1, 1], choices become discrete branches."""
    leaf = _Leaves()
    write = leaf.add(space)
    return Taken(ActionSpec(leaf.continuous_size, tuple(leaf.branches)), write)


class _Leaves:
    """Counts continuous dimensions and branches while a space is walked through."""

    def __init__(self) -> None:
        self.continuous_size = 0
        self.branches: list[int] = []

    def add(self, space: Space[Any]) -> Callable[[Actions], Any]:
        """Give `space` its columns; returns what writes its values."""
        if isinstance(space, spaces.Dict):
            named = {key: self.add(part) for key, part in space.spaces.items()}
            return lambda actions: {key: write(actions) for key, write in named.items()}
        if isinstance(space, spaces.Tuple):
            parts = [self.add(part) for part in space.spaces]
            return lambda actions: tuple(write(actions) for write in parts)
        if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
            return self._box(space)
        if isinstance(space, spaces.Discrete):
            return self._choices(np.array([space.n]), np.array(space.start), (), space.dtype)
        if isinstance(space, spaces.MultiDiscrete):
            return self._choices(space.nvec.ravel(), space.start, space.shape, space.dtype)
        if isinstance(space, spaces.MultiBinary):
            sizes = np.full(int(np.prod(space.shape)), 2)
            return self._choices(sizes, np.zeros(space.shape, int), space.shape, space.dtype)
        raise EnvError(
            f"action space {space} is none that a policy here can fill; "
            "use Box of floats, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of them."
        )

    def _box(self, space: Any) -> Callable[[Actions], Any]:
        """From [-1, 1] to [low, high]; a dimension without bounds takes the action as it is."""
        size = int(np.prod(space.shape))
        columns = slice(self.continuous_size, self.continuous_size + size)
        self.continuous_size += size
        bounded = np.isfinite(space.low) & np.isfinite(space.high)
        low = np.where(bounded, space.low, -1.0).astype(np.float32)
        high = np.where(bounded, space.high, 1.0).astype(np.float32)
        middle, half = (high + low) / 2, (high - low) / 2

        def write(actions: Actions) -> Any:
            wanted = actions.continuous[:, columns].reshape(-1, *space.shape)
            scaled = middle + half * np.minimum(np.maximum(wanted, -1.0), 1.0)
            return np.minimum(np.maximum(scaled, low), high).astype(space.dtype)

        return write

    def _choices(
        self, sizes: NDArray[Any], start: NDArray[Any], shape: tuple[int, ...], dtype: Any
    ) -> Callable[[Actions], Any]:
        """One branch for each choice."""
        columns = slice(len(self.branches), len(self.branches) + len(sizes))
        self.branches.extend(int(size) for size in sizes)

        def write(actions: Actions) -> Any:
            chosen = actions.discrete[:, columns].reshape(-1, *shape)
            return chosen.astype(dtype) + start.astype(dtype)

        return write
