"""A tape of groups knows who acted together, and what is left of a group when one of it ends."""

import numpy as np
import pytest

from mlagents_tf.data.group_tape import GroupTape
from mlagents_tf.data.moments import NOWHERE
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import NO_GROUP, make_step

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(0, (2,)))
RED, BLUE = 7, 8


def made(**keys):
    return GroupTape(SPEC, keys.pop("buffer_size", 100), 64, 8, **keys)


def sees(obs, groups=None, rewards=None, group_rewards=None, terminated=(), interrupted=()):
    """A step of agents that are called by what they see: 11 is agent 1 at its first step."""
    obs = np.array(obs)
    ids = obs // 10
    n = len(ids)
    return make_step(
        ids,
        (obs[:, None].astype(np.float32),),
        np.array(rewards or [0] * n, np.float32),
        group_ids=np.array(groups or [RED] * n, np.int64),
        group_rewards=np.array(group_rewards or [0] * n, np.float32),
        terminated=np.isin(ids, terminated),
        interrupted=np.isin(ids, interrupted),
    )


def turn(tape, step):
    """Observes a step and decides."""
    episodes = tape.observe(step)
    n = step.num_deciding
    tape.append(step.deciding(), np.zeros((n, 0), np.float32), np.zeros((n, 1), np.int32))
    return episodes


def played(*steps, **keys):
    tape = made(**keys)
    for step in steps:
        turn(tape, step)
    return tape.group_rows()


def names(found, rows):
    """What was seen in rows, which is their name; NOWHERE stays."""
    obs = found.rows.obs[0][:, 0].astype(int)
    return [int(obs[row]) if row != NOWHERE else NOWHERE for row in rows]


def moments_of(found):
    """The agents of each moment."""
    return [
        {name for name in names(found, rows) if name != NOWHERE} for rows in found.moments.members
    ]


def moment_behind(found, name):
    """The agents that say what comes behind a decision."""
    row = int(np.flatnonzero(found.rows.obs[0][:, 0] == name)[0])
    moment = found.moments.of_row[row + 1]
    return None if moment == NOWHERE else moments_of(found)[moment]


def reward_of(found, name):
    return float(found.rows.rewards[found.rows.obs[0][:, 0] == name][0])


def test_agents_of_a_group_at_one_step_make_a_moment():
    found = played(sees([11, 21, 31], [RED, BLUE, RED]), sees([12, 22, 32], [RED, BLUE, RED]))
    assert {11, 31} in moments_of(found)
    assert {21} in moments_of(found)
    assert moment_behind(found, 11) == {12, 32}


def test_a_row_stands_where_its_place_says():
    found = played(*(sees([10 + t, 20 + t, 30 + t], [RED, BLUE, RED]) for t in range(4)))
    members = found.moments.members
    for row in found.rows.real:
        assert members.reshape(-1)[found.moments.places[row]] == row
        assert found.moments.places[row] // members.shape[1] == found.moments.of_row[row]


def test_agents_without_a_group_are_by_themselves():
    found = played(sees([11, 21], [NO_GROUP, NO_GROUP]), sees([12, 22], [NO_GROUP, NO_GROUP]))
    assert found.moments.members.shape[1] == 1
    assert moment_behind(found, 11) == {12}


def test_a_mate_that_dies_leaves_the_value_of_those_who_go_on():
    found = played(
        sees([11, 21, 31]), sees([12, 22, 32], terminated=[1]), sees([23, 33]), sees([24, 34])
    )
    assert moment_behind(found, 11) == {22, 32}
    assert {22, 32} in moments_of(found)


def test_nothing_is_left_when_a_whole_group_terminates():
    found = played(sees([11, 21]), sees([12, 22], terminated=[1, 2]))
    assert moment_behind(found, 11) is None


def test_those_who_were_interrupted_together_are_worth_what_they_see():
    found = played(sees([11, 21]), sees([12, 22], interrupted=[1, 2]))
    assert moment_behind(found, 11) == moment_behind(found, 21) == {12, 22}


def test_who_begins_anew_in_the_same_step_belongs_to_another_episode_of_the_group():
    found = played(sees([11, 21]), sees([12, 22, 31, 41], terminated=[1, 2]), sees([32, 42]))
    assert moment_behind(found, 11) is None
    assert {31, 41} in moments_of(found)


def test_who_joins_a_group_that_goes_on_becomes_a_mate():
    found = played(sees([11, 21]), sees([12, 22, 31], terminated=[1]), sees([23, 32]))
    assert moment_behind(found, 11) == {22, 31}


def test_a_death_between_two_decisions_counts_at_the_next_one():
    found = played(sees([11, 21]), sees([12], terminated=[1]), sees([22]), sees([23]))
    assert moment_behind(found, 11) == {22}


def test_a_death_right_before_an_update_sees_mates_that_wait_for_an_answer():
    tape = made()
    turn(tape, sees([11, 21]))
    tape.observe(sees([12], terminated=[1]))
    found = tape.group_rows()
    assert moment_behind(found, 11) == {21}
    assert {11, 21} in moments_of(found)


def test_what_mates_earn_alone_is_added_to_what_an_agent_and_its_group_earn():
    found = played(
        sees([11, 21, 31], [RED, RED, BLUE]),
        sees([12, 22, 32], [RED, RED, BLUE], rewards=[1, 2, 4], group_rewards=[10, 10, 20]),
    )
    assert [reward_of(found, name) for name in (11, 21, 31)] == [13, 13, 24]


def test_what_a_group_earned_is_reported_when_its_last_agents_end():
    tape = made()
    turn(tape, sees([11, 21, 31], [RED, RED, BLUE]))
    first = turn(
        tape,
        sees([12, 22, 32], [RED, RED, BLUE], group_rewards=[1, 1, 5], terminated=[1]),
    )
    assert first.group_returns.tolist() == []
    then = turn(
        tape,
        sees([23, 33], [RED, BLUE], rewards=[9, 9], group_rewards=[2, 5], terminated=[2, 3]),
    )
    assert sorted(then.group_returns) == [3, 10]


def test_places_grow_with_the_groups_and_stay():
    tape = made(buffer_size=4)
    shapes = []
    for names_of_step in ([11, 21], [11, 21, 31], [11]):
        turn(tape, sees(names_of_step))
        tape.observe(sees([name + 1 for name in names_of_step], terminated=[1, 2, 3]))
        shapes.append(tape.group_rows().moments.members.shape)
        tape.clear()
    assert [places for _, places in shapes] == [2, 3, 3]
    assert len({count for count, _ in shapes}) == 1


@pytest.mark.parametrize("when", range(5))
def test_a_restored_tape_hands_out_the_same_groups(when):
    steps = [
        sees([11, 21, 31]),
        sees([12, 22, 32, 41], terminated=[1]),
        sees([23, 33, 42], rewards=[1, 2, 3]),
        sees([24, 34, 43, 51], interrupted=[2, 3, 4]),
        sees([52]),
    ]
    tape, other = made(), made()
    for t, step in enumerate(steps):
        if t == when:
            other.load_state(tape.state())
        turn(tape, step)
        if t >= when:
            turn(other, step)
    for one, two in zip(tape.group_rows(), other.group_rows(), strict=True):
        for mine, its in zip(one, two, strict=True):
            np.testing.assert_array_equal(mine, its)
