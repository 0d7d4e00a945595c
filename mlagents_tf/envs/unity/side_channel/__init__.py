"""Side channels: what scripts and a Unity scene tell each other beside steps and actions."""

from mlagents_tf.envs.unity.side_channel.incoming_message import IncomingMessage
from mlagents_tf.envs.unity.side_channel.outgoing_message import OutgoingMessage
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel

__all__ = ["IncomingMessage", "OutgoingMessage", "SideChannel"]
