"""How a player draws and how fast it runs."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from mlagents_tf.envs.unity.channels import ENGINE_CONFIGURATION
from mlagents_tf.envs.unity.exception import UnityCommunicationException, UnitySideChannelException
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel


class EngineConfig(NamedTuple):
    """How a player draws and how fast it runs; defaults are those of `mlagents-learn`.

    Attributes:
        width: of the window, in pixels; given together with `height`.
        height: of the window, in pixels.
        quality_level: of Unity's settings, 0 is the plainest.
        time_scale: how many times faster than real time it runs.
        target_frame_rate: frames per second; -1 = as many as it can.
        capture_frame_rate: simulated frames for each simulated second.
    """

    width: int | None = 84
    height: int | None = 84
    quality_level: int | None = 5
    time_scale: float | None = 20.0
    target_frame_rate: int | None = -1
    capture_frame_rate: int | None = 60

    @staticmethod
    def default_config() -> EngineConfig:
        """What ML-Agents' low-level interface calls the default, which is not the learner's."""
        return EngineConfig(width=80, height=80, quality_level=1)


class ConfigurationType(IntEnum):
    """What a message sets (the values are Unity's)."""

    SCREEN_RESOLUTION = 0
    QUALITY_LEVEL = 1
    TIME_SCALE = 2
    TARGET_FRAME_RATE = 3
    CAPTURE_FRAME_RATE = 4


class EngineConfigurationChannel(SideChannel):
    """Tells the player how to draw and how fast to run, with the next reset or step."""

    ConfigurationType = ConfigurationType

    def __init__(self) -> None:
        super().__init__(ENGINE_CONFIGURATION)

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Unity sends none."""
        raise UnityCommunicationException("Unity has sent an engine configuration, which it reads")

    def set_configuration_parameters(  # six, as scripts name them
        self,
        width: int | None = None,
        height: int | None = None,
        quality_level: int | None = None,
        time_scale: float | None = None,
        target_frame_rate: int | None = None,
        capture_frame_rate: int | None = None,
    ) -> None:
        """Sets what is given, and leaves the rest.

        Raises:
            UnitySideChannelException: a width without a height, or the other way round.
        """
        if (width is None) != (height is None):
            raise UnitySideChannelException(
                f"width is {width} and height {height}; give both or neither."
            )
        if width is not None and height is not None:
            self._queue(ConfigurationType.SCREEN_RESOLUTION, width, height)
        if quality_level is not None:
            self._queue(ConfigurationType.QUALITY_LEVEL, quality_level)
        if time_scale is not None:
            message = OutgoingMessage()
            message.write_int32(ConfigurationType.TIME_SCALE)
            message.write_float32(time_scale)
            self.queue_message_to_send(message)
        if target_frame_rate is not None:
            self._queue(ConfigurationType.TARGET_FRAME_RATE, target_frame_rate)
        if capture_frame_rate is not None:
            self._queue(ConfigurationType.CAPTURE_FRAME_RATE, capture_frame_rate)

    def set_configuration(self, config: EngineConfig) -> None:
        """Sets everything that is not None."""
        self.set_configuration_parameters(**config._asdict())

    def _queue(self, *values: int) -> None:
        message = OutgoingMessage()
        for value in values:
            message.write_int32(value)
        self.queue_message_to_send(message)
