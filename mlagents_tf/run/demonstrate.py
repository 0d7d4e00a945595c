"""Demonstrations from a trained policy: whole episodes, as Unity's recorder would write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.agents import Agents
from mlagents_tf.data.demo_records import Records
from mlagents_tf.data.demo_rows import DemoRows, align
from mlagents_tf.data.demo_writer import writing_demo
from mlagents_tf.envs.env import Env
from mlagents_tf.run.seats import Players
from mlagents_tf.settings.demonstrations import SAME
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step
from mlagents_tf.trainers.trainer import Trainer

NOT_FOLLOWED = -1


class Stories:
    """Follows the first `episodes` episodes that begin, so that short ones are not preferred.

    Args:
        spec: of the behavior.
        episodes: how many to follow.
        limit: actions after which an episode is cut; 0 = none.
    """

    def __init__(self, spec: Spec, episodes: int, limit: int = 0) -> None:
        self._spec = spec
        self._episodes = episodes
        self._limit = limit
        self._begun = self._over = 0
        self._agents = Agents({"number": np.int64, "actions": np.int64})
        self._numbers: list[NDArray[np.int64]] = []
        self._pieces: list[Records] = []

    @property
    def finished(self) -> bool:
        """Whether all episodes are over."""
        return self._over >= self._episodes

    def observe(self, step: Step, actions: Actions) -> None:
        """Keeps what the followed agents saw, and what those that decide did."""
        deciding = ~step.ended
        numbers, cut = self._follow(step, deciding)
        kept = numbers != NOT_FOLLOWED
        ended = step.ended | cut
        continuous = np.zeros((len(kept), self._spec.actions.continuous_size), np.float32)
        discrete = np.zeros((len(kept), self._spec.actions.num_branches), np.int32)
        continuous[deciding], discrete[deciding] = actions.continuous, actions.discrete
        allowed = step.allowed_actions
        if allowed is None:
            allowed = np.ones((len(kept), self._spec.actions.num_discrete), np.bool_)
        self._numbers.append(numbers[kept])
        self._pieces.append(
            Records(
                tuple(obs[kept] for obs in step.obs),
                continuous[kept],
                discrete[kept],
                np.ones(np.count_nonzero(kept), np.bool_),
                allowed[kept],
                (step.rewards + step.group_rewards)[kept],
                ended[kept],
                (step.interrupted | cut)[kept],
            )
        )
        self._over += int(np.count_nonzero(ended[kept]))

    def rows(self) -> DemoRows:
        """What was kept, one episode behind the other."""
        order = np.argsort(np.concatenate(self._numbers), kind="stable")
        columns = zip(*(piece[1:] for piece in self._pieces), strict=True)
        obs = zip(*(piece.obs for piece in self._pieces), strict=True)
        records = Records(
            tuple(np.concatenate(parts)[order] for parts in obs),
            *(np.concatenate(parts)[order] for parts in columns),
        )
        return align(records, SAME, complete=True)

    def _follow(
        self, step: Step, deciding: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """[N] the story of each row, or NOT_FOLLOWED; and where a story is cut."""
        agents = self._agents
        unknown = agents.find(step.agent_ids) < 0
        new = step.agent_ids[unknown & deciding]
        if len(new):
            entered = agents.add(new)
            numbers = self._begun + np.arange(len(new))
            agents["number"][entered] = np.where(numbers < self._episodes, numbers, NOT_FOLLOWED)
            self._begun += len(new)
        slots = agents.find(step.agent_ids)
        known = slots >= 0  # not who ended at once
        numbers = np.where(known, agents["number"][slots], NOT_FOLLOWED)
        cut = known & deciding & (agents["actions"][slots] >= self._limit) & (self._limit > 0)
        cut &= numbers != NOT_FOLLOWED
        agents["actions"][slots[known & deciding]] += 1
        agents["number"][slots[cut]] = NOT_FOLLOWED
        agents.remove(slots[known & ~deciding])
        return numbers, cut


def record_demo(
    env: Env,
    trainers: Mapping[str, Trainer],
    behavior: str,
    out: Path,
    *,
    episodes: int,
    seed: int = 0,
    max_episode_steps: int = 0,
) -> DemoRows:
    """Plays until the first `episodes` episodes of a behavior are over, and writes them.

    Args:
        env: not reset yet.
        trainers: of every behavior of `env`.
        behavior: whose agents are recorded.
        out: the file.
        episodes: how many.
        seed: of the action noise of policies that are not deterministic.
        max_episode_steps: actions after which an episode is cut; 0 = none.

    Raises:
        StorageError: the file cannot be written.
    """
    players = Players(trainers, np.random.default_rng(seed))
    spec = trainers[behavior].spec
    stories = Stories(spec, episodes, max_episode_steps)
    steps = env.reset()
    while True:
        actions = players.act(steps)
        if behavior in steps:
            stories.observe(steps[behavior], actions[behavior])
        if stories.finished:
            break
        steps = env.step(actions)
    rows = stories.rows()
    with writing_demo(out, behavior, spec) as writer:
        writer.append(rows)
    return rows
