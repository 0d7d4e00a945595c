"""Trained policies at play: evaluation, inference and recordings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlagents_tf.data.agents import Agents
from mlagents_tf.envs.env import DrawableEnv, Env, Parameters
from mlagents_tf.errors import DataError, EnvError
from mlagents_tf.run.encoders import refuse_strangers
from mlagents_tf.run.lessons import Lessons
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.run.seats import Player, Players
from mlagents_tf.run.state import (
    CONFIGURATION,
    RUN_FILE,
    check_same_spec,
    commit_at,
    network_arrays,
    read_trainer,
    run_of,
)
from mlagents_tf.run.storage import load_json, storage_errors
from mlagents_tf.settings.load import load_settings
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.steps import Step
from mlagents_tf.trainers.trainer import Trainer


class EpisodeLog(NamedTuple):
    """Finished episodes of one behavior, in the order in which they began."""

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]


def load_run(run_dir: Path, encoders: Collection[str] = ()) -> RunSettings:
    """The resolved settings of a run.

    Args:
        run_dir: its directory, or that of one of its commits.
        encoders: import paths of encoders that may be imported.

    Raises:
        DataError: there is no such run.
        SettingsError: it names an encoder that may not be imported.
    """
    path = run_of(run_dir) / CONFIGURATION
    if not path.is_file():
        raise DataError(
            f"{run_dir}: is not a run (it has no {CONFIGURATION}); give a directory such as "
            "results/first"
        )
    settings = load_settings(path).settings
    refuse_strangers(settings, path, encoders)
    return settings


def latest_parameters(run_dir: Path, settings: RunSettings) -> Parameters:
    """Environment parameters of a run as its newest commit has them: in the lesson it came to."""
    lessons = Lessons(settings)
    source = commit_at(run_dir)
    lessons.load_state(load_json(source / RUN_FILE).get("lessons", lessons.state()))
    return lessons.parameters


def load_trainers(run_dir: Path, settings: RunSettings) -> dict[str, Trainer]:
    """Every behavior of a run's newest checkpoint, good for acting and exporting."""
    source = commit_at(run_dir)
    behaviors = load_json(source / RUN_FILE)["behaviors"]
    return {behavior: load_trainer(source, behavior, settings) for behavior in behaviors}


def load_trainer(source: Path, behavior: str, settings: RunSettings) -> Trainer:
    """One behavior of a commit, good for acting and exporting."""
    chosen = settings.for_behavior(behavior)
    spec, state = read_trainer(source, behavior, chosen.trainer_type)
    trainer = make_trainer(behavior, spec, chosen, settings.env_settings.seed)
    trainer.load_weights(network_arrays(state))
    trainer.steps = int(state.facts["steps"])
    return trainer


def trainers_for(
    env: Env, run_dir: Path, settings: RunSettings, deterministic: bool
) -> dict[str, Trainer]:
    """The trained behaviors that `env` has.

    Raises:
        DataError: a behavior of `env` was not trained in the run, or for another spec.
    """
    trained = load_trainers(run_dir, settings)
    players = {}
    for behavior, spec in env.specs.items():
        name = settings.trainer_name(behavior, trained)
        if name not in trained:
            raise DataError(f"{run_dir}: has no behavior '{name}', only: {', '.join(trained)}")
        check_same_spec(behavior, trained[name].spec, spec, run_dir)
        trained[name].actor.deterministic = deterministic
        players[behavior] = trained[name]
    return players


