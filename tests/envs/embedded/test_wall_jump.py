import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.wall_jump import WallJump
from tests.envs.embedded.jumping import AHEAD, STAY, actions_for, over_the_wall

SMALL, BIG = "SmallWallJump", "BigWallJump"
JUMP = [0, 0, 0, 1]
AHEAD_AND_JUMP = [1, 0, 0, 1]
WALL, GOAL, BLOCK, NOTHING, FRACTION = range(5)
UPPER, LOWER, SENSES = range(3)


def placed(agent, *, wall=4.0, block=(-6.0, -10.0), feet=0.0):
    """One area whose agent looks towards the goal's side; `wall` is the parameter."""
    env = WallJump(1, seed=1)
    env.reset({"no_wall_height": wall, "small_wall_height": wall, "big_wall_height": wall})
    env.place[:, :, 0] = agent, block
    env.feet[:] = feet
    return env


def act(env, *rows):
    """The one behavior's step that has rows."""
    for row in rows:
        steps = env.step(actions_for(env, np.array([row], np.int32)))
    return next(step for step in steps.values() if len(step.agent_ids))


def newest(step, sensor):
    return step.obs[sensor][0].reshape(6, -1)[-1]


def test_three_walls_of_five_are_big_and_each_has_its_behavior():
    env = WallJump(1000, seed=1)
    steps = env.reset()
    assert steps[BIG].num_deciding == pytest.approx(600, abs=50)
    assert steps[SMALL].num_deciding + steps[BIG].num_deciding == 1000
    walls, counts = np.unique(env.wall, return_counts=True)
    assert walls.tolist() == [-0.5, 1.5, 3.5]  # half of 0, 4 and 8, less what is in the ground
    assert counts == pytest.approx([200, 200, 600], abs=50)
    assert set(env.wall[env.roles == 1]) == {3.5}


def test_an_agent_ends_in_one_behavior_and_begins_in_another():
    env = WallJump(40, seed=2)
    env.reset()
    before = env.roles.copy()
    env.place[0, 0] = 10.5  # beyond the edge
    steps = env.step(actions_for(env, np.tile(STAY, (40, 1)).astype(np.int32)))
    for number, name in enumerate((SMALL, BIG)):
        step = steps[name]
        assert step.agent_ids[step.terminated].tolist() == np.flatnonzero(before == number).tolist()
        begun = np.flatnonzero(env.roles == number)
        assert step.agent_ids[~step.ended].tolist() == (40 + begun).tolist()
    assert (before != env.roles).any()


def test_wall_heights_are_environment_parameters():
    env = WallJump(200, seed=1)
    env.reset({"big_wall_height": 6.0, "small_wall_height": 2.0})
    assert set(env.wall) == {-0.5, 0.5, 2.5}


def test_time_costs_and_falling_costs_one_and_ends():
    env = placed((0, -12))
    assert act(env, STAY).rewards[0] == pytest.approx(-0.0025)
    env.place[0, :, 0] = 0.0, -14.2
    step = act(env, STAY)
    assert (step.rewards[0], step.terminated[0]) == (-1.0, True)


def test_a_block_that_leaves_the_ground_costs_one_too():
    env = placed((0, -12), block=(-10.1, -6))
    assert act(env, STAY).rewards[0] == -1.0


def test_the_goal_brings_one_when_the_agent_stands_on_something():
    step = act(placed((6.37, 2.93)), STAY)
    assert (step.rewards[0], step.terminated[0]) == (1.0, True)
    assert not act(placed((6.37, 2.93), feet=4.0), STAY).ended.any()


def test_four_hundred_decisions_are_interrupted():
    env = placed((0, -12))
    assert not act(env, *[STAY] * 399).ended.any()
    assert act(env, STAY).interrupted[0]


def test_the_first_decision_forward():
    env, speed, way = placed((0, -12)), 0.0, 0.0
    act(env, AHEAD)
    for _ in range(5):  # thrust 3, friction 0.6 of a weight of 26.98, drag 2
        speed = (speed + 3 - 0.6 * 2.75 * 9.81 * 0.02) * 0.96
        way += 0.02 * speed
    assert env.place[0, 1, 0] == pytest.approx(-12 + way)


def test_moving_aside_comes_before_moving_ahead():
    env = placed((0, -12))
    act(env, [1, 0, 2, 0])
    assert env.place[0, 0, 0] > 0.3
    assert env.place[0, 1, 0] == -12.0


