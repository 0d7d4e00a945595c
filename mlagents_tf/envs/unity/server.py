"""The gRPC service that a Unity player calls once for each step.

The player's call is what it says, and what the call returns is the trainer's answer. So a call
stays open while the trainer thinks, and there is one at a time. Messages pass as bytes, which
`protobuf/messages.py` reads.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

from mlagents_tf.envs.unity.exception import (
    UnityCommunicatorStoppedException,
    UnityTimeOutException,
    UnityWorkerInUseException,
)
from mlagents_tf.envs.unity.options import LOCAL, RECEIVE_BYTES

SERVICE = "communicator_objects.UnityToExternalProto"
METHOD = "Exchange"
THREADS = 4
"""One call is answered at a time; the others are refused."""
GONE = "Unity has gone: it ended the connection while it waited for an answer."
GRACE_SECONDS = 1.0
"""For the last answer to arrive."""
LOOK_SECONDS = 0.2
"""Between two looks at whether the player still lives."""


class _Call:
    """What a player says, and the trainer's answer when there is one; None if there is none."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.over = False

    def answer(self, message: bytes | None) -> None:
        self._answers.put(message)

    def wait(self) -> bytes | None:
        return self._answers.get()

    def end(self) -> None:
        """Nobody waits for an answer any more, whether there was one or not."""
        self.over = True
        self.answer(None)


class ExchangeServer:
    """Waits for a player's messages and answers them; one player at a time."""

    def __init__(self, port: int, host: str = LOCAL, receive_bytes: int = RECEIVE_BYTES) -> None:
        """Begins to listen.

        Args:
            port: 0 = any free one, which is then `port`.
            host: the address to listen at; only this machine reaches the default.
            receive_bytes: the largest message that is taken.

        Raises:
            UnityWorkerInUseException: the port is taken.
        """
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._current: _Call | None = None
        self._lock = threading.Lock()
        handler = grpc.unary_unary_rpc_method_handler(self._exchange)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="unity")
        self._server = grpc.server(
            self._threads,
            handlers=[grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler})],
            options=[
                ("grpc.max_receive_message_length", receive_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # or two trainers would share the port
            ],
        )
        self.address = f"{host}:{port}"
        try:
            self.port: int = self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise UnityWorkerInUseException(
                f"port {port} of {host} is taken, perhaps by another run; choose another one with "
                "--base-port, or end the other run."
            ) from error
        self._server.start()

    def receive(self, seconds: float, look: Callable[[], None] | None = None) -> bytes:
        """What the player says next.

        Args:
            seconds: to wait at most.
            look: is called while nothing comes, and may raise an error that says why.

        Raises:
            UnityTimeOutException: nothing came.
            UnityCommunicatorStoppedException: the player has gone.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            try:
                call = self._calls.get(timeout=max(0.0, min(left, LOOK_SECONDS)))
            except queue.Empty:
                if look is not None:
                    look()
                if left <= 0:
                    raise UnityTimeOutException(
                        f"no message from Unity within {seconds:g} s at {self.address}. Press Play "
                        "in the Editor, or see the Player log; raise --timeout-wait for scenes "
                        "that load slowly, and check that Behavior Type is Default."
                    ) from None
            else:
                if call.over:
                    self._release()
                    raise UnityCommunicatorStoppedException(GONE)
                return call.request

    def answer(self, message: bytes) -> None:
        """The answer to what was received last.

        Raises:
            UnityCommunicatorStoppedException: the player has gone meanwhile.
        """
        call = self._release()
        if call is None or call.over:
            raise UnityCommunicatorStoppedException(GONE)
        call.answer(message)

    def close(self) -> None:
        """Ends the call that is open and listens no more; may be called twice."""
        if call := self._release():
            call.answer(None)
        self._server.stop(GRACE_SECONDS).wait()
        self._threads.shutdown()

    def _release(self) -> _Call | None:
        """The call that is open, so that there may be another one."""
        with self._lock:
            call, self._current = self._current, None
        return call

    def _exchange(self, request: bytes, context: grpc.ServicerContext) -> bytes | None:
        """Answers a call, in a thread of its own."""
        call = _Call(request)
        with self._lock:
            busy = self._current is not None
            if not busy:
                self._current = call
        if busy:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "another player is connected")
        if not context.add_callback(call.end):
            call.end()
        self._calls.put(call)
        answer = call.wait()
        if answer is None:
            context.abort(grpc.StatusCode.CANCELLED, "the trainer has ended")
        return answer
