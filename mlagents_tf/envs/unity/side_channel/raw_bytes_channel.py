"""Messages of bytes, which mean what a script and its scene agree on."""

from __future__ import annotations

from uuid import UUID

from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel


class RawBytesChannel(SideChannel):
    """Sends and keeps bytes, in both directions."""

    def __init__(self, channel_id: UUID) -> None:
        super().__init__(channel_id)
        self._received: list[bytes] = []

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Keeps the message."""
        self._received.append(msg.get_raw_bytes())

    def get_and_clear_received_messages(self) -> list[bytes]:
        """What has come since this was called last."""
        received, self._received = self._received, []
        return received

    def send_raw_data(self, data: bytes | bytearray) -> None:
        """Sends bytes with the next reset or step."""
        message = OutgoingMessage()
        message.set_raw_bytes(data)
        self.queue_message_to_send(message)
