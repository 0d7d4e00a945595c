"""Side channels as a player hears them: parameters, samplers, the engine, and what it sends."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from uuid import UUID

import numpy as np

from mlagents_tf.envs.unity.channels import (
    ENGINE_CONFIGURATION,
    ENVIRONMENT_PARAMETERS,
    FLOAT_PARAMETER,
    pack,
    unpack,
)
from mlagents_tf.errors import EnvError

SAMPLED_PARAMETER = 1
UNIFORM, GAUSSIAN, MULTIRANGE = 0, 1, 2
TRAINING_ANALYTICS = UUID("b664a4a9-d86f-5a5f-95cb-e8353a7e8356")
MINE = (ENVIRONMENT_PARAMETERS, ENGINE_CONFIGURATION, TRAINING_ANALYTICS)
"""Channels that a player listens to by itself; what the engine is told has no effect here."""

Sampler = Callable[[], float]


class PlayerChannels:
    """Hears a trainer's side channels.

    Args:
        echoes: messages of unknown channels are sent back as they are; else they are dropped.
    """

    def __init__(self, echoes: bool = False) -> None:
        self._echoes = echoes
        self._samplers: dict[str, Sampler] = {}
        self._to_send: list[bytes] = []

    def hear(self, data: bytes | memoryview) -> None:
        """Everything that stands beside a command.

        Raises:
            EnvError: a message is damaged.
        """
        for channel, message in unpack(memoryview(data)) if len(data) else ():
            if channel == ENVIRONMENT_PARAMETERS:
                name, sampler = read_parameter(message)
                self._samplers[name] = sampler
            elif self._echoes and channel not in MINE:
                self._to_send.append(pack(channel, bytes(message)))

    def draw_parameters(self) -> Mapping[str, float]:
        """Every parameter that was ever heard; those with a sampler are drawn anew."""
        return {name: sampler() for name, sampler in self._samplers.items()}

    def take_echoes(self) -> bytes:
        """What is to be sent back."""
        taken, self._to_send = self._to_send, []
        return b"".join(taken)


def read_parameter(message: memoryview) -> tuple[str, Sampler]:
    """A message of the channel of environment parameters: its name, and what it is at a reset.

    Raises:
        EnvError: it is damaged, or of a kind that is unknown.
    """
    try:
        (size,) = struct.unpack_from("<i", message)
        if size < 0:
            raise ValueError(f"a name of {size} bytes")
        name = str(message[4 : 4 + size], "utf-8")
        at = 4 + size
        (kind,) = struct.unpack_from("<i", message, at)
        if kind == FLOAT_PARAMETER:
            (value,) = struct.unpack_from("<f", message, at + 4)
            return name, lambda: value
        if kind != SAMPLED_PARAMETER:
            raise ValueError(f"kind {kind}, known are 0 (float) and 1 (sampler)")
        return name, _read_sampler(message[at + 4 :])
    except (struct.error, ValueError) as error:
        raise EnvError(f"an environment parameter cannot be read ({error}).") from error


def _read_sampler(message: memoryview) -> Sampler:
    seed, kind = struct.unpack_from("<ii", message)
    generator = np.random.default_rng(seed % (1 << 32))
    if kind in (UNIFORM, GAUSSIAN):
        first, second = struct.unpack_from("<ff", message, 8)
        if kind == GAUSSIAN:
            return lambda: float(generator.normal(first, second))
        return lambda: float(generator.uniform(first, second))
    if kind != MULTIRANGE:
        raise ValueError(f"sampler {kind}, known are 0 (uniform), 1 (gaussian) and 2 (multirange)")
    (count,) = struct.unpack_from("<i", message, 8)
    if count < 2 or count % 2:
        raise ValueError(f"{count} ends of ranges")
    ranges = np.array(struct.unpack_from(f"<{count}f", message, 12)).reshape(-1, 2)
    widths = ranges[:, 1] - ranges[:, 0]
    if not (widths >= 0).all() or not widths.sum() > 0:
        raise ValueError(f"ranges {ranges.tolist()}")
    shares = widths / widths.sum()
    return lambda: float(generator.uniform(*ranges[generator.choice(len(ranges), p=shares)]))
