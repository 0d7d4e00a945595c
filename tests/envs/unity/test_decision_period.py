import numpy as np

from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.unity.decision_period import DecisionPeriod
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, make_step

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(1))


class Countdown:
    """Two agents see the clock and earn 1 a step; the second ends at clock 4 and is followed."""

    specs = {"Countdown": SPEC}  # noqa: RUF012

    def __init__(self):
        self.done = []

    def reset(self, parameters=None):
        self.clock = 0
        return {"Countdown": self._rows([0, 1], [0, 0])}

    def step(self, actions):
        self.done.append(actions["Countdown"].continuous[:, 0].tolist())
        self.clock += 1
        if self.clock == 4:
            return {"Countdown": self._rows([1, 0, 2], [1, 1, 0], [True, False, False])}
        second = 1 if self.clock < 4 else 2
        return {"Countdown": self._rows([0, second], [1, 1])}

    def close(self):
        pass

    def _rows(self, ids, rewards, ended=(False, False)):
        seen = np.full((len(ids), 1), self.clock, np.float32)
        rewards = np.array(rewards, np.float32)
        return make_step(np.array(ids), (seen,), rewards, terminated=np.array(ended))


def moves(*values):
    return {"Countdown": Actions(np.array(values, np.float32)[:, None], np.zeros((2, 0), np.int32))}


NOBODY = {"Countdown": Actions(np.zeros((0, 1), np.float32), np.zeros((0, 0), np.int32))}


def test_actions_are_repeated_and_rewards_add_up():
    inside = Countdown()
    env = DecisionPeriod(inside, 3)
    assert env.reset()["Countdown"].agent_ids.tolist() == [0, 1]
    step = env.step(moves(0.5, -0.5))["Countdown"]
    assert inside.done == [[0.5, -0.5]] * 3
    assert step.rewards.tolist() == [3, 3]
    assert step.obs[0].tolist() == [[3], [3]]


def test_whoever_ends_in_between_is_told_at_once_and_the_successor_waits_for_its_turn():
    inside = Countdown()
    env = DecisionPeriod(inside, 3)
    env.reset()
    env.step(moves(0.5, -0.5))
    step = env.step(moves(0.25, -0.25))["Countdown"]
    assert step.agent_ids.tolist() == [1]
    assert (step.ended.tolist(), step.rewards.tolist()) == ([True], [1])
    step = env.step(NOBODY)["Countdown"]
    assert inside.done[3:] == [[0.25, -0.25], [0.25, 0], [0.25, 0]]  # the successor does nothing
    assert step.agent_ids.tolist() == [0, 2]
    assert step.rewards.tolist() == [3, 2]


def test_agents_that_come_and_go_in_every_way_get_all_their_rewards():
    outer = DecisionPeriod(make_env("toy-fuzz", seed=5), 4)
    twin = make_env("toy-fuzz", seed=5)
    step, told = outer.reset()["toy-fuzz"], 0
    for _ in range(200):
        rows = step.num_deciding
        nothing = Actions(np.zeros((rows, 1), np.float32), np.zeros((rows, 2), np.int32))
        step = outer.step({"toy-fuzz": nothing})["toy-fuzz"]
        assert len(np.unique(step.agent_ids)) == len(step.agent_ids) > 0
        told += int(np.count_nonzero(step.ended))
    assert outer.specs == twin.specs
    assert told > 100
