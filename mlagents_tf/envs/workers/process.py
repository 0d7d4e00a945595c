"""What runs in a worker's process: one environment, at the service of the parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import psutil
from threadpoolctl import threadpool_limits

from mlagents_tf.envs.env import AdjustableEnv, Env, ReportingEnv, UnsteadyEnv
from mlagents_tf.envs.workers import messages
from mlagents_tf.envs.workers.messages import News
from mlagents_tf.envs.workers.shared import (
    LIFE_BITS,
    Block,
    Part,
    Shared,
    block_size,
    encode_parts,
    measure,
    write_step,
)
from mlagents_tf.errors import MlagentsTfError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step

ALONE_SECONDS = 5.0
"""What a worker has to close its environment when its parent is gone."""

LONGEST_TRACEBACK = 8_000  # characters, of which the last say most


class ParentGoneError(Exception):
    """Nobody is at the other end of the pipe."""


class Pipe:
    """The worker's end of a pipe; its errors cannot be mistaken for the environment's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: bytes) -> None:
        """Raises ParentGoneError if nobody is there."""
        try:
            self._connection.send_bytes(message)
        except OSError as error:
            raise ParentGoneError from error

    def receive(self) -> tuple[bytes, bytes]:
        """Kind and body of the next message; ParentGoneError if there will be none."""
        try:
            message = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise ParentGoneError from error
        return message[:1], message[1:]


def work(connection: Connection, maker: Callable[[], Env], life: int) -> None:
    """The main function of a worker's process.

    Args:
        connection: to the parent.
        maker: makes the environment, here.
        life: number of this process; stands on top of its agents' ids.
    """
    _behave()
    pipe = Pipe(connection)
    service: Service | None = None
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with contextlib.suppress(ParentGoneError):
        try:
            pipe.send(messages.HELLO)
            service = Service(pipe, maker(), life)
            service.run()
        except ParentGoneError:
            raise
        except Exception as error:
            text = "" if isinstance(error, MlagentsTfError) else traceback.format_exc()
            kind = "" if isinstance(error, MlagentsTfError) else f"{type(error).__name__}: "
            pipe.send(messages.encode_failure(f"{kind}{error}", text[-LONGEST_TRACEBACK:]))
        finally:
            if service is not None:
                service.close()


def _behave() -> None:
    """Leaves Ctrl-C to the parent, ends in good order when terminated, and takes one core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)
    if hasattr(signal, "pthread_sigmask"):  # the parent has blocked it until now
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threadpool_limits(1, user_api="blas")
    for library in ("OMP", "OPENBLAS", "MKL"):  # for what is loaded later
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _end_with_the_parent() -> None:
    """Watches the parent, from a thread since the environment may be busy or stuck."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    time.sleep(ALONE_SECONDS)  # the main thread is gone by then, unless it is stuck
    with contextlib.suppress(psutil.Error):
        kill_all(psutil.Process().children(recursive=True))
    os._exit(1)


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Kills those that still run; psutil compares the time of creation, so never a successor."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


class Service:
    """An environment that is told through a pipe what to do."""

    def __init__(self, pipe: Pipe, env: Env, life: int) -> None:
        self._pipe = pipe
        self._env = env
        self._life = life
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._specs: list[Spec] = []
        self._reporting = env if isinstance(env, ReportingEnv) else None
        self._unsteady = env if isinstance(env, UnsteadyEnv) else None
        self._unknown: list[str] = []
        self._player_pid: int | None = None
        self._parts: tuple[Part, ...] | None = None
        self._block: Block | None = None
        self._views: tuple[Shared, ...] = ()

    def run(self) -> None:
        """Does what the parent asks for until it says `CLOSE`."""
        self._tell_news()
        self._pipe.send(messages.READY)
        while True:
            kind, body = self._pipe.receive()
            if kind == messages.STEP:
                self._answer(self._env.step(self._actions()))
            elif kind == messages.RESET:
                self._answer(self._env.reset(messages.read_parameters(body)))
            elif kind == messages.PARAMETERS:
                if isinstance(self._env, AdjustableEnv):
                    self._env.set_parameters(messages.read_parameters(body))
            else:
                return

    def close(self) -> None:
        """Closes the environment and gives the memory back."""
        try:
            self._env.close()
        finally:
            self._views = ()
            if self._block is not None:
                self._block.close()

    def _actions(self) -> dict[str, Actions]:
        """Copies, which the environment may keep."""
        return {
            self._names[part.behavior]: Actions(*(array.copy() for array in shared.actions))
            for part, shared in zip(self._parts or (), self._views, strict=True)
        }

    def _answer(self, steps: Mapping[str, Step]) -> None:
        self._tell_news()
        unknown = [name for name in steps if name not in self._numbers]
        if unknown:
            raise KeyError(f"{unknown[0]}: a step names this behavior, `specs` does not")
        parts = measure(steps, self._numbers)
        message = messages.ALIKE
        if parts != self._parts:
            self._make_room(parts)
            message = messages.ANSWER + encode_parts(parts)
        for (name, each), shared in zip(steps.items(), self._views, strict=True):
            write_step(name, each, shared.step, self._life)
        self._pipe.send(message)

    def _make_room(self, parts: tuple[Part, ...]) -> None:
        """Lays the columns out, in a larger block if need be."""
        self._parts, self._views = parts, ()
        views = self._block.lay_out(parts, self._specs) if self._block else None
        if views is None:
            needed = block_size(parts, self._specs)
            self._pipe.send(messages.ROOM + str(needed).encode())
            kind, name = self._pipe.receive()
            if kind != messages.BLOCK:  # the parent closes instead
                raise ParentGoneError
            if self._block is not None:
                self._block.close()
            self._block = Block.attach(name.decode())
            views = self._block.lay_out(parts, self._specs)
        self._views = views or ()

    def _tell_news(self) -> None:
        """Tells the parent what it has to know before the step, if there is anything."""
        new = [name for name in self._env.specs if name not in self._numbers]
        statistics = self._reporting.take_statistics() if self._reporting else []
        lost = self._unsteady.take_lost() if self._unsteady else {}
        unknown = sorted(getattr(self._env, "unknown_parameters", ()))
        pid = getattr(self._env, "player_pid", None)
        changed = unknown != self._unknown or pid != self._player_pid
        if not (new or statistics or lost or changed):
            return
        self._unknown, self._player_pid = unknown, pid
        specs: dict[str, Any] = {name: self._env.specs[name] for name in new}
        for name in new:
            self._numbers[name] = len(self._names)
            self._names.append(name)
            self._specs.append(specs[name])
        lost_ids = messages.as_lists(lost, self._life << LIFE_BITS)
        self._pipe.send(News(specs, statistics, unknown, lost_ids, pid).encode())
