"""A message from Unity, read value by value."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from mlagents_tf.envs.unity.exception import UnitySideChannelException


class IncomingMessage:
    """Reads what `OutgoingMessage` writes, in the same order.

    Whoever reads on at the end of the message gets the default: so a value can be added to a
    message that older players do not send. A value that is cut off is an error.

    Attributes:
        buffer: the whole message.
        offset: what is read next.
    """

    def __init__(self, buffer: bytes | bytearray | memoryview, offset: int = 0) -> None:
        self.buffer = bytes(buffer)
        self.offset = offset

    def read_bool(self, default_value: bool = False) -> bool:
        """One byte."""
        return default_value if self._at_end() else bool(self._read("?")[0])

    def read_int32(self, default_value: int = 0) -> int:
        """Four bytes."""
        return default_value if self._at_end() else int(self._read("i")[0])

    def read_float32(self, default_value: float = 0.0) -> float:
        """Four bytes."""
        return default_value if self._at_end() else float(self._read("f")[0])

    def read_float32_list(self, default_value: Sequence[float] | None = None) -> list[float]:
        """How many there are, and each."""
        if self._at_end():
            return list(default_value or ())
        return list(self._read(f"{self._size(4)}f"))

    def read_string(self, default_value: str = "") -> str:
        """How many bytes it has in UTF-8, and these."""
        if self._at_end():
            return default_value
        size = self._size(1)
        try:
            return str(self._read(f"{size}s")[0], "utf-8")
        except UnicodeDecodeError as error:
            raise UnitySideChannelException(f"a text that is not UTF-8 ({error})") from error

    def get_raw_bytes(self) -> bytes:
        """The whole message, whatever has been read of it."""
        return self.buffer

    def _at_end(self) -> bool:
        return self.offset >= len(self.buffer)

    def _size(self, width: int) -> int:
        """How many things of `width` bytes follow."""
        (size,) = self._read("i")
        left = len(self.buffer) - self.offset
        if not 0 <= size * width <= left:
            raise UnitySideChannelException(
                f"{size} values of {width} bytes, {left} bytes are left"
            )
        return int(size)

    def _read(self, form: str) -> tuple[Any, ...]:
        try:
            values = struct.unpack_from(f"<{form}", self.buffer, self.offset)
        except struct.error as error:
            raise UnitySideChannelException(f"a value is cut off ({error})") from error
        self.offset += struct.calcsize(f"<{form}")
        return values
