"""Numbers by name, which both sides may set; environment parameters have taken its place."""

from __future__ import annotations

from uuid import UUID

from mlagents_tf.envs.unity.channels import FLOAT_PROPERTIES
from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel


class FloatPropertiesChannel(SideChannel):
    """Numbers by name, as both sides have set them."""

    def __init__(self, channel_id: UUID | None = None) -> None:
        super().__init__(FLOAT_PROPERTIES if channel_id is None else channel_id)
        self._properties: dict[str, float] = {}

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Takes over what Unity has set."""
        name = msg.read_string()
        self._properties[name] = msg.read_float32()

    def set_property(self, key: str, value: float) -> None:
        """Sets a number, here at once and in Unity with the next reset or step."""
        self._properties[key] = value
        message = OutgoingMessage()
        message.write_string(key)
        message.write_float32(value)
        self.queue_message_to_send(message)

    def get_property(self, key: str) -> float | None:
        """A number; None if nobody has set it."""
        return self._properties.get(key)

    def list_properties(self) -> list[str]:
        """Names of all numbers."""
        return list(self._properties)

    def get_property_dict_copy(self) -> dict[str, float]:
        """All numbers by name."""
        return dict(self._properties)
