"""Who has won, of agents alone and in groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagents_tf.run.matches import DRAWN, LOST, WON, Games, Matches
from mlagents_tf.steps import make_step


def step(deciding=(), ended=(), *, groups=None, rewards=None, group_rewards=None, cut=()):
    """A step of agents by number; `rewards` and `groups` are by agent, too."""
    ids = [*ended, *deciding]
    of = {} if groups is None else groups
    return make_step(
        np.array(ids, np.int64),
        (np.zeros((len(ids), 1), np.float32),),
        np.array([(rewards or {}).get(i, 0.0) for i in ids], np.float32),
        terminated=np.array([i in ended and i not in cut for i in ids], np.bool_),
        interrupted=np.array([i in cut for i in ids], np.bool_),
        group_ids=np.array([of.get(i, 0) for i in ids], np.int64),
        group_rewards=np.array([(group_rewards or {}).get(i, 0.0) for i in ids], np.float32),
    )


def scores(matches, given_step):
    return matches.observe(given_step)[1].scores.tolist()


def test_the_sign_of_the_last_reward_decides():
    matches = Matches()
    begun, over = matches.observe(step([1, 2, 3]))
    assert len(begun) == 3
    assert len(over.scores) == 0
    assert matches.observe(step([1, 2, 3], rewards={1: 5.0}))[1].scores.tolist() == []
    ended = step([], [1, 2, 3], rewards={1: 0.1, 2: -3.0})
    assert scores(matches, ended) == [WON, LOST, DRAWN]


def test_group_rewards_count():
    matches = Matches()
    matches.observe(step([1]))
    ended = step([], [1], rewards={1: -0.5}, group_rewards={1: 1.0})
    assert scores(matches, ended) == [WON]


def test_mates_win_once():
    matches = Matches()
    groups = {1: 8, 2: 8, 3: 9, 4: 9}
    assert len(matches.observe(step([1, 2, 3, 4], groups=groups))[0]) == 2
    rewards = {1: 1.0, 2: 1.0, 3: -1.0, 4: -1.0}
    assert scores(matches, step([], [1, 2, 3, 4], groups=groups, group_rewards=rewards)) == [
        WON,
        LOST,
    ]


def test_a_mate_that_dies_early_decides_nothing():
    matches = Matches()
    groups = {1: 8, 2: 8}
    matches.observe(step([1, 2], groups=groups))
    assert scores(matches, step([2], [1], groups=groups, rewards={1: -1.0})) == []
    assert scores(matches, step([], [2], groups=groups, rewards={2: 1.0})) == [WON]


def test_a_group_that_plays_on_at_once_begins_a_new_match():
    matches = Matches()
    groups = {1: 8, 2: 8, 3: 8, 4: 8}
    matches.observe(step([1, 2], groups=groups))
    begun, over = matches.observe(step([3, 4], [1, 2], groups=groups, rewards={1: 1, 2: 1}))
    assert over.scores.tolist() == [WON]
    assert begun.tolist() == over.sides.tolist()


def test_what_is_cut_is_said_to_be():
    matches = Matches()
    matches.observe(step([1, 2]))
    _, over = matches.observe(step([], [1, 2], cut=[2]))
    assert over.interrupted.tolist() == [False, True]


def test_agents_that_are_silent_for_a_step_go_on_playing():
    matches = Matches()
    matches.observe(step([1, 2], groups={1: 8, 2: 8}))
    assert scores(matches, step([], [1], groups={1: 8})) == []
    assert scores(matches, step([], [2], groups={2: 8})) == [DRAWN]


def test_forgotten_agents_neither_win_nor_lose():
    matches = Matches()
    matches.observe(step([1, 2]))
    matches.forget(np.array([1]))
    assert scores(matches, step([], [1, 2], rewards={1: 1.0, 2: -1.0})) == [LOST]
    matches.observe(step([3]))
    matches.forget()
    assert scores(matches, step([], [3], rewards={3: 1.0})) == []


def test_a_state_goes_on_where_it_was_taken():
    one, other = Matches(), Matches()
    one.observe(step([1, 2], groups={1: 8}))
    other.load_state(one.state())
    ended = step([], [1, 2], groups={1: 8}, rewards={1: 1.0, 2: -1.0})
    assert scores(one, ended) == scores(other, ended)


@given(st.lists(st.lists(st.integers(0, 5), min_size=6, max_size=6), max_size=30))
def test_every_match_that_begins_ends_once_whoever_comes_and_goes(fates):
    """Six places in three groups; a fate of 0 ends an agent, of 1 keeps it silent."""
    matches, open_sides, names = Matches(), set(), list(range(6))
    playing, ended_before = set(), 0
    for fate in fates:
        ended = [names[k] for k in range(6) if fate[k] == 0 and names[k] in playing]
        silent = {names[k] for k in range(6) if fate[k] == 1}
        groups = {name: 1 + k // 2 for k, name in enumerate(names)}
        for name in ended:
            k = names.index(name)
            names[k] = 100 + ended_before
            groups[names[k]] = 1 + k // 2
            ended_before += 1
        deciding = [name for name in names if name not in silent]
        begun, over = matches.observe(step(deciding, ended, groups=groups))
        assert set(over.sides.tolist()) <= open_sides
        open_sides -= set(over.sides.tolist())
        assert not open_sides & set(begun.tolist())
        open_sides |= set(begun.tolist())
        playing = (playing - set(ended)) | set(deciding)
        assert len(open_sides) == len({(names.index(name)) // 2 for name in playing})


def test_games_are_counted_in_the_order_in_which_they_begin():
    games = Games(2)
    games.observe(step([1, 2]))
    games.observe(step([2, 3], [1], rewards={1: 1.0}))  # 3 begins too late to count
    games.observe(step([2], [3], rewards={3: 1.0}))
    assert not games.finished
    games.observe(step([], [2], rewards={2: -1.0}))
    assert games.finished
    assert games.scores.tolist() == [WON, LOST]


def test_a_game_that_lasts_too_long_is_drawn():
    games = Games(1, limit=3)
    for _ in range(3):
        games.observe(step([1]))
        assert not games.finished
    games.observe(step([1]))
    assert games.scores.tolist() == [DRAWN]
    games.observe(step([], [1], rewards={1: 1.0}))
    assert games.scores.tolist() == [DRAWN]


def test_a_game_that_is_cut_is_drawn():
    games = Games(1)
    games.observe(step([1]))
    games.observe(step([], [1], rewards={1: 1.0}, cut=[1]))
    assert games.scores.tolist() == [pytest.approx(DRAWN)]
