"""Numbers that a scene reads at the beginning of episodes, or draws as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from mlagents_tf.envs.unity.channels import ENVIRONMENT_PARAMETERS, FLOAT_PARAMETER
from mlagents_tf.envs.unity.exception import UnityCommunicationException
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel


class EnvironmentDataTypes(IntEnum):
    """What stands behind a parameter's name (the values are Unity's)."""

    FLOAT = FLOAT_PARAMETER
    SAMPLER = 1


class SamplerTypes(IntEnum):
    """How Unity draws a parameter (the values are Unity's)."""

    UNIFORM = 0
    GAUSSIAN = 1
    MULTIRANGEUNIFORM = 2


class EnvironmentParametersChannel(SideChannel):
    """Sets environment parameters, with the next reset or step."""

    EnvironmentDataTypes = EnvironmentDataTypes
    SamplerTypes = SamplerTypes

    def __init__(self) -> None:
        super().__init__(ENVIRONMENT_PARAMETERS)

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Unity sends none."""
        raise UnityCommunicationException("Unity has sent environment parameters, which it reads")

    def set_float_parameter(self, key: str, value: float) -> None:
        """A number."""
        message = OutgoingMessage()
        message.write_string(key)
        message.write_int32(EnvironmentDataTypes.FLOAT)
        message.write_float32(value)
        self.queue_message_to_send(message)

    def set_uniform_sampler_parameters(
        self, key: str, min_value: float, max_value: float, seed: int
    ) -> None:
        """Drawn uniformly."""
        self.queue_message_to_send(_sampler(key, seed, SamplerTypes.UNIFORM, min_value, max_value))

    def set_gaussian_sampler_parameters(
        self, key: str, mean: float, st_dev: float, seed: int
    ) -> None:
        """Drawn from a normal distribution."""
        self.queue_message_to_send(_sampler(key, seed, SamplerTypes.GAUSSIAN, mean, st_dev))

    def set_multirangeuniform_sampler_parameters(
        self, key: str, intervals: Sequence[tuple[float, float]], seed: int
    ) -> None:
        """Drawn uniformly from one of some intervals, (lowest, highest) each."""
        message = _sampler(key, seed, SamplerTypes.MULTIRANGEUNIFORM)
        message.write_float32_list([bound for interval in intervals for bound in interval])
        self.queue_message_to_send(message)


def _sampler(key: str, seed: int, kind: SamplerTypes, *numbers: float) -> OutgoingMessage:
    """A message about how a parameter is drawn, or the beginning of one."""
    message = OutgoingMessage()
    message.write_string(key)
    message.write_int32(EnvironmentDataTypes.SAMPLER)
    message.write_int32(seed)
    message.write_int32(kind)
    for number in numbers:
        message.write_float32(number)
    return message
