"""What many tests of environments need: actions in one word, and playing with a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mlagents_tf.envs.env import Env
from mlagents_tf.steps import Actions, Step


def discrete(options: Sequence[int]) -> Actions:
    """One branch, one option for each deciding agent."""
    column = np.asarray(options, np.int32).reshape(-1, 1)
    return Actions(np.zeros((len(column), 0), np.float32), column)


def continuous(rows: Sequence[Sequence[float]]) -> Actions:
    """One row of continuous actions for each deciding agent."""
    values = np.asarray(rows, np.float32)
    return Actions(values, np.zeros((len(values), 0), np.int32))


def deciding(step: Step) -> Step:
    """The rows that ask for a decision."""
    return step.take(~step.ended)


def play(env: Env, rule: Callable[[Step], Actions], steps: int) -> tuple[list[float], list[int]]:
    """Returns and lengths of the episodes that end within `steps`.

    Args:
        env: of one behavior.
        rule: actions for a step that holds deciding rows alone.
        steps: environment steps to play.
    """
    ((behavior, step),) = env.reset().items()
    earned: dict[int, float] = {}
    lived: dict[int, int] = {}
    returns, lengths = [], []
    for _ in range(steps):
        here = deciding(step)
        lived.update({agent: lived.get(agent, 0) + 1 for agent in here.agent_ids.tolist()})
        step = env.step({behavior: rule(here)})[behavior]
        rows = zip(step.agent_ids.tolist(), step.rewards.tolist(), step.ended, strict=True)
        for agent, reward, ended in rows:
            earned[agent] = earned.get(agent, 0.0) + reward
            if ended:
                returns.append(earned.pop(agent))
                lengths.append(lived.pop(agent))
    return returns, lengths
