import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.pitch import KICK
from mlagents_tf.envs.embedded.soccer import SoccerTwos, StrikersVsGoalie
from mlagents_tf.errors import EnvError
from tests.envs.embedded.kicking import actions_of, kicking

STAY, FORWARD = (0, 0, 0), (1, 0, 0)
TEAMS = ("SoccerTwos?team=0", "SoccerTwos?team=1")
CORNERS = [(-14, -7), (-14, 7), (14, -7), (14, 7)]


def placed(world=SoccerTwos, places=CORNERS, ball=(0.0, 0.0), speed=(0.0, 0.0), **parameters):
    """One area; the first team looks to the right, the second to the left."""
    env = world(1, seed=1)
    env.reset(parameters)
    env.place[:, :, 0] = np.array(places, float)[: env.agents_per_area].T
    env.angle[:, 0] = np.where(env.team == 0, np.pi / 2, -np.pi / 2)
    env.ball[:, 0], env.ball_speed[:, 0] = ball, speed
    return env


def act(env, *rows):
    """Rows of the first players, the others stay."""
    table = np.zeros((env.agents_per_area, 1, 3), np.int32)
    table[: len(rows), 0] = np.reshape(rows, (-1, 3))
    return env.step({name: actions_of(env, table, i) for i, name in enumerate(env.behaviors)})


def rays(step, row, count, tags):
    """[rays, tags + 2] the newest frame of the first sensor."""
    return step.obs[0][row].reshape(3, count, tags + 2)[-1]


def test_teams_are_behaviors_and_groups_of_an_area():
    steps = SoccerTwos(2, seed=1).reset()
    assert list(steps) == list(TEAMS)
    assert steps[TEAMS[0]].agent_ids.tolist() == [0, 1, 4, 5]
    assert steps[TEAMS[1]].agent_ids.tolist() == [2, 3, 6, 7]
    assert steps[TEAMS[0]].group_ids.tolist() == [1, 1, 3, 3]
    assert steps[TEAMS[1]].group_ids.tolist() == [2, 2, 4, 4]
    steps = StrikersVsGoalie(2, seed=1).reset()
    assert steps["Striker?team=0"].group_ids.tolist() == [1, 1, 3, 3]
    assert steps["Goalie?team=1"].agent_ids.tolist() == [2, 5]
    assert steps["Goalie?team=1"].group_ids.tolist() == [2, 4]


@pytest.mark.parametrize(("x", "winner"), [(15.4, 0), (-15.4, 1)])
def test_a_goal_brings_one_less_the_time_and_costs_the_others_one(x, winner):
    env = placed(ball=(x, 0), speed=(np.sign(x) * 20, 0))
    steps = act(env)
    won, lost = steps[TEAMS[winner]], steps[TEAMS[1 - winner]]
    assert won.group_rewards.tolist() == pytest.approx([1 - 5 / 5000] * 2 + [0, 0])
    assert lost.group_rewards.tolist() == [-1, -1, 0, 0]
    assert won.terminated.tolist() == lost.terminated.tolist() == [True, True, False, False]
    assert not won.rewards.any()
    assert won.group_ids.tolist() == [1 + winner] * 4


def test_a_goal_counts_less_the_later_it_falls():
    env = placed()
    for _ in range(99):
        act(env)
    env.ball[:, 0], env.ball_speed[:, 0] = (15.4, 0), (20, 0)
    assert act(env)[TEAMS[0]].group_rewards[0] == pytest.approx(0.9)


def test_after_a_thousand_decisions_both_groups_are_interrupted():
    env = placed()
    for _ in range(999):
        assert not act(env)[TEAMS[0]].ended.any()
    steps = act(env)
    for team in TEAMS:
        assert steps[team].interrupted.tolist() == [True, True, False, False]
        assert not steps[team].group_rewards.any()


def test_sides_and_lines_bounce_and_mouths_do_not():
    env = placed(ball=(0, 7), speed=(0, 10))
    act(env)
    assert env.ball_speed[1, 0] == pytest.approx(-0.8 * 10 * 0.98**5)
    env = placed(ball=(14.8, 6), speed=(10, 0))
    act(env)
    assert env.ball_speed[0, 0] < 0


def test_the_first_decision_forward_and_aside():
    speed = way = 0.0
    for _ in range(5):  # thrust 2, drag 3
        speed = (speed + 2) * 0.94
        way += 0.02 * speed
    env = placed(places=[(-10, 0), (-10, 4), *CORNERS[2:]])
    act(env, FORWARD, (1, 1, 0))
    assert env.place[0, 0, 0] == pytest.approx(-10 + way)
    assert env.place[1, 1, 0] == pytest.approx(4 - 0.3 * way)  # to the right of who looks along x


