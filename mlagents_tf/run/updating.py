"""Updates beside the loop: with `threaded: true` a run goes on acting while a behavior learns."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from mlagents_tf.trainers.trainer import Trainer, Update


class Updates:
    """Makes the updates of a run; those of threaded behaviors are computed on another thread.

    At most one of a behavior is under way. Everything but its computation, which works on what was
    taken out of memory, happens on the thread that calls these methods. What an update raises is
    raised where its result is taken.

    Args:
        report: called with behavior and statistics by tag of each update that is done.
    """

    def __init__(self, report: Callable[[str, dict[str, float]], None]) -> None:
        self._report = report
        self._thread = ThreadPoolExecutor(1, "update")  # starts when there is something to do
        self._under_way: dict[str, tuple[Update, Future[Any]]] = {}

    def train(self, trainer: Trainer) -> None:
        """Makes the update that is due, or begins it as soon as the one before is done."""
        name = trainer.behavior
        if not trainer.settings.threaded:
            self._report(name, trainer.update())
            return
        while trainer.ready():  # an update may be a part of what is due
            self._finish(name)
            update = trainer.begin_update()
            self._under_way[name] = update, self._thread.submit(update.compute)

    def take(self) -> None:
        """Takes the results that are there, and waits for none."""
        for name, (_, future) in list(self._under_way.items()):
            if future.done():
                self._finish(name)

    def join(self) -> None:
        """Waits for all that is under way, and takes it."""
        with ExitStack() as stack:  # an error does not keep the others from coming to an end
            for name in self._under_way:
                stack.callback(self._finish, name)

    def close(self) -> None:
        """Waits for the thread; what was not taken is lost."""
        self._thread.shutdown()

    def _finish(self, name: str) -> None:
        if name in self._under_way:
            update, future = self._under_way.pop(name)
            self._report(name, update.finish(future.result()))