class Tally:
    """Follows the first `episodes` episodes that begin, so that short ones do not count double.

    Args:
        episodes: how many to follow.
        limit: decisions after which an episode counts as it stands; 0 = none.
    """

    def __init__(self, episodes: int, limit: int = 0) -> None:
        self.log = EpisodeLog(np.full(episodes, np.nan), np.zeros(episodes, np.int64))
        self._limit = limit
        self._begun = 0
        self._agents = Agents({"number": np.int64, "returns": np.float64, "lengths": np.int64})

    @property
    def finished(self) -> bool:
        """Whether all episodes are in the log."""
        return not np.isnan(self.log.returns).any()

    def observe(self, step: Step) -> None:
        """Counts a step."""
        agents = self._agents
        slots = agents.find(step.agent_ids)
        known = slots >= 0
        ended = step.ended
        if known.any():
            at = slots[known]
            agents["returns"][at] += (step.rewards + step.group_rewards)[known]
            agents["lengths"][at] += 1
            over = ended[known]
            if self._limit:
                over = over | (agents["lengths"][at] >= self._limit)
            self._record(at[over])
            agents.remove(slots[known & ended])
        new = step.agent_ids[~known & ~ended]
        if len(new):
            entered = agents.add(new)
            agents["number"][entered] = self._begun + np.arange(len(new))
            self._begun += len(new)

    def _record(self, slots: NDArray[np.intp]) -> None:
        numbers = self._agents["number"][slots]
        counted = slots[numbers < len(self.log.returns)]
        numbers = self._agents["number"][counted]
        self.log.returns[numbers] = self._agents["returns"][counted]
        self.log.lengths[numbers] = self._agents["lengths"][counted]
        self._agents["number"][counted] = len(self.log.returns)  # once is enough


def play(
    env: Env,
    players: Mapping[str, Player],
    rng: np.random.Generator,
    done: Callable[[dict[str, Step]], bool],
) -> None:
    """Acts in `env` with trained policies, learning nothing, until `done` says so of the steps."""
    at_play = Players(players, rng)
    steps = env.reset()
    while not done(steps):
        steps = env.step(at_play.act(steps))


def evaluate(
    env: Env,
    players: Mapping[str, Player],
    episodes: int,
    *,
    seed: int = 0,
    max_episode_steps: int = 0,
) -> dict[str, EpisodeLog]:
    """Plays until each behavior has finished its first `episodes` episodes.

    Args:
        env: not reset yet.
        players: by behavior; every behavior of `env`.
        episodes: how many each behavior plays.
        seed: of the action noise of policies that are not deterministic.
        max_episode_steps: decisions after which an episode counts as it stands; 0 = none.
    """
    tallies = {name: Tally(episodes, max_episode_steps) for name in players}

    def done(steps: dict[str, Step]) -> bool:
        for name, step in steps.items():
            tallies[name].observe(step)
        return all(tally.finished for tally in tallies.values())

    play(env, players, np.random.default_rng(seed), done)
    return {name: tally.log for name, tally in tallies.items()}


def figures(log: EpisodeLog) -> dict[str, float]:
    """What a table shows of an evaluation; `ci95` is half the width of the mean's interval."""
    count = len(log.returns)
    spread = float(log.returns.std(ddof=1)) if count > 1 else 0.0
    return {
        "episodes": count,
        "mean_reward": float(log.returns.mean()),
        "std_reward": spread,
        "ci95": 1.96 * spread / count**0.5,
        "min_reward": float(log.returns.min()),
        "max_reward": float(log.returns.max()),
        "mean_length": float(log.lengths.mean()),
    }


def record(
    env: Env, trainers: Mapping[str, Trainer], out: Path, *, steps: int, fps: int, seed: int
) -> int:
    """Writes `steps` decisions of the first area as a GIF; returns the number of frames.

    Raises:
        EnvError: the environment cannot be drawn.
        StorageError: the file cannot be written.
    """
    if not isinstance(env, DrawableEnv):
        raise EnvError("this environment cannot be drawn; record its window from outside")
    frames: list[Image.Image] = []

    def done(_steps: dict[str, Step]) -> bool:
        frames.append(Image.fromarray(env.render()))
        return len(frames) >= steps

    play(env, trainers, np.random.default_rng(seed), done)
    with storage_errors(out, "write"):
        out.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(
            out, format="GIF", save_all=True, append_images=frames[1:], duration=1000 // fps, loop=0
        )
    return len(frames)
