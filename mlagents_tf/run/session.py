"""A run while it is in memory: what it owns, and how it begins, goes on and learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from mlagents_tf.data.rows import Episodes
from mlagents_tf.envs.env import AdjustableEnv, Env, ReportingEnv, StatefulEnv, UnsteadyEnv
from mlagents_tf.errors import DataError, EnvError
from mlagents_tf.run.checkpoints import Commit
from mlagents_tf.run.groups import GroupWarning
from mlagents_tf.run.lessons import Lessons
from mlagents_tf.run.opponents import SelfPlay
from mlagents_tf.run.roster import Roster
from mlagents_tf.run.state import RUN_FILE, read_env
from mlagents_tf.run.storage import load_json
from mlagents_tf.run.updating import Updates
from mlagents_tf.samplers import to_json
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.stats import ELO, GROUP_REWARD, IS_TRAINING, REWARD, ForgivingWriters, Statistics
from mlagents_tf.steps import Actions, IntArray, Step
from mlagents_tf.timers import Timers
from mlagents_tf.trainers.trainer import Trainer

EPISODE_TAGS = (REWARD, "Environment/Episode Length", GROUP_REWARD)
"""Of `Episodes`."""


class Session:
    """One run: trainers by behavior, the environment, statistics and the clock.

    Args:
        settings: resolved, with a seed.
        env: not reset yet.
        writers: where summaries go.
        timers: of the run.
        notify: called with each one-line remark for the user.
        warn: called with each one-line remark that the user should act on.
    """

    def __init__(
        self,
        settings: RunSettings,
        env: Env,
        writers: ForgivingWriters,
        timers: Timers,
        notify: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.run_dir = settings.checkpoint_settings.run_dir
        self.env = env
        self.roster = Roster(settings, notify, warn)
        self.self_play = SelfPlay(settings, notify, warn)
        self.lessons = Lessons(settings)
        self.statistics = Statistics()
        self.updates = Updates(self.statistics.add_all)
        self.timers = timers
        self.committed: int | None = None
        self.best: float | None = None  # mean return of the best evaluation
        self._checked: dict[str, int] = {}
        self._stopped: set[str] = set()  # finished before this step, while others go on
        self._unsteady = env if isinstance(env, UnsteadyEnv) else None
        self._reporting = env if isinstance(env, ReportingEnv) else None
        self._writers = writers
        self.notify = notify
        self._groups = GroupWarning(warn)
        self._began = time.monotonic()
        self._elapsed_before = 0.0

    @property
    def trainers(self) -> dict[str, Trainer]:
        """By behavior."""
        return self.roster.trainers

    @property
    def steps(self) -> int:
        """Decisions that were answered, of all behaviors together."""
        return sum(trainer.steps for trainer in self.trainers.values())

    @property
    def max_steps(self) -> int:
        """Decisions after which every behavior is finished."""
        return sum(trainer.settings.max_steps for trainer in self.trainers.values())

    @property
    def elapsed(self) -> float:
        """Seconds the run has taken, earlier sessions included."""
        return self._elapsed_before + time.monotonic() - self._began

    @property
    def running(self) -> bool:
        """Whether some behavior has not reached its max_steps."""
        return not self.trainers or any(not t.finished for t in self.trainers.values())

    def begin(self) -> dict[str, Step]:
        """Starts every episode."""
        steps = self.env.reset(self.lessons.parameters)
        self.observe(steps)
        return steps

    def resume(self, found: Commit) -> dict[str, Step]:
        """Goes on where a commit was taken."""
        facts = load_json(found.path / RUN_FILE)
        known = self.env.specs  # of Unity's scenes none, until they have agents
        made = facts["behaviors"]
        specs = {self.settings.trainer_name(name, made): spec for name, spec in known.items()}
        missing = [name for name in made if name not in specs]
        if missing and known:
            raise DataError(
                f"{found.path}: was trained on behavior '{missing[0]}', but this environment has "
                f"only: {', '.join(known)}; resume with the run's own --env"
            )
        for name in made:
            self.roster.restore(name, found, specs.get(name))
            self._checked[name] = self.trainers[name].steps
        self.self_play.load(found.path, self.trainers)
        self.statistics.load_state(facts["statistics"])
        self.best = facts.get("best")
        if "lessons" in facts:  # earlier versions had none
            self.lessons.load_state(facts["lessons"])
        self._elapsed_before = facts["elapsed"]
        self.committed = self.steps
        return self._restore_env(found, facts) or self._begin_anew()

    def _restore_env(self, found: Commit, facts: Mapping[str, Any]) -> dict[str, Step] | None:
        """The step at which a commit was taken, or None, and why, if it cannot be had."""
        state = read_env(found.path)
        if state is None or not isinstance(self.env, StatefulEnv):
            reason = "the environment did not or cannot say where it stood"
        elif facts["parameters"] != self.parameters:
            reason = "environment_parameters have changed"
        else:
            try:
                return self.env.load_state(state)
            except EnvError as error:
                reason = str(error)
        if self.settings.checkpoint_settings.strict_resume and isinstance(self.env, StatefulEnv):
            raise DataError(
                f"{found.path}: cannot be resumed exactly, since {reason}. Undo that, or leave out "
                "--strict-resume to go on with new episodes."
            )
        self.notify(
            "The resume is faithful (weights, optimizers, counters, memory) but not exact: "
            f"episodes begin anew, since {reason}."
        )
        return None

    def _begin_anew(self) -> dict[str, Step]:
        """Cuts what was going on and starts every episode."""
        for trainer in self.trainers.values():
            trainer.abandon()
        self.self_play.abandon()
        return self.begin()

    def act(self, steps: Mapping[str, Step]) -> dict[str, Actions]:
        """Decides for every behavior of the current steps."""
        return {behavior: self._act(behavior, step) for behavior, step in steps.items()}

    def _act(self, behavior: str, step: Step) -> Actions:
        opponent = self.self_play.opponent(behavior)
        if opponent is not None:
            return self.self_play.act(opponent, step)
        return self.trainers[self.roster.name(behavior)].act(step)

    def observe(self, steps: Mapping[str, Step]) -> None:
        """Passes what came of the actions to the trainers; writes summaries that are due."""
        if self._unsteady is not None:
            for behavior, agent_ids in self._unsteady.take_lost().items():
                self._lose(behavior, agent_ids)
        for behavior, step in steps.items():
            trainer = self.roster.meet(behavior, self.env.specs[behavior])
            if trainer.finished:
                self._stopped.add(trainer.behavior)
            self._groups.look(trainer, step)
            if not self.self_play.observe(behavior, trainer, step):
                continue
            before = trainer.steps
            self._count(trainer.behavior, trainer.observe(step))
            if crossed(before, trainer.steps, trainer.settings.summary_freq):
                self._summarize(trainer)
        if self._reporting is not None:
            for statistic in self._reporting.take_statistics():
                for name in self.trainers:  # it belongs to none of them, so each has it
                    self.statistics.report(name, statistic)

    def _lose(self, behavior: str, agent_ids: IntArray) -> None:
        """Cuts the stories of agents [N] that have vanished."""
        name = self.roster.name(behavior)
        if name in self.trainers:  # else they vanished before they were met
            self.trainers[name].abandon(agent_ids)
            self.self_play.abandon(behavior, agent_ids)

    def _count(self, name: str, episodes: Episodes) -> None:
        """Takes episodes that ended into statistics and lessons."""
        if len(episodes.returns):
            for tag, values in zip(EPISODE_TAGS, episodes, strict=True):
                self.statistics.add_many(name, tag, values)
            self.lessons.observe(name, episodes.returns)

    def update(self) -> None:
        """Trains every behavior whose memory is full, or lets it begin to."""
        self.updates.take()
        for name, trainer in self.trainers.items():
            if not trainer.ready():
                continue
            if name in self._stopped:
                trainer.forget()
                continue
            with self.timers("update"):
                self.updates.train(trainer)

    def teach(self, steps: dict[str, Step]) -> dict[str, Step]:
        """Begins lessons that are due.

        Returns:
            `steps`, or the first step of an environment that had to begin anew for it.
        """
        if not self.lessons.curricula:
            return steps
        change = self.lessons.advance(
            {name: t.steps / t.settings.max_steps for name, t in self.trainers.items()}
        )
        if change is None:
            return steps
        for remark in change.remarks:
            self.notify(remark)
        if change.require_reset or not isinstance(self.env, AdjustableEnv):
            return self._begin_anew()
        self.env.set_parameters(change.parameters)
        return steps

    def change_teams(self, steps: dict[str, Step]) -> dict[str, Step]:
        """Does what is due of self-play.

        Returns:
            `steps`, or the first step of an environment that had to begin anew for it.
        """
        if not self.self_play.due:
            return steps
        self.updates.join()  # the weights of a snapshot are those of no half of an update
        return self._begin_anew() if self.self_play.advance() else steps

    def checkpoint_due(self) -> bool:
        """Whether a behavior has come to a multiple of its checkpoint_interval."""
        due = False
        for name, trainer in self.trainers.items():
            interval = trainer.settings.checkpoint_interval
            due |= crossed(self._checked.get(name, 0), trainer.steps, interval)
            self._checked[name] = trainer.steps
        return due

    @property
    def parameters(self) -> dict[str, Any]:
        """Environment parameters as plain values."""
        return {name: to_json(value) for name, value in self.lessons.parameters.items()}

    def _summarize(self, trainer: Trainer) -> None:
        """Writes the window of one behavior and begins a new one."""
        name = trainer.behavior
        frequency = trainer.settings.summary_freq
        self.statistics.set(name, IS_TRAINING, float(not trainer.finished))
        for tag, value in self.lessons.statistics().items():
            self.statistics.set(name, tag, value)
        elo = self.self_play.elo(name)
        if elo is not None:
            self.statistics.set(name, ELO, elo)
        self._writers.write(
            name,
            trainer.steps // frequency * frequency,
            self.statistics.summary(name),
            self.statistics.histograms(name),
        )
        self.statistics.clear(name)


def crossed(before: int, after: int, interval: int) -> bool:
    """Whether a multiple of `interval` lies in (before, after]."""
    return before // interval != after // interval
