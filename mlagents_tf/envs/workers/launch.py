"""Starting a worker's process, and reading from its exit code how it ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from mlagents_tf.envs.env import Env
from mlagents_tf.envs.workers.process import work
from mlagents_tf.envs.workers.restarts import Failure
from mlagents_tf.errors import EnvError

CONTEXT = multiprocessing.get_context("spawn")


def start_process(number: int, maker: Callable[[], Env], life: int) -> tuple[Any, Connection]:
    """A process that makes an environment, and our end of the pipe to it.

    Raises:
        EnvError: the maker cannot be sent to another process, or the machine starts none.
    """
    here, there = CONTEXT.Pipe()
    process = CONTEXT.Process(target=work, args=(there, maker, life), name=f"environment {number}")
    try:
        with _interrupts_held():
            process.start()
    except Exception as error:  # of any class: a maker is pickled by code of its own
        here.close()
        raise EnvError(
            f"worker {number}: its process cannot be started: {error}. What makes an environment "
            "must be a function of a module, or functools.partial of one."
        ) from error
    finally:
        there.close()
    return process, here


def how_it_ended(code: int | None, *, spoke: bool) -> Failure:
    """A sentence about a process that has ended.

    Args:
        code: exit code; negative is a signal.
        spoke: whether it ever said anything.
    """
    how = f"exited with code {code}"
    if code is not None and code < 0:
        names = {each.value: each.name for each in signal.Signals}
        how = f"was killed by {names.get(-code, f'signal {-code}')}"
    if not spoke and code == 1:
        return Failure(
            f"its process {how} before it reached the environment, most often since a script "
            'that starts workers lacks `if __name__ == "__main__":` around its call: each '
            "worker imports the script. Otherwise the reason is printed above"
        )
    return Failure(f"its process {how}")


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back: a process that is started meanwhile does not hear it until it says so."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
