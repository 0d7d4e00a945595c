"""One side channel: a line of messages to Unity, and what becomes of those that come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage


class SideChannel(ABC):
    """What a channel of your own inherits.

    Attributes:
        message_queue: messages that leave with the next reset or step.
    """

    def __init__(self, channel_id: UUID) -> None:
        """
        Args:
            channel_id: the same as on Unity's side; one channel has it in an environment.
        """
        self._channel_id = channel_id
        self.message_queue: list[bytes] = []

    @property
    def channel_id(self) -> UUID:
        """By which Unity knows the channel."""
        return self._channel_id

    def queue_message_to_send(self, msg: OutgoingMessage) -> None:
        """Sends a message with the next reset or step."""
        self.message_queue.append(bytes(msg.buffer))

    @abstractmethod
    def on_message_received(self, msg: IncomingMessage) -> None:
        """Is called with each message that has come, within reset and step."""
