"""Stopping in good order when asked to."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any


class StopSignals:
    """While entered, SIGINT and SIGTERM are noted, not raised; a second SIGINT leaves at once.

    Signals can only be caught on the main thread; elsewhere nothing is changed and `requested`
    stays None.
    """

    def __init__(self) -> None:
        self.requested: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended: 130 or 143; 0 without one."""
        return 128 + self.requested if self.requested else 0

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.requested == signal.SIGINT and number == signal.SIGINT:
            # what is committed is whole whenever we leave; buffered text is not worth waiting for
            os.write(sys.stderr.fileno(), b"\nLeft at once; the last checkpoint is intact.\n")
            os._exit(130)
        self.requested = number
        os.write(
            sys.stderr.fileno(), b"\nStopping after this step and saving (again: leave now).\n"
        )
