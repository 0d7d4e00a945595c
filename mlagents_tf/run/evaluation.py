"""Evaluation during training: the present policies at play, the best of them kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing

import numpy as np

from mlagents_tf.envs.env import Env, Parameters
from mlagents_tf.errors import SettingsError, StorageError
from mlagents_tf.run.environments import open_env
from mlagents_tf.run.evaluate import EpisodeLog, evaluate, figures
from mlagents_tf.run.saving import save_best
from mlagents_tf.run.session import Session, crossed
from mlagents_tf.run.state import CONFIGURATION
from mlagents_tf.run.stop import Stop
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.trainers.trainer import Trainer

BEST = "best"
"""Directory of a run that is itself a run: the commit that was evaluated best."""
SEED_OFFSET = 1_000_003
"""Between the seed of a run and that of its evaluations."""
RETURNS = "Evaluation/Cumulative Reward"
LENGTHS = "Evaluation/Episode Length"


class Evaluation:
    """Plays with the likeliest actions in an environment of its own, made anew each time.

    So an evaluation depends on nothing but the weights, and training not on it.
    """

    def __init__(self, settings: RunSettings, *, has_name: bool) -> None:
        """Checks that there can be such an environment.

        Args:
            settings: of the run, with a seed and with `evaluation`.
            has_name: whether the environment of the run is made from its name.

        Raises:
            SettingsError: there is only the one that is trained in.
        """
        chosen = settings.evaluation
        assert chosen is not None
        if settings.env_settings.env_path is None or not has_name:
            raise SettingsError(
                "evaluation needs an environment beside the one that is trained in, but the Unity "
                "Editor, or an environment that a script brings, is there once; leave "
                "'evaluation' out, or name an environment with --env"
            )
        self.settings = chosen
        self._env_settings = apart(settings)

    def due(self, before: int, after: int) -> bool:
        """Whether a multiple of the interval lies in (before, after]."""
        return crossed(before, after, self.settings.interval)

    def __call__(self, session: Session, stop: Stop) -> None:
        """Evaluates, reports, keeps the best, and asks for the end at the threshold."""
        with session.timers("evaluate"):
            env = open_env(self._env_settings, lambda _: None, areas=self.settings.num_areas)
            with closing(env):
                logs = self._play(env, session.trainers, session.lessons.parameters)
        for behavior, log in logs.items():
            name = session.roster.name(behavior)
            session.statistics.set(name, RETURNS, float(log.returns.mean()))
            session.statistics.set(name, LENGTHS, float(log.lengths.mean()))
        mean = float(np.mean([log.returns.mean() for log in logs.values()]))
        is_best = session.best is None or mean > session.best
        session.notify(told(session.steps, logs) + ", the best so far" * is_best)
        if is_best:
            session.best = mean
            self._keep(session)
        if self.settings.threshold is not None and mean >= self.settings.threshold:
            session.notify(f"That is the threshold of {self.settings.threshold:g}: done.")
            stop.satisfied = True

    def _play(
        self, env: Env, trainers: Mapping[str, Trainer], parameters: Parameters
    ) -> dict[str, EpisodeLog]:
        env.reset(parameters)
        name_of = self._env_settings.trainer_name
        names = {behavior: name_of(behavior, trainers) for behavior in env.specs}
        players = {behavior: trainers[name] for behavior, name in names.items() if name in trainers}
        before = {name: player.actor.deterministic for name, player in players.items()}
        try:
            for player in players.values():
                player.actor.deterministic = True
            limit = self.settings.max_episode_steps
            return evaluate(env, players, self.settings.episodes, max_episode_steps=limit)
        finally:
            for name, player in players.items():
                player.actor.deterministic = before[name]

    def _keep(self, session: Session) -> None:
        """Commits to `best/`; a disk that is full costs a notice."""
        best = session.run_dir / BEST
        try:
            save_best(session, best)
            shutil.copyfile(session.run_dir / CONFIGURATION, best / CONFIGURATION)
        except (StorageError, OSError) as error:
            session.notify(f"The best policy so far was not kept: {error}")


def evaluation_of(settings: RunSettings, *, has_name: bool) -> Evaluation | None:
    """What the settings ask for."""
    return None if settings.evaluation is None else Evaluation(settings, has_name=has_name)


def apart(settings: RunSettings) -> RunSettings:
    """Settings of one more environment: another seed, another port."""
    chosen = settings.env_settings
    port = chosen.base_port
    update = {
        "num_envs": 1,
        "seed": chosen.seed + SEED_OFFSET,
        "base_port": None if port is None else port + chosen.num_envs,
    }
    logs = settings.checkpoint_settings.model_copy(
        update={"run_id": f"{settings.checkpoint_settings.run_id}/{BEST}"}
    )
    return settings.model_copy(
        update={
            "env_settings": chosen.model_copy(update=update),
            "checkpoint_settings": logs,
        }
    )


def told(steps: int, logs: Mapping[str, EpisodeLog]) -> str:
    """One line about an evaluation."""
    parts = []
    for name, log in logs.items():
        found = figures(log)
        parts.append(f"{name} {found['mean_reward']:.3f} ± {found['ci95']:.3f}")
    return f"Evaluation at step {steps}: {', '.join(parts)}"
