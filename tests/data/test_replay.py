"""Whatever agents do, the replay holds what a diary of each of them would hold."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlagents_tf.data import agents as agents_module
from mlagents_tf.data import replay as replay_module
from mlagents_tf.data.replay import Replay
from mlagents_tf.errors import TrainingError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from tests.data.replays import ONE, QUIET, Play, copied, decide, filled, rewards_of, sees
from tests.data.worlds import SPEC, Chances

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
    capacity=st.sampled_from([150, 300, 5000]),
    population=st.integers(1, 8),
)
@example(seed=0, chances=Chances(waits=0.7), capacity=150, population=8)
def test_the_replay_holds_what_diaries_hold(seed, chances, capacity, population):
    rng = np.random.default_rng(seed)
    play = Play(rng, chances, capacity)
    for t in range(80):
        step = play.observe({0: population, 30: 8}.get(t, 0))
        if rng.random() < 0.05:
            play.restore(capacity + int(rng.integers(-20, 40)))
        if rng.random() < 0.02:
            play.lose_rows(step)
            play.act(step)
        else:
            if rng.random() < 0.03:
                play.abandon()
                step = play.observe(population)
            play.act(step)
        if rng.random() < 0.05:
            play.restore(capacity)
        if rng.random() < 0.2:
            play.check()
    play.observe()
    play.check()


def test_a_transition_leads_to_what_the_agent_saw_next():
    replay = Replay(ONE, 10)
    for step in (sees([7], [0.25]), sees([7], [0.5], [5.0], terminated=[True])):
        replay.observe(step)
        decide(replay, step)
    batches = replay.sample(np.random.default_rng(0), 1, 1)
    assert batches.obs[0].item() == 0.25
    assert batches.next_obs[0].item() == 0.5
    assert batches.rewards.item() == 5.0
    assert batches.terminated.item()


@pytest.mark.parametrize(("capacity", "decisions"), [(100, 49), (30, 100)])
def test_every_transition_is_as_likely_as_any_other(capacity, decisions):
    replay = filled(capacity, decisions)
    drawn = replay.sample(np.random.default_rng(0), 40, 500).rewards
    numbers, counts = np.unique(drawn, return_counts=True)
    assert len(numbers) == replay.num_real == min(decisions, capacity - 1)
    expected = drawn.size / replay.num_real
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    freedom = replay.num_real - 1
    assert abs(chi_square - freedom) < 4 * (2 * freedom) ** 0.5


def test_chance_that_hits_few_real_rows_draws_on():
    replay = Replay(ONE, 1000)
    step = sees([1], [0.0])
    replay.observe(step)
    decide(replay, step)
    replay.observe(sees([1], [1.0], [9.0]))
    for _ in range(500):  # of agents that never decide
        replay.observe(sees([2], [2.0]))
    assert (replay.num_real, len(replay)) == (1, 502)
    assert (replay.sample(np.random.default_rng(0), 3, 50).rewards == 9.0).all()


def test_a_sample_has_its_batches_first():
    spec = Spec(
        (ObservationSpec((2, 3, 4), dtype="uint8"), ObservationSpec((5,))), ActionSpec(1, (2, 3))
    )
    replay = Replay(spec, 50)
    for t in range(3):
        images = np.full((4, 2, 3, 4), 100 + t, np.uint8)
        step = make_step(np.arange(4), (images, np.ones((4, 5), np.float32)))
        replay.observe(step)
        replay.append(step, np.ones((4, 1), np.float32), np.ones((4, 2), np.int32))
    batches = replay.sample(np.random.default_rng(0), 2, 7)
    assert [obs.shape for obs in batches.obs] == [(2, 7, 2, 3, 4), (2, 7, 5)]
    assert [obs.shape for obs in batches.next_obs] == [(2, 7, 2, 3, 4), (2, 7, 5)]
    assert batches.continuous.shape == (2, 7, 1)
    assert batches.discrete.shape == (2, 7, 2)
    assert batches.allowed.shape == batches.next_allowed.shape == (2, 7, 5)
    assert batches.rewards.shape == batches.terminated.shape == (2, 7)
    assert batches.obs[0].dtype == batches.next_obs[0].dtype == np.uint8
    assert (batches.next_obs[0] == batches.obs[0] + 1).all()


def test_the_same_generator_draws_the_same_sample_after_a_restart():
    replay = filled(64, 100)
    again = copied(replay)
    one, other = (r.sample(np.random.default_rng(5), 2, 8) for r in (replay, again))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_smaller_ring_keeps_the_newest():
    replay = filled(100, 200)
    smaller, larger = copied(replay, 40), copied(replay, 300)
    assert (len(smaller), smaller.num_real) == (40, 39)
    assert rewards_of(smaller) == rewards_of(replay)[-39:]
    assert (len(larger), larger.num_real) == (100, 99)
    assert rewards_of(larger) == rewards_of(replay)


def test_memory_is_taken_when_the_first_row_is_written_and_is_what_was_announced():
    replay = Replay(SPEC, 1000)
    assert not replay.columns
    play = Play(np.random.default_rng(0), QUIET, 1000)
    play.observe(3)
    columns = play.replay.columns
    assert sum(column.nbytes for column in columns.values()) == replay.num_bytes
    assert replay.num_bytes == 1000 * (4 * 3 + 4 + 4 * 2 + 5 + 4 + 1 + 1 + 4)


def test_images_stay_bytes():
    spec = Spec((ObservationSpec((3, 84, 84), dtype="uint8"),), ActionSpec(2))
    assert Replay(spec, 10).layout["obs_0"].base == np.uint8
    assert Replay(spec, 1_000_000).num_bytes == 1_000_000 * (3 * 84 * 84 + 8 + 4 + 1 + 1 + 4)


def test_more_agents_than_the_ring_can_follow_are_an_error():
    replay = Replay(ONE, 5)
    with pytest.raises(TrainingError, match=r"buffer_size 5 .* 3 agents; raise it to at least 6"):
        replay.observe(sees([1, 2, 3], [0, 0, 0]))


def test_rows_must_be_put_back_or_given_up_after_a_state():
    replay = Replay(ONE, 10)
    replay.load_state(filled(10, 5).state())
    with pytest.raises(RuntimeError, match="put_back or lose_rows"):
        replay.observe(sees([0], [0.0]))


def test_an_episode_goes_on_over_lost_rows():
    replay = filled(50, 5)  # rewards 0 to 4
    state = replay.state()
    replay = Replay(ONE, 50)
    replay.load_state(state)
    replay.lose_rows()
    assert len(replay) == replay.num_real == 0
    step = sees([0], [4.0], [4.0])  # where the state was taken
    decide(replay, step)
    episodes = replay.observe(sees([0], [5.0], [5.0], terminated=[True]))
    assert (episodes.returns.tolist(), episodes.lengths.tolist()) == ([15.0], [6])
    assert (replay.num_real, replay.num_answered) == (1, 6)
    assert replay.sample(np.random.default_rng(0), 1, 1).obs[0].item() == 4.0


def test_a_decision_whose_row_was_lost_is_still_answered():
    replay = Replay(ONE, 50)
    step = sees([1], [0.0])
    replay.observe(step)
    decide(replay, step)
    replay.lose_rows()
    episodes = replay.observe(sees([1], [1.0], [3.0], terminated=[True]))
    assert (episodes.returns.tolist(), episodes.lengths.tolist()) == ([3.0], [1])
    assert (replay.num_real, replay.num_answered) == (0, 1)


def test_an_agent_that_ends_undecided_leaves_nothing_to_the_next_of_its_id():
    replay = filled(50, 3, agents=1)
    replay.observe(sees([0], [0.0], [3.0], terminated=[True]))
    step = sees([0], [0.0])
    replay.observe(step)
    decide(replay, step)
    episodes = replay.observe(sees([0], [0.0], [4.0], terminated=[True]))
    assert (episodes.returns.tolist(), episodes.lengths.tolist()) == ([4.0], [1])


def test_the_environment_may_begin_anew():
    replay = filled(50, 5)
    replay.abandon()
    replay.abandon()
    step = sees([0], [9.0], [7.0])
    replay.observe(step)
    decide(replay, step)
    assert (replay.num_real, replay.num_answered) == (5, 5)


def test_agents_that_were_not_heard_of_for_long_are_forgotten(monkeypatch):
    monkeypatch.setattr(agents_module, "AGENT_TIMEOUT", 2)
    monkeypatch.setattr(replay_module, "CLEANING", 4)
    replay = Replay(ONE, 50)
    step = sees([1, 2], [0.0, 0.0])
    replay.observe(step)
    decide(replay, step)
    for _ in range(3):
        step = sees([2], [0.0], [1.0])
        replay.observe(step)
        decide(replay, step)
    replay.observe(sees([1], [0.0], [100.0], terminated=[True]))
    assert (replay.num_real, replay.num_answered) == (3, 3)


def test_a_stored_state_does_not_change_when_the_replay_goes_on():
    replay = filled(50, 5)
    state = replay.state()
    before = {name: array.copy() for name, array in state.items()}
    step = sees([0, 1], [1.0, 1.0])
    replay.observe(step)
    decide(replay, step)
    for name, array in state.items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_what_was_seen_since_a_row_is_in_the_order_of_time():
    replay = filled(10, 20)
    (obs,) = replay.obs_since(0)
    np.testing.assert_array_equal(obs[:, 0], np.arange(10, 20))
    (obs,) = replay.obs_since(18)
    np.testing.assert_array_equal(obs[:, 0], [17, 18, 19])
