"""One worker as its parent sees it: a process, a pipe, a block, and how far their talk is."""

from __future__ import annotations

import contextlib
import enum
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil

from mlagents_tf.envs.env import Env, Parameters
from mlagents_tf.envs.workers import messages
from mlagents_tf.envs.workers.launch import how_it_ended, start_process
from mlagents_tf.envs.workers.live import LiveAgents
from mlagents_tf.envs.workers.messages import News
from mlagents_tf.envs.workers.process import kill_all
from mlagents_tf.envs.workers.restarts import Failure
from mlagents_tf.envs.workers.shared import Block, Part, Shared, decode_parts
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, IntArray

START_SECONDS = 60.0
"""What a process may take until its environment is made, beyond the time it has for a step."""
END_SECONDS = 2.0
"""What a process may take to close an environment that has raised."""


class Stage(enum.Enum):
    """Where a worker stands."""

    STARTING = "its process starts and makes the environment"
    READY = "the environment is made and waits for the first reset"
    BUSY = "it was asked for a step"
    ANSWERED = "its step waits to be taken"
    IDLE = "its step was taken, and waits for actions"
    ENDING = "it has failed, and its process is going"
    PAUSING = "it has failed, and waits to be started again"


class Worker:
    """A process with an environment, and its successors.

    Attributes:
        number: of the worker, from 0.
        life: number of its process.
        stage: where it stands.
        deadline: when it must have said something or ended; on the monotonic clock.
        restart_at: when it may start again, if it is PAUSING.
        failure: why it is ENDING or PAUSING.
        names, specs: of its behaviors, by their numbers.
        parts, views: the newest step.
        live: agents by behavior.
        stepped: whether the newest step answers actions, and not a reset.
        reset_next: parameters, if it is to be reset as soon as it has answered.
    """

    def __init__(self, number: int, maker: Callable[[], Env], step_timeout: float) -> None:
        self.number, self.life = number, -1
        self.stage = Stage.PAUSING
        self.deadline = self.restart_at = 0.0
        self.failure: Failure | None = None
        self.names: list[str] = []
        self.specs: list[Spec] = []
        self.parts: tuple[Part, ...] = ()
        self.views: tuple[Shared, ...] = ()
        self.live: dict[str, LiveAgents] = {}
        self.stepped = False
        self.reset_next: Parameters | None = None
        self._maker = maker
        self._step_timeout = step_timeout
        self._spoke = False
        self._process: Any = None
        self._pipe: Any = None
        self._block: Block | None = None
        self._new_block: Block | None = None
        self._player: psutil.Process | None = None

    def start(self, life: int) -> None:
        """Starts a process, which numbers its agents as those of `life`.

        Raises:
            EnvError: the maker cannot be sent to another process, or the machine starts none.
        """
        process, pipe = start_process(self.number, self._maker, life)
        self._process, self._pipe, self.life = process, pipe, life
        self.names, self.specs, self.live = [], [], {}
        self.parts, self.views = (), ()
        self.failure, self.reset_next, self._spoke = None, None, False
        self.stage = Stage.STARTING
        self._renew(START_SECONDS)

    @property
    def waitables(self) -> list[Any]:
        """What becomes ready when the worker says something or ends."""
        if self.stage is Stage.PAUSING:
            return []
        sentinel = self._process.sentinel
        return [sentinel] if self.stage is Stage.ENDING else [self._pipe, sentinel]

    def ask_reset(self, parameters: Parameters) -> None:
        """Asks for a reset now."""
        self.reset_next = None
        self.live = {}
        self.stepped = False
        self._ask(messages.encode_parameters(messages.RESET, self._own(parameters)))

    def tell_parameters(self, parameters: Parameters) -> None:
        """Environment parameters for the next episodes; nothing is answered."""
        if self.stage in (Stage.BUSY, Stage.READY, Stage.ANSWERED, Stage.IDLE):
            self._say(messages.encode_parameters(messages.PARAMETERS, self._own(parameters)))

    def _own(self, parameters: Parameters) -> Parameters:
        """Parameters whose samplers draw other values than those of other workers."""
        return {
            name: value
            if isinstance(value, (int, float))
            else value._replace(seed=value.seed + self.number)
            for name, value in parameters.items()
        }

    def ask_step(self, actions: Mapping[int, Actions]) -> None:
        """Asks for a step; `actions` by the numbers of behaviors, for each part."""
        for part, shared in zip(self.parts, self.views, strict=True):
            shared.actions.continuous[...] = actions[part.behavior].continuous
            shared.actions.discrete[...] = actions[part.behavior].discrete
        self.stepped = True
        self._ask(messages.STEP)

    @property
    def due(self) -> float:
        """When something has to be done even if nothing happens."""
        if self.stage is Stage.PAUSING:
            return self.restart_at
        patient = self.stage in (Stage.STARTING, Stage.BUSY, Stage.ENDING)
        return self.deadline if patient else math.inf

    def attend(self, ready: set[Any], now: float) -> News | None:
        """Hears one message, or notices an end or a silence; changes `stage` accordingly."""
        if self.stage is Stage.PAUSING:
            return None
        if self.stage is Stage.ENDING:
            self._see_it_end(ready, now)
        elif self._pipe in ready:
            return self._hear()
        elif self._process.sentinel in ready:
            self._process.join()
            self.fail(how_it_ended(self._process.exitcode, spoke=self._spoke))
        elif now >= self.deadline and self.stage in (Stage.STARTING, Stage.BUSY):
            self.kill()
            allowed = self._step_timeout + START_SECONDS * (self.stage is Stage.STARTING)
            self.fail(Failure(f"it said nothing for {allowed:g} s, and was killed"))
        return None

    def fail(self, failure: Failure) -> None:
        """The process is of no use any more; it is given a little time to close."""
        self.failure = failure
        self.stage = Stage.ENDING
        self.deadline = time.monotonic() + END_SECONDS

    def lost(self) -> dict[str, IntArray]:
        """Agents that go with the process, by behavior; asked once."""
        live, self.live = self.live, {}
        return {name: agents.ids for name, agents in live.items() if len(agents.ids)}

    def forget(self, lost: Mapping[str, IntArray]) -> None:
        """Agents [N] by behavior that the environment has lost itself."""
        for name, ids in lost.items():
            self.live.setdefault(name, LiveAgents()).forget(ids)

    def ask_close(self) -> None:
        """Asks the process to close its environment and end."""
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                self._pipe.send_bytes(messages.CLOSE)

    def join(self, seconds: float) -> bool:
        """Whether the process has ended, now or within `seconds`."""
        if self._process is not None:
            self._process.join(max(0.0, seconds))
        return self._process is None or self._process.exitcode is not None

    def terminate(self) -> None:
        """Asks more firmly; the environment is still closed."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Ends the process, even one that is stopped, and those it has started."""
        if self._process is None:
            return
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.join()
        kill_all(children)

    def release(self) -> None:
        """Gives back what belonged to a process that has ended; kills its player."""
        if self._player is not None:
            kill_all([self._player])
        if self._pipe is not None:
            self._pipe.close()
        self.views = ()
        for block in (self._block, self._new_block):
            if block is not None:
                block.unlink()
                block.close()
        if self._process is not None:
            self._process.close()
        self._player = self._pipe = self._block = self._new_block = self._process = None

    def _renew(self, extra: float = 0.0) -> None:
        self.deadline = time.monotonic() + self._step_timeout + extra

    def _ask(self, message: bytes) -> None:
        self.stage = Stage.BUSY
        self._renew()
        self._say(message)

    def _say(self, message: bytes) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # it has ended, which its sentinel tells
                self._pipe.send_bytes(message)

    def _hear(self) -> News | None:
        """Takes one message."""
        try:
            message = self._pipe.recv_bytes()
        except (EOFError, OSError):
            self._process.join(END_SECONDS)
            self.kill()
            self.fail(how_it_ended(self._process.exitcode, spoke=self._spoke))
            return None
        kind, body = message[:1], message[1:]
        self._spoke = True
        if kind in (messages.ALIKE, messages.ANSWER):
            self._take_answer(kind, body)
            return None
        self._renew(START_SECONDS if self.stage is Stage.STARTING else 0.0)
        if kind == messages.NEWS:
            return self._take_news(News.decode(body))
        if kind == messages.READY:
            self.stage = Stage.READY
        elif kind == messages.ROOM:
            self._new_block = Block.create(int(body))
            self._say(messages.BLOCK + self._new_block.name.encode())
        elif kind == messages.FAILED:
            self.fail(Failure(*messages.read_json(body)))
        return None

    def _take_answer(self, kind: bytes, body: bytes) -> None:
        if self._new_block is not None:  # the worker has attached to it
            self._new_block.unlink()
            self.views = ()
            if self._block is not None:
                self._block.close()
            self._block, self._new_block = self._new_block, None
        if kind == messages.ANSWER:
            self.parts = decode_parts(body)
            views = self._block.lay_out(self.parts, self.specs) if self._block else None
            self.views = views or ()
        if self.reset_next is not None:
            self.ask_reset(self.reset_next)
            return
        self.stage = Stage.ANSWERED
        for part, shared in zip(self.parts, self.views, strict=True):
            agents = self.live.setdefault(self.names[part.behavior], LiveAgents())
            agents.see(shared.step)

    def _take_news(self, news: News) -> News:
        self.names += news.specs
        self.specs += news.specs.values()
        if news.player_pid is not None and (
            self._player is None or self._player.pid != news.player_pid
        ):
            with contextlib.suppress(psutil.Error):
                self._player = psutil.Process(news.player_pid)
        return news

    def _see_it_end(self, ready: set[Any], now: float) -> None:
        if now >= self.deadline:
            self.kill()
        elif self._process.sentinel not in ready:
            return
        self._process.join()
        self.release()
        self.stage = Stage.PAUSING