def test_a_jump_rises_almost_three_metres_and_is_over_within_half_a_second():
    env, heights = placed((0, -12)), []
    for row in [JUMP] + [STAY] * 5:
        act(env, row)
        heights.append(float(env.feet[0]))
    assert 2.4 < max(heights) < 2.9
    assert heights[-1] == 0.0


def test_a_small_wall_stops_who_walks_and_not_who_jumps():
    env = placed((0, -6))
    act(env, *[AHEAD] * 12)
    assert env.place[0, 1, 0] == pytest.approx(-1.98 - 0.75 - 0.5)
    env = placed((0, -6))
    act(env, *[AHEAD_AND_JUMP] * 6)
    assert env.place[0, 1, 0] > -0.8


def test_a_big_wall_stops_who_jumps_from_the_ground_and_not_from_the_block():
    env = placed((0, -6), wall=8.0)
    act(env, *[AHEAD_AND_JUMP] * 20)
    assert env.place[0, 1, 0] < -3.2
    env = placed((0, -4.5), wall=8.0, block=(0.0, -4.23), feet=2.0)
    act(env, *[AHEAD_AND_JUMP] * 6)
    assert env.place[0, 1, 0] > -0.8


def test_the_block_is_pushed_up_to_the_wall_and_stood_upon():
    env = placed((0, -10), block=(0.0, -6.0))
    act(env, *[AHEAD] * 15)
    assert env.place[1, 1, 0] == pytest.approx(-1.98 - 0.75 - 1.5)
    env = placed((0, -6), block=(0.0, -6.0), feet=2.0)
    act(env, STAY, STAY)
    assert env.feet[0] == 2.0


def test_rays_see_wall_goal_and_block():
    env = placed((6.37, -12), block=(6.37, -8.0))
    ahead = newest(act(env, STAY), LOWER).reshape(7, 5)[0]
    assert ahead.tolist() == pytest.approx([0, 0, 1, 0, 2.0 / 20])  # 4 - 1.5 - 0.5
    env = placed((6.37, -12), wall=0.0)
    assert newest(act(env, STAY), LOWER).reshape(7, 5)[0, GOAL] == 1
    env = placed((6.37, -12))
    lower, upper = (newest(act(env, STAY), s).reshape(7, 5)[0] for s in (LOWER, UPPER))
    assert lower[[WALL, FRACTION]].tolist() == pytest.approx([1, (12 - 1.98 - 1.25) / 20])
    assert upper[GOAL] == 1  # it passes over a small wall


def test_the_upper_rays_meet_a_big_wall():
    env = placed((0, -6), wall=8.0)
    assert newest(act(env, STAY), UPPER).reshape(7, 5)[0, WALL] == 1


def test_senses_are_place_from_the_middle_of_the_ground_and_whether_it_may_jump():
    env = placed((5, -9))
    assert newest(act(env, STAY), SENSES).tolist() == pytest.approx([5 / 20, 0.05, -5 / 20, 1])
    env = placed((5, -9), feet=3.0)
    assert newest(act(env, JUMP), SENSES)[3] == 0  # far above the ground nobody jumps


def test_six_frames_are_kept_the_oldest_first():
    env = placed((0, -12))
    step = act(env, STAY, AHEAD)
    heights = step.obs[SENSES][0].reshape(6, 4)
    assert not heights[:3].any()
    assert heights[4, 2] == pytest.approx(-0.4)
    assert heights[5, 2] > -0.4


def scores(env, rule, steps):
    """Parts of the episodes of each behavior that reached the goal."""
    now, reached = env.reset(), {SMALL: [], BIG: []}
    for _ in range(steps):
        now = env.step(rule(now))
        for name, step in now.items():
            reached[name] += (step.rewards[step.ended] > 0.5).tolist()
    return [np.mean(reached[name]) for name in (SMALL, BIG)]


def test_a_script_gets_over_both_walls_and_chance_over_none():
    generator = np.random.default_rng(1)
    env = WallJump(32, seed=1)
    small, big = scores(
        env,
        lambda steps: {
            name: random_actions(generator, env.specs[name].actions, step)
            for name, step in steps.items()
        },
        400,
    )
    assert small < 0.1
    assert big < 0.02
    env = WallJump(32, seed=1)
    small, big = scores(env, lambda _: actions_for(env, over_the_wall(env)), 400)
    assert small > 0.3
    assert big > 0.4
