"""Whatever agents do, the tape holds what a diary of each of them would hold."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlagents_tf.data import agents as agents_module
from mlagents_tf.data.tape import Tape
from mlagents_tf.ops.returns import gae
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from tests.data.worlds import SPEC, Chances, Decision, SlowMemory, Story, World, value

GAMMA, LAMBD = 0.9, 0.8
QUIET = Chances(0, 0, 0, 0, 0, 0, 0)


def stories_on(rows):
    """The stories of a tape, read as its docstring says, with the rows of each."""
    stories, told, at = [], [], []
    for row in range(len(rows.mask)):
        if not rows.mask[row]:
            assert not told, "a story ran into a row without an answer before it was `last`"
            continue
        told.append(
            Decision(
                obs_of(rows, row),
                (*rows.continuous[row].tolist(), *rows.discrete[row].tolist()),
                tuple(rows.allowed[row].tolist()),
                float(rows.rewards[row]),
                bool(rows.terminated[row]),
            )
        )
        at.append(row)
        if rows.last[row]:
            stories.append((Story(told, obs_of(rows, row + 1)), at))
            told, at = [], []
    assert not told
    return stories


def obs_of(rows, row):
    return tuple(float(x) for obs in rows.obs for x in obs[row])


def tape_advantages(rows):
    """[F] GAE with `value` of each observation, as a trainer computes it."""
    values = np.array([value(obs_of(rows, row)) for row in range(len(rows.mask))], np.float32)
    columns = (rows.rewards, values, rows.terminated)
    by_signal = (tf.constant(column[None]) for column in columns)
    found = gae(*by_signal, rows.last, rows.mask, tf.constant([[GAMMA]]), LAMBD)
    return found.numpy()[0]


def check_rows(rows, expected):
    """Asserts that a tape holds exactly the `expected` stories."""
    found = stories_on(rows)
    by_first = {story.decisions[0].action: (story, at) for story, at in found}
    assert len(by_first) == len(found) == len(expected)
    advantages = tape_advantages(rows)
    for story in expected:
        on_tape, at = by_first[story.decisions[0].action]
        assert on_tape == story
        np.testing.assert_allclose(
            advantages[at], story.advantages(GAMMA, LAMBD), rtol=1e-5, atol=1e-5
        )
    assert rows.real.size == sum(len(story.decisions) for story in expected)
    assert not advantages[rows.mask == 0].any()


class Play:
    """A world, a tape and a diary of every agent, side by side."""

    def __init__(self, rng, chances, buffer_size=40, time_horizon=6, chunk=8):
        self.rng = rng
        self.world = World(rng, chances)
        self.make_tape = lambda: Tape(SPEC, buffer_size, time_horizon, chunk)
        self.tape = self.make_tape()
        self.slow = SlowMemory(time_horizon)
        self.serial = 0
        self.updates = 0

    def observe(self, births=0):
        step = self.world.step(births)
        episodes = self.tape.observe(step)
        expected = self.slow.observe(step)
        np.testing.assert_allclose(episodes.returns, [e[0] for e in expected], rtol=1e-5)
        assert episodes.lengths.tolist() == [e[1] for e in expected]
        assert self.tape.num_real == self.slow.num_real
        assert self.tape.num_agents == len(self.slow.diaries)
        return step

    def act(self, step):
        deciding = step.deciding()
        n = len(deciding.agent_ids)
        continuous = np.arange(self.serial, self.serial + n, dtype=np.float32)[:, None]
        discrete = self.rng.integers(0, 2, (n, 2)).astype(np.int32)
        self.serial += n
        self.tape.append(deciding, continuous, discrete)
        self.slow.append(deciding, continuous, discrete)

    def update(self):
        check_rows(self.tape.rows(), self.slow.take_stories())
        self.tape.clear()
        self.updates += 1

    def restore(self):
        """Goes on with a copy, after the original has gone on by itself."""
        state = self.tape.state()
        self.tape.rows()
        self.tape.clear()
        others = World(self.rng, QUIET).step(3)
        self.tape.observe(others)
        self.tape.append(others, np.ones((3, 1)), np.ones((3, 2)))
        self.tape = self.make_tape()
        self.tape.load_state(state)

    def abandon(self):
        self.tape.abandon()
        self.slow.abandon()
        self.world.begin_anew()


chances = st.builds(
    Chances,
    waits=st.sampled_from([0.0, 0.2, 0.7]),
    terminates=st.sampled_from([0.0, 0.1, 0.4]),
    is_interrupted=st.sampled_from([0.0, 0.1, 0.4]),
    vanishes=st.sampled_from([0.0, 0.03]),
    begins_anew=st.sampled_from([0.0, 0.7, 1.0]),
    is_born=st.sampled_from([0.0, 0.3]),
    ends_at_once=st.sampled_from([0.0, 0.5]),
)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**16),
    chances=chances,
    time_horizon=st.sampled_from([1, 3, 6, 1000]),
    population=st.integers(1, 8),
)
@example(seed=0, chances=Chances(waits=0.7), time_horizon=6, population=8)
def test_the_tape_holds_what_diaries_hold(seed, chances, time_horizon, population):
    play = Play(np.random.default_rng(seed), chances, time_horizon=time_horizon)
    for t in range(60):
        births = {0: population, 30: 10 * population}.get(t, 0)
        step = play.observe(births)
        if play.rng.random() < 0.05:
            play.restore()
        if play.tape.full:
            play.update()
        if play.rng.random() < 0.03:
            play.abandon()
            step = play.observe(population)
        if play.rng.random() < 0.05:
            play.restore()
        play.act(step)
        if play.rng.random() < 0.05:
            play.restore()
    play.observe()
    play.update()


def test_a_population_that_grows_tenfold_moves_to_a_longer_tape_and_stays_there():
    play = Play(np.random.default_rng(0), QUIET)
    lengths = []
    for births in [4, *[0] * 12, 400, *[0] * 5]:
        step = play.observe(births)
        if play.tape.full:
            play.update()
            lengths.append(play.tape.padded_length)
        play.act(step)
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 2


ONE = Spec((ObservationSpec((1,)),), ActionSpec(1))


def sees(agents, obs, rewards=None, **ends):
    """A step in which `agents` see one number each."""
    return make_step(
        np.array(agents, np.int64),
        (np.array(obs, np.float32)[:, None],),
        np.array(rewards if rewards is not None else [0] * len(agents), np.float32),
        **{name: np.array(flags, np.bool_) for name, flags in ends.items()},
    )


def decide(tape, step):
    n = len(step.deciding().agent_ids)
    tape.append(step.deciding(), np.zeros((n, 1), np.float32), np.zeros((n, 0), np.int32))


def test_a_reward_belongs_to_the_decision_before_it():
    tape = Tape(ONE, 10, 64, 8)
    decide(tape, sees([7], [0.0]))
    tape.observe(sees([7], [1.0], [5.0], terminated=[True]))
    rows = tape.rows()
    assert [obs_of(rows, row) for row in rows.real] == [(0.0,)]
    assert rows.rewards[rows.real] == [5.0]
    assert rows.terminated[rows.real] == [1.0]
    assert rows.last[rows.real] == [1.0]


def test_an_agent_that_ends_before_it_decided_leaves_no_trace():
    tape = Tape(ONE, 10, 64, 8)
    episodes = tape.observe(sees([7], [0.0], [5.0], terminated=[True]))
    assert len(episodes.returns) == 0
    assert tape.num_real == tape.num_agents == len(tape.rows().real) == 0


def test_a_decision_that_waits_over_two_updates_is_not_cut_when_it_is_answered():
    tape = Tape(ONE, 1, 64, 8)
    step = sees([1, 2, 3], [1.0, 2.0, 3.0])
    tape.observe(step)
    decide(tape, step)
    for _ in range(2):  # 1 and 2 wait, 3 fills the tape
        step = sees([3], [3.0], [1.0])
        tape.observe(step)
        tape.rows()
        tape.clear()
        decide(tape, step)
    for obs in (10.0, 20.0):
        step = sees([1, 2, 3], [obs + 1, obs + 2, obs + 3], [0, 0, 0])
        tape.observe(step)
        if obs == 10.0:
            decide(tape, step)
    lengths = sorted(len(story.decisions) for story, _ in stories_on(tape.rows()))
    assert lengths == [2, 2, 2]


def test_masks_of_an_earlier_update_do_not_reach_a_step_without_masks():
    tape = Tape(Spec((ObservationSpec((1,)),), ActionSpec(0, (2,))), 1, 64, 8)

    def turn(allowed):
        step = sees([1], [0.0])._replace(allowed_actions=allowed)
        tape.observe(step)
        if tape.full:
            tape.rows()
            tape.clear()
        tape.append(step, np.zeros((1, 0), np.float32), np.zeros((1, 1), np.int32))

    turn(np.array([[True, False]]))
    turn(None)
    tape.observe(sees([1], [0.0]))
    rows = tape.rows()
    assert rows.allowed[rows.real].tolist() == [[True, True]]


def test_the_environment_may_begin_anew_right_after_an_update():
    tape = Tape(ONE, 1, 64, 8)
    step = sees([1, 2], [0.0, 0.0])
    decide(tape, step)
    tape.observe(step)
    tape.rows()
    tape.clear()
    tape.abandon()
    tape.abandon()
    assert tape.num_agents == 0


def test_a_cleared_tape_stores_what_a_new_one_would():
    spec = Spec((ObservationSpec((1,)),), ActionSpec(1, (2,)))

    def turn(tape, agents, allowed):
        step = sees(agents, [3.0] * len(agents))._replace(allowed_actions=allowed)
        n = len(agents)
        tape.observe(step)
        tape.append(step, np.ones((n, 1), np.float32), np.ones((n, 1), np.int32))
        tape.observe(sees(agents, [4.0] * n, [5.0] * n, terminated=[True] * n))

    used, new = Tape(spec, 2, 64, 8), Tape(spec, 2, 64, 8)
    turn(used, [1, 2], np.array([[False, True]] * 2))
    used.rows()
    used.clear()
    for tape in (used, new):
        turn(tape, [7], None)
    expected = new.state()
    for name, array in used.state().items():
        if name.startswith("rows/") and name != "rows/story":
            np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_a_stored_state_does_not_change_when_the_tape_goes_on():
    tape = Tape(ONE, 10, 64, 8)
    decide(tape, sees([1], [0.0]))
    state = tape.state()
    before = {name: array.copy() for name, array in state.items()}
    tape.observe(sees([1], [1.0], [5.0]))
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_an_agent_that_was_not_heard_of_for_long_is_forgotten(monkeypatch):
    monkeypatch.setattr(agents_module, "AGENT_TIMEOUT", 2)
    tape = Tape(ONE, 1, 64, 8)
    decide(tape, sees([1, 2], [0.0, 0.0]))
    for _ in range(3):
        step = sees([2], [0.0], [1.0])
        tape.observe(step)
        decide(tape, step)
    tape.rows()
    tape.clear()
    assert tape.num_agents == 1


@pytest.mark.parametrize(("rows", "length"), [(1, 8), (10, 16), (15, 16), (16, 24)])
def test_the_padded_length_is_a_multiple_of_the_chunk_with_an_eighth_to_spare(rows, length):
    assert Tape(ONE, rows, 64, 8).padded_length == length


def test_an_agent_may_decide_before_it_was_ever_observed():
    tape = Tape(ONE, 10, 64, 8)
    decide(tape, sees([7], [0.5]))
    tape.observe(sees([7], [1.0], [2.0], terminated=[True]))
    rows = tape.rows()
    np.testing.assert_array_equal(rows.rewards[rows.real], [2.0])
    np.testing.assert_array_equal(rows.obs[0][:2, 0], [0.5, 1.0])
