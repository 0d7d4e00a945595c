"""The trainers of a run: made when a behavior is first seen, or restored from a commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlagents_tf.errors import DataError, SettingsError
from mlagents_tf.run.checkpoints import Commit
from mlagents_tf.run.memory import check_fits
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.run.replays import restore_replay, saves_replay
from mlagents_tf.run.state import (
    changed_demonstrations,
    check_same_spec,
    initial_weights,
    network_arrays,
    read_trainer,
)
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.specs import Spec
from mlagents_tf.trainers.trainer import Trainer


class Roster:
    """Trainers of behaviors; teams of one behavior may share theirs.

    Args:
        settings: resolved, with a seed.
        notify: called with each one-line remark for the user.
        warn: called with each one-line remark that the user should act on.

    Attributes:
        trainers: by name, in the order in which they were made.
        replay_restored: of trainers that were restored and have a replay: whether it was, too.
    """

    def __init__(
        self, settings: RunSettings, notify: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        self.trainers: dict[str, Trainer] = {}
        self.replay_restored: dict[str, bool] = {}
        self._settings = settings
        self._notify = notify
        self._warn = warn
        self._resuming = False
        self._names: dict[str, str] = {}  # of trainers, by behavior
        self._met: set[str] = set()  # behaviors
        self._unmet: dict[str, Path] = {}  # restored from there, and not seen since

    def meet(self, behavior: str, spec: Spec) -> Trainer:
        """The trainer of a behavior that has agents, whose spec is `spec`.

        Raises:
            DataError: it was restored for another spec.
            SettingsError: a team of it, with which it shares its trainer, has another.
        """
        name = self.name(behavior)
        if behavior not in self._met:
            self._check(behavior, name, spec)
            self._met.add(behavior)
        return self.trainers.get(name) or self._add(name, spec)

    def name(self, behavior: str) -> str:
        """What the trainer of a behavior of the environment is called."""
        if behavior not in self._names:
            self._names[behavior] = self._settings.trainer_name(behavior, self.trainers)
        return self._names[behavior]

    def _check(self, behavior: str, name: str, spec: Spec) -> None:
        known = self.trainers.get(name)
        if known is None:
            return
        if name in self._unmet:
            check_same_spec(behavior, known.spec, spec, self._unmet.pop(name))
        if known.spec.fingerprint() != spec.fingerprint():
            raise SettingsError(
                f"behavior '{behavior}' has {spec.describe()}, but another team of '{name}' has "
                f"{known.spec.describe()}. Teams that learn by self-play are alike; give one of "
                "them another Behavior Name in Unity, with self_play of its own."
            )

    def restore(self, name: str, found: Commit, spec: Spec | None) -> None:
        """Makes a trainer go on where a commit was taken.

        Args:
            name: of the trainer.
            found: the commit.
            spec: None where the environment does not know it yet.
        """
        self._resuming = True
        trainer_type = self._settings.for_behavior(name).trainer_type
        stored, state = read_trainer(found.path, name, trainer_type)
        if spec is None:
            self._unmet[name] = found.path
        else:
            check_same_spec(name, stored, spec, found.path)
        trainer = self._add(name, spec or stored)
        trainer.load_state(state)
        strict = self._settings.checkpoint_settings.strict_resume
        for remark in changed_demonstrations(trainer, strict):
            self._notify(remark)
        if trainer.replay is not None:
            self._restore_replay(trainer, found)

    def _add(self, name: str, spec: Spec) -> Trainer:
        settings = self._settings.for_behavior(name)
        seed = self._settings.env_settings.seed + len(self.trainers)
        trainer = make_trainer(name, spec, settings, seed)
        for remark in trainer.prepare():
            self._notify(f"behavior {name}: {remark}")
        if trainer.replay is not None:
            others = [t.replay for t in self.trainers.values() if t.replay is not None]
            self._notify(check_fits(name, trainer.replay, others))
        source = None if self._resuming else initial_weights(self._settings, settings)
        if source is not None:
            stored, state = read_trainer(source, name, settings.trainer_type)
            check_same_spec(name, stored, trainer.spec, source)
            trainer.load_weights(network_arrays(state))
            self._notify(f"behavior {name}: initialized from {source}.")
        self.trainers[name] = trainer
        return trainer

    def _restore_replay(self, trainer: Trainer, found: Commit) -> None:
        problem = restore_replay(found, trainer)
        self.replay_restored[trainer.behavior] = problem is None
        if problem is None:
            return
        if self._settings.checkpoint_settings.strict_resume:
            raise DataError(f"{problem} Leave out --strict-resume to go on with an empty replay.")
        tell = self._warn if saves_replay(trainer) else self._notify
        tell(f"{problem} Training goes on with an empty replay.")
