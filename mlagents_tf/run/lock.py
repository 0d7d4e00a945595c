"""One process per run directory."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from mlagents_tf.errors import StorageError
from mlagents_tf.run.storage import make_directory, storage_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_NAME = ".lock"
HELD = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class RunLock:
    """Holds a run directory while in a `with` block; the system lets go when the process dies.

    The lock is the system's on the open file, not the file's existence: one that is left behind
    by a killed process means nothing, and its content only tells others who holds it.

    Args:
        run_dir: created where missing.
        warn: called with a sentence where the file system has no locks; the run goes on.
    """

    def __init__(self, run_dir: Path, warn: Callable[[str], None] = lambda text: None) -> None:
        self.path = run_dir / LOCK_NAME
        self._warn = warn
        self._descriptor = -1

    def __enter__(self) -> RunLock:
        make_directory(self.path.parent)
        with storage_errors(self.path, "lock"):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._take(descriptor)
                self._sign(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # the file stays: deleting it would let two processes lock two files of the same name
        os.close(self._descriptor)
        self._descriptor = -1

    def _take(self, descriptor: int) -> None:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in HELD:
                raise StorageError(self._refusal()) from None
            if error.errno not in UNSUPPORTED:
                raise
            self._warn(
                f"{self.path}: this file system has no locks. "
                "Make sure that no other process writes to this run."
            )

    def _sign(self, descriptor: int) -> None:
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started": started}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode() + b"\n")

    def _refusal(self) -> str:
        try:
            holder = json.loads(self.path.read_text(encoding="utf-8"))
            who = f"process {holder['pid']} on {holder['host']} since {holder['started']}"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another process"
        return (
            f"{self.path.parent}: in use by {who}. "
            "Wait until it has ended, stop it, or choose another run id."
        )


def _lock(descriptor: int) -> None:
    """Lock without waiting; OSError where somebody else has it."""
    if sys.platform == "win32":
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # beyond the text, which others read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
