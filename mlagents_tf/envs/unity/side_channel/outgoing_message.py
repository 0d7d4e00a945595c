"""A message to Unity, written value by value."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from mlagents_tf.envs.unity.exception import UnitySideChannelException


class OutgoingMessage:
    """Bytes that grow; numbers are little-endian, and what has a length has it in front.

    Attributes:
        buffer: what has been written.
    """

    def __init__(self) -> None:
        self.buffer = bytearray()

    def write_bool(self, b: bool) -> None:
        """One byte."""
        self._write("?", b)

    def write_int32(self, i: int) -> None:
        """Four bytes."""
        self._write("i", i)

    def write_float32(self, f: float) -> None:
        """Four bytes."""
        self._write("f", f)

    def write_float32_list(self, float_list: Sequence[float]) -> None:
        """How many there are, and each."""
        self._write(f"i{len(float_list)}f", len(float_list), *float_list)

    def write_string(self, s: str) -> None:
        """How many bytes it has in UTF-8, and these."""
        data = s.encode()
        self._write("i", len(data))
        self.buffer += data

    def set_raw_bytes(self, buffer: bytes | bytearray) -> None:
        """Makes these the whole message."""
        self.buffer = bytearray(buffer)

    def _write(self, form: str, *values: float) -> None:
        try:
            self.buffer += struct.pack(f"<{form}", *values)
        except (struct.error, OverflowError) as error:
            raise UnitySideChannelException(
                f"{values} cannot be written into a message of a side channel: {error}."
            ) from error
