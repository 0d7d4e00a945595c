"""Side channels as a player hears them: parameters, samplers, the engine, and what it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import numpy as np

from mlagents_tf.envs.unity.channels import (
    ENGINE_CONFIGURATION,
    ENVIRONMENT_PARAMETERS,
    pack,
    unpack,
)
from mlagents_tf.envs.unity.exception import UnitySideChannelException
from mlagents_tf.envs.unity.side_channel.environment_parameters_channel import (
    EnvironmentDataTypes,
    SamplerTypes,
)
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.errors import EnvError

SEEDS = 1 << 32
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
    values = IncomingMessage(message)
    try:
        name = values.read_string()
        if EnvironmentDataTypes(values.read_int32()) == EnvironmentDataTypes.FLOAT:
            value = values.read_float32()
            return name, lambda: value
        generator = np.random.default_rng(values.read_int32() % SEEDS)
        return name, _read_sampler(values, SamplerTypes(values.read_int32()), generator)
    except (UnitySideChannelException, ValueError) as error:
        raise EnvError(f"an environment parameter cannot be read ({error}).") from error


def _read_sampler(
    values: IncomingMessage, kind: SamplerTypes, generator: np.random.Generator
) -> Sampler:
    if kind == SamplerTypes.MULTIRANGEUNIFORM:
        return _ranges(values.read_float32_list(), generator)
    first, second = values.read_float32(), values.read_float32()
    if kind == SamplerTypes.GAUSSIAN:
        return lambda: float(generator.normal(first, second))
    return lambda: float(generator.uniform(first, second))


def _ranges(ends: Sequence[float], generator: np.random.Generator) -> Sampler:
    """Draws from ranges, each as often as it is wide."""
    if not ends or len(ends) % 2:
        raise ValueError(f"{len(ends)} ends of ranges")
    ranges = np.array(ends).reshape(-1, 2)
    widths = ranges[:, 1] - ranges[:, 0]
    if not (widths >= 0).all() or not widths.sum() > 0:
        raise ValueError(f"ranges {ranges.tolist()}")
    shares = widths / widths.sum()
    return lambda: float(generator.uniform(*ranges[generator.choice(len(ranges), p=shares)]))
