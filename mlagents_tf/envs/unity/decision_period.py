"""Agents that ask for a decision only every few steps, as Unity's DecisionRequester has them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlagents_tf.envs.env import Env, Parameters, ReportingEnv
from mlagents_tf.specs import Spec
from mlagents_tf.stats import EnvStatistic
from mlagents_tf.steps import Actions, FloatArray, IntArray, Step, no_actions


class DecisionPeriod:
    """An environment whose agents decide every `period` steps of the one inside.

    Steps are counted for all agents together from the last reset, as in Unity. Between two
    decisions an agent repeats its last action, and its rewards add up. Whoever ends in between is
    told at once, in a step in which perhaps nobody decides; a successor does nothing (zeros) until
    its first turn.

    Args:
        env: the environment inside; is closed with this one.
        period: 1 or more.
    """

    def __init__(self, env: Env, period: int) -> None:
        self._env = env
        self._period = period
        self._clock = 0
        self._crowds: dict[str, _Crowd] = {}
        self._steps: dict[str, Step] = {}

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Of the environment inside."""
        return self._env.specs

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begins anew, with everybody's turn."""
        self._clock = 0
        self._steps = self._env.reset(parameters)
        self._crowds = {name: _Crowd(spec) for name, spec in self.specs.items()}
        return {name: self._crowd(name).see(step, True) for name, step in self._steps.items()}

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Until it is everybody's turn, or somebody ends."""
        for name, each in actions.items():
            self._crowd(name).decide(each)
        while True:
            repeated = {name: self._crowd(name).act(step) for name, step in self._steps.items()}
            self._steps = self._env.step(repeated)
            self._clock += 1
            turn = self._clock % self._period == 0
            seen = {name: self._crowd(name).see(step, turn) for name, step in self._steps.items()}
            if turn or any(len(step.agent_ids) for step in seen.values()):
                return seen

    def close(self) -> None:
        """Closes the environment inside; may be called twice."""
        self._env.close()

    def take_statistics(self) -> list[EnvStatistic]:
        """Of the environment inside, if it has any."""
        return self._env.take_statistics() if isinstance(self._env, ReportingEnv) else []

    def _crowd(self, name: str) -> _Crowd:
        if name not in self._crowds:
            self._crowds[name] = _Crowd(self.specs[name])
        return self._crowds[name]


class _Crowd:
    """The agents of a behavior: what they do, and what they have earned since they decided."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec.actions
        self._ids: IntArray = np.zeros(0, np.int64)  # sorted
        self._actions = no_actions(spec.actions)
        self._earned = np.zeros((0, 2), np.float32)  # rewards, and those of their groups
        self._asked: IntArray = self._ids

    def decide(self, actions: Actions) -> None:
        """Actions of those who were asked last, in their order."""
        places = np.searchsorted(self._ids, self._asked)
        self._actions.continuous[places] = actions.continuous
        self._actions.discrete[places] = actions.discrete

    def act(self, step: Step) -> Actions:
        """What the deciding rows of a step of the environment inside do."""
        places = np.searchsorted(self._ids, step.agent_ids[~step.ended])
        return Actions(self._actions.continuous[places], self._actions.discrete[places])

    def see(self, step: Step, turn: bool) -> Step:
        """The rows of a step that are told: who has ended, and at their `turn` all others."""
        self._meet(step.agent_ids)
        places = np.searchsorted(self._ids, step.agent_ids)
        self._earned[places] += np.stack([step.rewards, step.group_rewards], axis=1)
        told = step.ended | turn
        earned: FloatArray = self._earned[places]
        heard = step._replace(rewards=earned[:, 0], group_rewards=earned[:, 1]).take(told)
        self._earned[places[told]] = 0.0
        self._asked = heard.agent_ids[~heard.ended]
        self._forget(step.agent_ids[step.ended])
        return heard

    def _meet(self, ids: IntArray) -> None:
        """Makes room for agents that are new."""
        new = np.setdiff1d(ids, self._ids)
        if not len(new):
            return
        everybody = np.concatenate([self._ids, new])
        nothing = no_actions(self._spec, len(new))
        order = np.argsort(everybody)
        self._ids = everybody[order]
        self._earned = np.concatenate([self._earned, np.zeros((len(new), 2), np.float32)])[order]
        self._actions = Actions(
            np.concatenate([self._actions.continuous, nothing.continuous])[order],
            np.concatenate([self._actions.discrete, nothing.discrete])[order],
        )

    def _forget(self, ids: IntArray) -> None:
        """Agents that have ended."""
        if not len(ids):
            return
        stay = ~np.isin(self._ids, ids)
        self._ids, self._earned = self._ids[stay], self._earned[stay]
        self._actions = Actions(self._actions.continuous[stay], self._actions.discrete[stay])
