"""Many environments, each in a process of its own, as one `Env`."""

from __future__ import annotations

import atexit
import math
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import wait
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import Env, Parameters, check_actions
from mlagents_tf.envs.workers.messages import News
from mlagents_tf.envs.workers.restarts import Failure, RestartLimits, Restarts
from mlagents_tf.envs.workers.shared import Part, join_steps
from mlagents_tf.envs.workers.worker import Stage, Worker
from mlagents_tf.errors import EnvError
from mlagents_tf.samplers import Sampler
from mlagents_tf.specs import Spec
from mlagents_tf.stats import Aggregation, EnvStatistic
from mlagents_tf.steps import Actions, IntArray, Step, no_actions

RESTARTED = EnvStatistic("Environment/Worker Restarts", 1.0, Aggregation.SUM)
CLOSE_SECONDS = 5.0
"""What all workers together have to close, before they are terminated."""
TERMINATE_SECONDS = 2.0


class Asked(NamedTuple):
    """A worker whose agents stood in the step that was returned last, and how many they were."""

    worker: Worker
    life: int
    parts: tuple[Part, ...]
    names: list[str]


class Workers:
    """Environments in processes of their own, none of which waits for another.

    A step returns when at least one worker has answered, with the agents of all that have. Ids of
    agents and groups carry the number of the process they live in, so that none returns when a
    process is replaced.
    """

    def __init__(
        self,
        makers: Sequence[Callable[[], Env]],
        *,
        step_timeout: float = 60.0,
        limits: RestartLimits | None = None,
        notify: Callable[[str], None],
    ) -> None:
        """Starts all processes and waits until each has made its environment.

        Args:
            makers: make one environment each, in a process of its own; can be pickled.
            step_timeout: seconds that a worker may be silent before it is killed.
            limits: of restarts, for each worker.
            notify: called with a line for each restart.

        Raises:
            EnvError: an environment could not be made.
        """
        if not makers:
            raise EnvError("there are no workers; give at least one function that makes an Env.")
        self.unknown_parameters: set[str] = set()
        self._notify = notify
        self._lives = 0
        self._begun = False
        self._closed = False
        self._over: EnvError | None = None
        self._specs: dict[str, Spec] = {}
        self._branches: dict[str, NDArray[np.uint32]] = {}
        self._parameters: dict[str, float | Sampler] = {}
        self._statistics: list[EnvStatistic] = []
        self._lost: dict[str, list[IntArray]] = {}
        self._asked: list[Asked] = []
        self._workers = [Worker(i, maker, step_timeout) for i, maker in enumerate(makers)]
        limits = limits or RestartLimits()
        self._restarts = {worker: Restarts(limits) for worker in self._workers}
        self._start_all()

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Of the behaviors of all workers."""
        return self._specs

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Resets every worker and waits for all; one that is being replaced joins later."""
        self._check_usable()
        self._parameters.update(parameters or {})
        for worker in self._workers:
            if worker.stage is Stage.BUSY:
                worker.reset_next = dict(parameters or {})
            elif worker.stage in (Stage.READY, Stage.ANSWERED, Stage.IDLE):
                worker.ask_reset(parameters or {})
        while any(worker.stage is Stage.BUSY for worker in self._workers):
            self._proceed()
        self._begun = True
        return self._take_answers()

    def set_parameters(self, parameters: Parameters) -> None:
        """Environment parameters from the next episodes on, in all workers."""
        self._parameters.update(parameters)
        for worker in self._workers:
            worker.tell_parameters(parameters)

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Passes actions on to the workers of the last step; what has been answered by then.

        Raises:
            EnvError: actions do not fit, or a worker has failed too often.
        """
        self._check_usable()
        if not self._begun:
            raise EnvError("step was called before reset.")
        self._send(self._checked(actions))
        return self._take_answers()

    def take_statistics(self) -> list[EnvStatistic]:
        """What the environments have reported, and restarts."""
        statistics, self._statistics = self._statistics, []
        return statistics

    def take_lost(self) -> dict[str, IntArray]:
        """Agents whose process has died, and those that environments have lost themselves."""
        lost, self._lost = self._lost, {}
        return {name: np.concatenate(ids) for name, ids in lost.items()}

    def close(self) -> None:
        """Closes every environment and ends every process; may be called twice."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        for worker in self._workers:
            worker.ask_close()
        until = time.monotonic() + CLOSE_SECONDS
        left = [each for each in self._workers if not each.join(until - time.monotonic())]
        for worker in left:
            worker.terminate()
        until = time.monotonic() + TERMINATE_SECONDS
        for worker in left:
            if not worker.join(until - time.monotonic()):
                worker.kill()
        for worker in self._workers:
            worker.release()

    def _start_all(self) -> None:
        """Starts all processes, and ends them if one cannot make its environment."""
        atexit.register(self.close)
        try:
            for worker in self._workers:
                self._start(worker)
            while any(worker.stage is not Stage.READY for worker in self._workers):
                self._proceed()
        except BaseException:
            self.close()
            raise

    def _check_usable(self) -> None:
        """Raises EnvError if nothing can be asked any more."""
        if self._closed:
            raise EnvError("the workers are closed.")
        if self._over is not None:
            raise self._over

    def _checked(self, actions: Mapping[str, Actions]) -> dict[str, Actions]:
        """Actions for each behavior of the last step; EnvError unless they fit."""
        rows: dict[str, int] = {}
        for each in self._asked:
            for part in each.parts:
                name = each.names[part.behavior]
                rows[name] = rows.get(name, 0) + part.deciding
        found = {}
        for name in {**actions, **rows}:
            if name not in self._specs:
                raise EnvError(f"{name}: there are actions for it, but no such behavior.")
            spec, count = self._specs[name].actions, rows.get(name, 0)
            if name not in actions and count:
                raise EnvError(f"{name}: {count} agents ask for a decision, but got no actions.")
            found[name] = actions.get(name) or no_actions(spec)
            check_actions(name, found[name], spec, count, self._branches[name])
        return found

    def _send(self, actions: Mapping[str, Actions]) -> None:
        """Gives each worker of the last step its rows, unless it has died meanwhile."""
        begins = dict.fromkeys(actions, 0)
        for worker, life, parts, names in self._asked:
            own = {}
            for part in parts:
                name = names[part.behavior]
                rows = slice(begins[name], begins[name] + part.deciding)
                begins[name] = rows.stop
                own[part.behavior] = Actions(actions[name][0][rows], actions[name][1][rows])
            if worker.stage is Stage.IDLE and worker.life == life:
                worker.ask_step(own)

    def _take_answers(self) -> dict[str, Step]:
        """All answers that are there, when there is one."""
        while not any(worker.stage is Stage.ANSWERED for worker in self._workers):
            self._proceed()
        self._asked = []
        found: dict[str, list[Step]] = {}
        for worker in self._workers:
            if worker.stage is not Stage.ANSWERED:
                continue
            worker.stage = Stage.IDLE
            if worker.stepped:
                self._restarts[worker].worked()
            self._asked.append(Asked(worker, worker.life, worker.parts, worker.names))
            for part, shared in zip(worker.parts, worker.views, strict=True):
                found.setdefault(worker.names[part.behavior], []).append(shared.step)
        return {name: join_steps(steps) for name, steps in found.items()}

    def _proceed(self) -> None:
        """Waits until something happens or is due, and deals with it."""
        try:
            self._attend_all()
        except EnvError as error:
            self._over = error
            raise

    def _attend_all(self) -> None:
        """Takes one message from each worker that has one, and moves on those that are due."""
        due = min(worker.due for worker in self._workers)
        timeout = None if due == math.inf else max(0.0, due - time.monotonic())
        waitables = [each for worker in self._workers for each in worker.waitables]
        ready: set[Any] = set()
        if waitables:
            ready.update(wait(waitables, timeout))
        else:  # all are paused; Windows does not wait for nothing
            time.sleep(timeout or 0.0)
        now = time.monotonic()
        for worker in self._workers:
            healthy = worker.failure is None
            news = worker.attend(ready, now)
            if news is not None:
                self._learn(worker, news)
            if healthy and worker.failure is not None:
                self._mourn(worker, worker.failure, now)
            elif worker.stage is Stage.PAUSING and now >= worker.restart_at:
                self._start(worker)
            elif worker.stage is Stage.READY and self._begun:
                worker.ask_reset(self._parameters)

    def _start(self, worker: Worker) -> None:
        worker.start(self._lives)
        self._lives += 1

    def _learn(self, worker: Worker, news: News) -> None:
        """Takes in what a worker says beside its steps."""
        for name, spec in news.specs.items():
            known = self._specs.setdefault(name, spec)
            if known != spec:
                raise EnvError(
                    f"worker {worker.number}: {name} is '{spec.describe()}', but was "
                    f"'{known.describe()}' in another process; all must run the same environment."
                )
            self._branches[name] = np.asarray(spec.actions.discrete_branches, np.uint32)
        self._statistics += news.statistics
        self.unknown_parameters.update(news.unknown_parameters)
        lost = {name: np.array(ids, np.int64) for name, ids in news.lost.items()}
        worker.forget(lost)
        self._lose(lost)

    def _lose(self, lost: Mapping[str, IntArray]) -> None:
        for name, ids in lost.items():
            self._lost.setdefault(name, []).append(ids)

    def _mourn(self, worker: Worker, failure: Failure, now: float) -> None:
        """Reports the agents of a worker that has failed, and plans its restart if it may."""
        if not self._begun:
            raise failure.error(f"worker {worker.number}: ")
        self._lose(worker.lost())
        worker.restart_at = now + self._restarts[worker].pause(worker.number, failure, now)
        self._statistics.append(RESTARTED)
        self._notify(f"Restarting worker[{worker.number}] after '{failure.sentence}'")
