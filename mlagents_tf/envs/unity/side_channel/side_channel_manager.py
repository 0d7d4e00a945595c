"""All side channels of one environment."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from uuid import UUID

from mlagents_tf.envs.unity.channels import pack, unpack
from mlagents_tf.envs.unity.exception import (
    UnityCommunicationException,
    UnityEnvironmentException,
    UnitySideChannelException,
)
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel
from mlagents_tf.errors import EnvError

NO_CHANNEL = UUID(int=0)


class SideChannelManager:
    """Gives messages from Unity to their channels, and collects what channels want to send.

    A message that nobody listens to, or that cannot be read, is dropped with a warning, which comes
    once for each channel: a run does not end because of what stands beside steps and actions.
    """

    def __init__(self, side_channels: Sequence[SideChannel] | None = None) -> None:
        """
        Raises:
            UnityEnvironmentException: two channels have one id.
        """
        self._channels: dict[UUID, SideChannel] = {}
        self._complained: set[UUID] = set()
        for channel in side_channels or ():
            if channel.channel_id in self._channels:
                raise UnityEnvironmentException(
                    f"two side channels have the id {channel.channel_id}; an environment takes "
                    "one of each."
                )
            self._channels[channel.channel_id] = channel

    def process_side_channel_message(self, data: bytes | memoryview) -> None:
        """Gives each message of an exchange to its channel."""
        try:
            for channel, message in unpack(memoryview(data)):
                self._hear(channel, message)
        except EnvError as error:
            self._complain(NO_CHANNEL, str(error))

    def generate_side_channel_messages(self) -> bytes:
        """Everything that is to be sent, which is sent once."""
        sent = []
        for channel in self._channels.values():
            sent += [pack(channel.channel_id, message) for message in channel.message_queue]
            channel.message_queue = []
        return b"".join(sent)

    def _hear(self, number: UUID, message: memoryview) -> None:
        channel = self._channels.get(number)
        if channel is None:
            self._complain(number, f"nobody listens to Unity's side channel {number}")
            return
        try:
            channel.on_message_received(IncomingMessage(message))
        except (UnitySideChannelException, UnityCommunicationException) as error:
            self._complain(number, f"side channel {number}: {error}")

    def _complain(self, number: UUID, problem: str) -> None:
        """Warns once of each channel."""
        if number not in self._complained:
            self._complained.add(number)
            warnings.warn(f"{problem}; its messages are dropped", stacklevel=2)
