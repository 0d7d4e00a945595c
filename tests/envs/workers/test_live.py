"""Who is lost when a process dies: those that have asked for a decision and not ended."""

import numpy as np

from mlagents_tf.envs.workers import live
from mlagents_tf.envs.workers.live import LiveAgents
from mlagents_tf.steps import make_step


def see(agents, deciding=(), ended=()):
    ids = np.array([*ended, *deciding], np.int64)
    terminated = np.arange(len(ids)) < len(ended)
    agents.see(make_step(ids, (), terminated=terminated))


def test_agents_live_from_their_first_decision_to_their_last_row():
    agents = LiveAgents()
    see(agents, [4, 2])
    assert agents.ids.tolist() == [2, 4]
    see(agents, [5], ended=[4])
    assert agents.ids.tolist() == [2, 5]  # 2 pauses
    see(agents, [], ended=[2, 5])
    assert agents.ids.tolist() == []


def test_an_agent_whose_first_row_is_its_last_has_never_lived():
    agents = LiveAgents()
    see(agents, [], ended=[7])
    assert agents.ids.tolist() == []


def test_the_same_rows_are_followed_when_one_of_them_ends():
    agents = LiveAgents()
    see(agents, [1, 2])
    see(agents, [1, 2])
    see(agents, [2], ended=[1])
    assert agents.ids.tolist() == [2]


def test_agents_that_are_never_heard_of_again_are_forgotten(monkeypatch):
    monkeypatch.setattr(live, "FOLD_STEPS", 1)
    monkeypatch.setattr(live, "FORGET_FOLDS", 3)
    agents = LiveAgents()
    for newcomer in range(1, 6):
        see(agents, [newcomer])
    assert agents.ids.tolist() == [1, 2, 3, 4, 5]
    see(agents, [6])  # the second three
    assert agents.ids.tolist() == [4, 5, 6]


def test_agents_that_the_environment_has_lost_are_not_lost_again():
    agents = LiveAgents()
    see(agents, [1, 2])
    agents.forget(np.array([2]))
    assert agents.ids.tolist() == [1]


def test_many_steps_are_put_together():
    agents = LiveAgents()
    for newcomer in range(1000):
        see(agents, [newcomer], ended=[newcomer - 1] if newcomer % 2 else [])
    assert agents.ids.tolist() == list(range(1, 1000, 2))