def test_who_runs_into_the_ball_kicks_it():
    env = placed(places=[(-1.0, 0), *CORNERS[1:]])
    env.speed[0, 0] = 0.0
    act(env, FORWARD)
    assert env.ball_speed[0, 0] > 0.9 * KICK
    assert pytest.approx(40 / 3) == KICK  # 2000 N for 0.02 s on 3 kg
    env = placed(places=[(-1.0, 0), *CORNERS[1:]])
    act(env, STAY)
    assert env.ball_speed[0, 0] == 0.0  # who stands does not kick, though the ball is pushed away
    assert env.ball[0, 0] > 0.1


def test_only_a_goalie_kicks_while_it_stands():
    env = placed(StrikersVsGoalie, [*CORNERS[:2], (1.0, 0)])
    act(env)
    assert env.ball_speed[0, 0] < -0.9 * KICK


def test_touching_the_ball_pays_where_the_parameter_says_so():
    env = placed(places=[(-1.0, 0), *CORNERS[1:]], ball_touch=1.0)
    assert act(env, FORWARD)[TEAMS[0]].rewards.tolist() == pytest.approx([0.2, 0])


def test_players_do_not_overlap():
    env = placed(places=[(-5, 0), *CORNERS[1:2], (-3.5, 0), CORNERS[3]])
    for _ in range(10):
        act(env, FORWARD, STAY, FORWARD)
        assert np.hypot(*(env.place[:, 2, 0] - env.place[:, 0, 0])) > 0.9


def test_each_team_sees_its_own_goal_mates_and_opponents():
    env = placed(places=[(-5, 0), (-2, 0), (5, 0), (2, 0)], ball=(-5, 5))
    steps = act(env)
    ball, own, other, wall, mate, opponent, nothing, fraction = range(8)
    ours, theirs = rays(steps[TEAMS[0]], 0, 11, 6), rays(steps[TEAMS[1]], 0, 11, 6)
    assert ours[0, [mate, fraction]].tolist() == pytest.approx([1, 2 / 20])  # 3 - 0.5 - 0.5
    assert theirs[0, mate] == 1
    second = rays(steps[TEAMS[0]], 1, 11, 6)
    assert second[0, opponent] == 1
    env = placed(places=[(5, 0), *CORNERS[1:2], (-5, 0), CORNERS[3]], ball=(0, 7))
    steps = act(env)
    assert rays(steps[TEAMS[0]], 0, 11, 6)[0, [other, fraction]].tolist() == pytest.approx([1, 0.5])
    assert rays(steps[TEAMS[1]], 0, 11, 6)[0, other] == 1
    env.angle[0, 0] = -np.pi / 2
    assert rays(act(env)[TEAMS[0]], 0, 11, 6)[0, [own, nothing, wall, ball]].sum() in (0, 1)


def test_time_costs_strikers_and_pays_the_goalie():
    steps = act(placed(StrikersVsGoalie))
    assert steps["Striker?team=0"].rewards.tolist() == pytest.approx([-0.001] * 2)
    assert steps["Goalie?team=1"].rewards.tolist() == pytest.approx([0.001])


def test_the_goalie_sees_all_around():
    env = placed(StrikersVsGoalie, [(-5, 0), (5, 0), (0, 0)], ball=(0, 5))
    seen = rays(act(env)["Goalie?team=1"], 0, 41, 4)
    ball, striker = 0, 1
    assert seen[0, striker] == 1  # it looks to the left
    assert seen[39, striker] == seen[40, striker] == 1  # behind
    assert seen[19, ball] == 1  # 90 degrees to the right, 9 a step


@pytest.mark.parametrize(
    ("world", "first", "second"), [(SoccerTwos, 0.3, 0.3), (StrikersVsGoalie, 0.2, 0.2)]
)
def test_who_runs_behind_the_ball_beats_chance_from_either_side(world, first, second):
    for scripted, least in ((0, first), (1, second)):
        env, generator, goals = world(16, seed=1), np.random.default_rng(1), []
        steps = env.reset()
        for _ in range(400):
            rows = kicking(env)
            actions = {
                name: actions_of(env, rows, number)
                if number == scripted
                else random_actions(generator, env.specs[name].actions, step)
                for number, (name, step) in enumerate(steps.items())
            }
            steps = env.step(actions)
            mine = list(steps.values())[scripted]
            goals += mine.group_rewards[mine.terminated].tolist()
        assert np.mean(goals) > least


def test_an_impossible_ball_is_refused():
    with pytest.raises(EnvError, match=r"ball_scale is 20\.0; give 4 to 10"):
        SoccerTwos(1).reset({"ball_scale": 20.0})
