"""What ends a run in good order before its max_steps: a signal, a step, or somebody who asks."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from mlagents_tf.errors import SettingsError


class Stop:
    """While entered, SIGINT and SIGTERM are noted, not raised; a second SIGINT leaves at once.

    Signals can only be caught on the main thread; elsewhere nothing is changed and `signal` stays
    None.

    Args:
        at: steps of the run at which it is to end; None = at its max_steps.
        in_script: a second SIGINT raises KeyboardInterrupt instead of ending the process.

    Attributes:
        signal: the number of the signal that came, if one did.
        satisfied: set to True by whoever has seen what the run was for; it is complete then.
        asked: set to True by whoever wants the run to end after this step.

    Raises:
        SettingsError: `at` is less than 1.
    """

    def __init__(self, at: int | None = None, *, in_script: bool = False) -> None:
        if at is not None and at < 1:
            raise SettingsError(
                f"--stop-at is {at}: give the number of steps at which to stop, 1 or more"
            )
        self.at = at
        self.signal: int | None = None
        self.asked = self.satisfied = False
        self._in_script = in_script
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def due(self, steps: int) -> bool:
        """Whether a run that has taken `steps` steps is to end now."""
        return self.signal is not None or self.asked or self.satisfied or self.reached(steps)

    def reached(self, steps: int) -> bool:
        """Whether `steps` is at or past the step that was given."""
        return self.at is not None and steps >= self.at

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended: 130 or 143; 0 without one."""
        return 128 + self.signal if self.signal else 0

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.signal == signal.SIGINT and number == signal.SIGINT:
            if self._in_script:
                raise KeyboardInterrupt
            # what is committed is whole whenever we leave; buffered text is not worth waiting for
            _say(b"\nLeft at once; the last checkpoint is intact.\n")
            os._exit(130)
        self.signal = number
        _say(b"\nStopping after this step and saving (again: leave now).\n")


def _say(text: bytes) -> None:
    # Python's own streams may be in the middle of a write, and a notebook's have no descriptor
    with suppress(OSError):
        os.write(2, text)
