"""What agents remember follows them, and stands with each row as it was before it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagents_tf.data import agents as agents_module
from mlagents_tf.data.memories import CLEANING, Memories
from mlagents_tf.data.minibatches import rows_in_sequences
from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_file import load_replay, save_replay
from mlagents_tf.data.rows import story_places
from mlagents_tf.data.tape import Tape
from mlagents_tf.errors import DataError
from mlagents_tf.steps import make_step
from tests.data.worlds import SPEC, Chances, World

LENGTH = 4

chances = st.builds(
    Chances,
    waits=st.sampled_from([0.0, 0.3]),
    terminates=st.sampled_from([0.0, 0.05, 0.3]),
    is_interrupted=st.sampled_from([0.0, 0.1]),
    vanishes=st.sampled_from([0.0, 0.03]),
    begins_anew=st.sampled_from([0.7, 1.0]),
    is_born=st.sampled_from([0.0, 0.3]),
    ends_at_once=st.sampled_from([0.0, 0.5]),
)


class Play:
    """Agents that remember who they are, from 1 on, and how often they have decided.

    The continuous action is the number of the decision; `told[action]` is (agent, decisions
    before).
    """

    def __init__(self, memory, seed, chances):
        self.memory = memory
        self.rng = np.random.default_rng(seed)
        self.world = World(self.rng, chances)
        self.told = []
        self.counts = {}

    def turn(self, births=0):
        step = self.world.step(births)
        self.memory.observe(step)
        deciding = step.deciding()
        ids = deciding.agent_ids
        before = np.array([self.counts.get(agent, 0) for agent in ids.tolist()], np.int64)
        remembered = self.memory.memories(ids)
        np.testing.assert_array_equal(remembered, self.remembered(ids, before))
        actions = np.arange(len(self.told), len(self.told) + len(ids), dtype=np.float32)
        self.told += list(zip(ids.tolist(), before.tolist(), strict=True))
        self.counts |= dict(zip(ids.tolist(), (before + 1).tolist(), strict=True))
        discrete = np.zeros((len(ids), 2), np.int32)
        self.memory.append(deciding, actions[:, None], discrete, self.remembered(ids, before + 1))

    @staticmethod
    def remembered(ids, counts):
        """[N, 2] of agents that have decided `counts` times."""
        return np.stack([np.where(counts, ids + 1, 0), counts], axis=1).astype(np.float32)

    def before(self, actions):
        """What is remembered before decisions [N]."""
        agents, counts = np.array([self.told[int(action)] for action in actions]).T
        return self.remembered(agents, counts)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), chances=chances, population=st.integers(1, 6))
def test_rows_of_a_tape_have_what_was_remembered_before_them(seed, chances, population):
    play = Play(Tape(SPEC, 40, 6, 8, 2, LENGTH), seed, chances)
    for t in range(60):
        play.turn({0: population, 30: 4}.get(t, 0))
        if play.memory.full:
            check_tape(play, play.memory.rows())
            play.memory.clear()


def check_tape(play, rows):
    real = rows.real
    assert len(rows.mask) % LENGTH == 0
    actions = rows.continuous[:, 0]
    if len(real):
        np.testing.assert_array_equal(rows.memories[real], play.before(actions[real]))
    for row in real:
        agent, count = play.told[int(actions[row])]
        # what was seen next was seen with this decision remembered, whether it was answered or not
        np.testing.assert_array_equal(rows.memories[row + 1], [agent + 1, count + 1])
        goes_on = row > 0 and rows.mask[row - 1] > 0
        assert goes_on or row % LENGTH == 0, "each story begins a sequence"
        if goes_on:
            assert play.told[int(actions[row - 1])] == (agent, count - 1)


def test_stories_begin_sequences_and_fill_their_last_ones_up():
    stories = np.array([3, 3, 3, 5, 7, 7, 7, 7, 9])
    places = [0, 1, 2, 4, 8, 9, 10, 11, 12]
    np.testing.assert_array_equal(story_places(stories, 4), places)
    np.testing.assert_array_equal(story_places(stories, 1), range(9))
    assert len(story_places(np.zeros(0, np.int64), 4)) == 0


def test_a_copy_of_a_tape_remembers_the_same():
    play = Play(Tape(SPEC, 40, 6, 8, 2, LENGTH), 3, Chances())
    for _ in range(10):
        play.turn(2)
    state = play.memory.state()
    play.memory = Tape(SPEC, 40, 6, 8, 2, LENGTH)
    play.memory.load_state(state)
    for _ in range(10):
        play.turn(2)
    check_tape(play, play.memory.rows())


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    chances=chances,
    capacity=st.sampled_from([200, 2000]),
    population=st.integers(1, 6),
)
def test_a_replay_hands_out_sequences_of_one_agent(seed, chances, capacity, population):
    play = Play(Replay(SPEC, capacity, 2, LENGTH), seed, chances)
    for t in range(60):
        play.turn({0: population, 30: 4}.get(t, 0))
    if play.memory.num_starts:
        check_replay(play)


def check_replay(play):
    replay = play.memory
    columns = replay.columns
    at = np.arange(replay.first, replay.end) % replay.capacity
    assert replay.num_starts == np.count_nonzero(columns["begins"][at])
    answered = {int(a) for a in columns["continuous"][at[columns["real"][at]], 0]}
    batches = replay.sample(np.random.default_rng(0), 2, 5 * LENGTH)
    assert batches.mask.shape == (2, 5 * LENGTH)
    actions = batches.continuous.reshape(-1, LENGTH).astype(int)
    masks = batches.mask.reshape(-1, LENGTH) > 0
    np.testing.assert_array_equal(batches.memories.reshape(-1, 2), play.before(actions.reshape(-1)))
    for sequence, mask in zip(actions, masks, strict=True):
        length = int(mask.sum())
        assert mask[:length].all()
        agent, first = play.told[sequence[0]]
        assert first % LENGTH == 0
        told = [play.told[action] for action in sequence[:length]]
        assert told == [(agent, first + i) for i in range(length)]
        assert set(sequence[length:].tolist()) <= {sequence[length - 1]}
        if length < LENGTH and (agent, first + length) in play.told:
            assert play.told.index((agent, first + length)) not in answered


@pytest.fixture
def replay():
    play = Play(Replay(SPEC, 200, 2, LENGTH), 0, Chances(terminates=0.05))
    for _ in range(40):
        play.turn(1)
    return play.memory


def restored(replay, path):
    other = Replay(SPEC, replay.capacity, 2, LENGTH)
    other.load_state(replay.state())
    load_replay(path, other)
    return other


def test_memories_are_part_of_a_replays_file(replay, tmp_path):
    path = tmp_path / "replay.hdf5"
    save_replay(path, replay)
    other = restored(replay, path)
    assert other.num_starts == replay.num_starts > 0
    samples = [r.sample(np.random.default_rng(1), 1, 3 * LENGTH) for r in (replay, other)]
    for name in ("continuous", "memories", "mask"):
        one, two = (getattr(sample, name) for sample in samples)
        np.testing.assert_array_equal(one, two)


def test_a_sequence_that_begins_nowhere_is_refused(replay, tmp_path):
    at = int(np.flatnonzero(~replay.columns["real"])[0])
    replay.columns["begins"][at] = True
    path = tmp_path / "replay.hdf5"
    save_replay(path, replay)
    with pytest.raises(DataError, match="dataset 'begins' is 1 on a row that is not real"):
        restored(replay, path)


def test_a_row_of_a_sequence_is_chosen_as_often_as_any_other(replay):
    batches = replay.sample(np.random.default_rng(2), 1, 4000 * LENGTH)
    chosen = batches.continuous[batches.mask > 0].astype(int).reshape(-1)
    counts = np.bincount(chosen)[np.unique(chosen)]
    assert counts.min() > 0.7 * counts.mean()
    assert counts.max() < 1.3 * counts.mean()


def step_of(ids, ended=()):
    ids = np.array(ids)
    terminated = np.isin(ids, ended)
    return make_step(ids, (np.zeros((len(ids), 2)), np.zeros((len(ids), 1))), terminated=terminated)


def test_who_acts_without_learning_remembers_until_an_episode_ends():
    memories = Memories(1)
    np.testing.assert_array_equal(memories.of(np.array([7, 8])), [[0], [0]])
    memories.keep(np.array([7, 8]), np.float32([[0.7], [0.8]]))
    memories.keep(np.array([8]), np.float32([[0.9]]))
    np.testing.assert_array_equal(memories.of(np.array([8, 7, 9])), np.float32([[0.9], [0.7], [0]]))
    memories.observe(step_of([7, 8, 9], ended=[8, 9]))
    np.testing.assert_array_equal(memories.of(np.array([8, 7])), np.float32([[0], [0.7]]))


def test_agents_that_vanish_are_forgotten_after_a_while(monkeypatch):
    monkeypatch.setattr(agents_module, "AGENT_TIMEOUT", 10)
    memories = Memories(1)
    memories.keep(np.array([1, 2]), np.ones((2, 1), np.float32))
    for _ in range(CLEANING):
        memories.observe(step_of([2]))
        memories.keep(np.array([2]), np.ones((1, 1), np.float32))
    np.testing.assert_array_equal(memories.of(np.array([1, 2])), [[0], [1]])


def test_without_memory_nothing_is_kept():
    memories = Memories(0)
    memories.keep(np.array([1]), np.zeros((1, 0), np.float32))
    memories.observe(step_of([1]))
    assert memories.of(np.array([1])).shape == (1, 0)


def test_sequences_are_their_rows_in_order():
    found = rows_in_sequences(np.array([[2, 0], [1, 3]]), 2)
    np.testing.assert_array_equal(found, [[4, 5, 0, 1], [2, 3, 6, 7]])
    assert rows_in_sequences(np.zeros((0, 3), int), 2).shape == (0, 6)
