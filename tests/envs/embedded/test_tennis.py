import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.tennis import NOBODY, SERVICE, UNSET, Tennis
from mlagents_tf.errors import EnvError
from tests.envs.embedded.returning import returning
from tests.envs.playing import continuous

TEAMS = ("Tennis?team=0", "Tennis?team=1")
REST = (0.0, 0.0, 0.0)


def placed(ball, speed=(0.0, 0.0), *, hitter=NOBODY, bounce=SERVICE, crossed=False):
    """One area with both rackets far behind, on the floor."""
    env = Tennis(1, seed=1)
    env.reset()
    env.racket[:] = np.array([-11.0, -6.5])[:, None, None]
    env.ball[:, 0], env.ball_speed[:, 0] = ball, speed
    env.hitter[:], env.bounce[:], env.crossed[:] = hitter, bounce, crossed
    return env


def act(env, first=REST, second=REST):
    return env.step({TEAMS[0]: continuous([first]), TEAMS[1]: continuous([second])})


def winner(env):
    """The team that wins the point in this decision, or None."""
    steps = act(env)
    rewards = [float(steps[team].rewards[0]) for team in TEAMS]
    if not steps[TEAMS[0]].ended.any():
        assert rewards == [0.0, 0.0]
        return None
    assert sorted(rewards) == [-1.0, 1.0]
    return rewards.index(1.0)


def test_each_team_has_a_behavior_and_ids_are_unique_across_them():
    steps = Tennis(3, seed=1).reset()
    assert list(steps) == list(TEAMS)
    assert steps[TEAMS[0]].agent_ids.tolist() == [0, 2, 4]
    assert steps[TEAMS[1]].agent_ids.tolist() == [1, 3, 5]
    assert not steps[TEAMS[0]].group_ids.any()


def test_a_serve_that_nobody_hits_loses_the_point_where_it_falls():
    assert winner(placed((-6, -6.6), (0, -5))) == 1
    assert winner(placed((6, -6.6), (0, -5))) == 0


@pytest.mark.parametrize(
    ("ball", "speed", "hitter", "bounce", "wins"),
    [
        ((6, -6.6), (0, -5), 0, UNSET, None),  # a good return bounces once
        ((6, -6.6), (0, -5), 0, 1, 0),  # and not twice
        ((-6, -6.6), (0, -5), 0, UNSET, 1),  # into the own floor
        ((11.7, 0), (9, 0), 0, UNSET, 1),  # too long
        ((11.7, 0), (9, 0), 0, 1, 0),  # past the other after a bounce
        ((-11.7, 0), (-9, 0), 0, UNSET, 1),  # into the wall behind
        ((-0.6, -6.7), (9, 0), 0, UNSET, 1),  # into the net
    ],
)
def test_points_are_lost_by_the_rules(ball, speed, hitter, bounce, wins):
    assert winner(placed(ball, speed, hitter=hitter, bounce=bounce)) == wins


def test_the_net_may_be_touched_once_the_ball_has_come_over_it():
    assert winner(placed((-0.6, -6.7), (9, 0), hitter=1, bounce=UNSET, crossed=True)) is None


def test_hitting_twice_loses():
    env = placed((-11.0 + 0.5, -6.4), (-5, 0), hitter=0, bounce=UNSET)
    assert winner(env) == 1


def test_a_point_ends_the_episode_of_both_and_nothing_else():
    env = Tennis(2, seed=1)
    env.reset()
    env.ball[:, 1], env.ball_speed[1, 1] = (-6, -6.6), -5.0
    steps = env.step({team: continuous([REST, REST]) for team in TEAMS})
    for index, team in enumerate(TEAMS):
        assert steps[team].agent_ids.tolist() == [2 + index, index, 4 + index]
        assert steps[team].terminated.tolist() == [True, False, False]


def test_both_see_themselves_left_of_the_net():
    env = placed((3.0, 2.0), (1.0, 0.0))
    env.racket[0] = [[-8.0], [-7.0]]
    steps = act(env)
    ours, theirs = (steps[team].obs[0][0].reshape(3, 9)[-1] for team in TEAMS)
    assert ours[[0, 4, 6]].tolist() == pytest.approx([-8, 3.1, 1])
    assert theirs[[0, 4, 6]].tolist() == pytest.approx([-7, -3.1, -1])
    # five physics steps of 9.81 * 0.02
    assert ours[7] == theirs[7] == pytest.approx(-0.981)
    assert ours[8] == pytest.approx(np.sin(np.pi / 4))  # upright


def test_moves_are_three_metres_a_decision_within_the_own_half():
    env = placed((0, 6))
    act(env, (0.5, 0, 0), (0.5, 0, 0))
    assert env.racket[0, :, 0].tolist() == pytest.approx([-9.5, -9.5])
    for _ in range(4):
        act(env, (1.0, 0, 0), (1.0, 0, 0))
    assert env.racket[0, :, 0].tolist() == [-1.0, -1.0]


def test_jumps_rise_seven_metres_a_second_from_below():
    env = placed((0, 6))
    act(env, (0.0, 1.0, 0.0))
    assert env.racket[1, 0, 0] == pytest.approx(-6.5 + 0.7)  # renewed in each physics step
    env.racket[1], env.racket_speed[1] = -1.0, 0.0
    act(env, (0.0, 1.0, 0.0))
    assert env.racket[1, 0, 0] < -1.0


def test_a_ball_that_meets_an_upright_racket_comes_back():
    env = placed((-10.3, -6.5), (-5, 2), hitter=1, bounce=0)
    act(env)
    assert env.ball_speed[0, 0] == pytest.approx(4.0)  # four fifths
    assert env.hitter[0] == 0
    assert env.bounce[0] == UNSET


def test_the_ball_is_never_faster_than_nine_along_an_axis_when_it_moves_on():
    env = placed((-10.3, -6.5), (-9, 0), hitter=1, bounce=0)
    act(env, (1.0, 0.0, 0.0))
    act(env)
    assert np.abs(env.ball_speed).max() <= 9.0 + 9.81 * 0.02


@pytest.mark.parametrize("parameters", [{"gravity": 0.0}, {"scale": 6.0}])
def test_impossible_parameters_are_refused(parameters):
    with pytest.raises(EnvError, match="give gravity more than 0 and scale"):
        Tennis(1).reset(parameters)


@pytest.mark.parametrize("team", [0, 1])
def test_who_returns_beats_chance_from_either_side(team):
    env, generator, points = Tennis(32, seed=1), np.random.default_rng(1), []
    steps = env.reset()
    for _ in range(300):
        actions = {
            name: returning(step.deciding())
            if name == TEAMS[team]
            else random_actions(generator, env.specs[name].actions, step)
            for name, step in steps.items()
        }
        steps = env.step(actions)
        points += steps[TEAMS[team]].rewards[steps[TEAMS[team]].ended].tolist()
    assert np.mean(points) > 0.7
