"""A table of agents behaves like a dict from ids to rows."""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mlagents_tf.data.agents import Agents

few_ids = st.lists(st.integers(0, 60), max_size=20, unique=True)


def ids(values):
    return np.array(values, np.int64)


class AgentsAreADict(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.agents = Agents({"score": np.float64, "age": np.int64})
        self.model = {}

    @rule(candidates=few_ids, score=st.floats(-1, 1))
    def enter(self, candidates, score):
        new = [agent for agent in candidates if agent not in self.model]
        slots = self.agents.add(ids(new))
        assert not self.agents["score"][slots].any()
        assert not self.agents["age"][slots].any()
        self.agents["score"][slots] = score + np.arange(len(new))
        self.model |= {agent: score + i for i, agent in enumerate(new)}

    @rule(candidates=few_ids)
    def leave(self, candidates):
        gone = [agent for agent in candidates if agent in self.model]
        slots = self.agents.find(ids(gone))
        self.agents["age"][slots] = 9  # must not be seen by whoever takes the slot
        self.agents.remove(slots)
        for agent in gone:
            del self.model[agent]

    @rule(wanted=few_ids, times=st.integers(1, 2))
    def look_up(self, wanted, times):
        for _ in range(times):
            slots = self.agents.find(ids(wanted))
            assert [slot >= 0 for slot in slots] == [agent in self.model for agent in wanted]
            for slot, agent in zip(slots, wanted, strict=True):
                assert slot < 0 or self.agents["score"][slot] == self.model[agent]

    @rule()
    def store_and_continue(self):
        state = self.agents.state()
        self.agents["score"][self.agents.live] = np.nan  # the state must be a copy
        self.agents = Agents({"score": np.float64, "age": np.int64})
        self.agents.load_state(state)

    @invariant()
    def the_same_agents_live(self):
        assert len(self.agents) == len(self.model)
        assert sorted(self.agents.ids) == sorted(self.model)
        scores = dict(zip(self.agents.ids, self.agents["score"][self.agents.live], strict=True))
        assert scores == self.model


TestAgentsAreADict = AgentsAreADict.TestCase
TestAgentsAreADict.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_slots_grow_with_the_population():
    agents = Agents({"score": np.float64})
    slots = agents.add(np.arange(100))
    agents["score"][slots] = np.arange(100)
    agents.remove(agents.find(np.arange(0, 100, 2)))
    agents.add(np.arange(1000, 1200))
    assert len(agents) == 250
    odd = np.arange(1, 100, 2)
    np.testing.assert_array_equal(agents["score"][agents.find(odd)], odd)


def test_a_lookup_is_not_fooled_by_an_array_that_its_owner_reuses():
    agents = Agents({})
    agents.add(np.array([1, 2]))
    asked = np.array([1, 2])
    first = agents.find(asked)
    asked[:] = [2, 1]
    assert agents.find(asked).tolist() == first[::-1].tolist()
