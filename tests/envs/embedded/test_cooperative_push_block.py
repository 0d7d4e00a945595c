import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.cooperative_push_block import CooperativePushBlock
from tests.envs.embedded.pushing import BACK, FORWARD, RIGHT, STAY, pushing_together
from tests.envs.playing import discrete

NAME = "PushBlockCollab"
SMALL, LARGE, VERY_LARGE = 0, 2, 4  # the first block of each size
WALL, AGENT, GOAL, BLOCK_SMALL, BLOCK_LARGE, BLOCK_VERY_LARGE = range(6)


def placed(agents, blocks):
    """One area; agents look towards the goal, the other blocks have been pushed in."""
    env = CooperativePushBlock(1, seed=1)
    env.reset()
    env.angle[:] = np.pi
    env.scored[:] = True
    env.place[3:] = 1000.0 + 100.0 * np.arange(6)[:, None, None]
    for block, place in blocks.items():
        env.place[3 + block, :, 0] = place
        env.scored[block] = False
    env.place[:3, :, 0] = agents
    return env


def act(env, *options, times=1):
    for _ in range(times):
        step = env.step({NAME: discrete(options)})[NAME]
    return step


def returns(env, rule, steps):
    """What groups have earned in the episodes that ended."""
    step, earned, ended = env.reset()[NAME], np.zeros(env.num_areas), []
    for _ in range(steps):
        step = env.step({NAME: rule(step.deciding())})[NAME]
        group = step.group_ids - 1
        np.add.at(earned, group, step.group_rewards / 3)
        over = np.unique(group[step.ended])
        ended += earned[over].tolist()
        earned[over] = 0.0
    return ended


def test_three_agents_of_an_area_are_a_group_that_keeps_its_id():
    env = CooperativePushBlock(2, seed=1)
    step = env.reset()[NAME]
    assert step.agent_ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert step.group_ids.tolist() == [1, 1, 1, 2, 2, 2]
    env.scored[:, 1] = True
    step = env.step({NAME: discrete([STAY] * 6)})[NAME]
    assert step.agent_ids.tolist() == [3, 4, 5, 0, 1, 2, 6, 7, 8]
    assert step.group_ids.tolist() == [2, 2, 2, 1, 1, 1, 2, 2, 2]


def test_time_costs_the_group_and_agents_earn_nothing_of_their_own():
    step = act(placed([(-9, 9), (0, 9), (9, 9)], {SMALL: (0, 0)}), STAY, STAY, STAY)
    np.testing.assert_allclose(step.group_rewards, [-0.0005] * 3, rtol=1e-6)  # 5 of 0.5 / 5000
    assert not step.rewards.any()


@pytest.mark.parametrize(("block", "half", "value"), [(0, 0.5, 1), (2, 1.0, 2), (4, 1.5, 3)])
def test_a_block_in_the_goal_brings_its_value_to_everyone_and_is_gone(block, half, value):
    env = placed([(-9, 9), (0, 9), (9, 9)], {block: (0, -8.3 + half), 1: (5, 5)})
    env.speed[3 + block, 1] = -5.0
    step = act(env, STAY, STAY, STAY)
    np.testing.assert_allclose(step.group_rewards, [value - 0.0005] * 3, rtol=1e-6)
    assert not step.ended.any()
    assert np.abs(env.place[3 + block]).min() >= 1000.0


def test_the_last_block_ends_the_episode_of_the_group():
    env = placed([(-9, 9), (0, 9), (9, 9)], {SMALL: (0, -7.8)})
    env.speed[3, 1] = -5.0
    step = act(env, STAY, STAY, STAY)
    assert step.terminated.tolist() == [True] * 3 + [False] * 3
    np.testing.assert_allclose(step.group_rewards, [0.9995] * 3 + [0.0] * 3, rtol=1e-6)
    assert step.agent_ids.tolist() == [0, 1, 2, 3, 4, 5]


def test_the_time_limit_interrupts_the_group():
    env = placed([(-9, 9), (0, 9), (9, 9)], {SMALL: (0, 0)})
    assert not act(env, STAY, STAY, STAY, times=999).ended.any()
    step = act(env, STAY, STAY, STAY)
    assert step.interrupted.tolist() == [True] * 3 + [False] * 3
    assert not step.terminated.any()


@pytest.mark.parametrize(
    ("block", "half", "needed"), [(SMALL, 0.5, 1), (LARGE, 1.0, 2), (VERY_LARGE, 1.5, 3)]
)
def test_sizes_need_one_two_and_three_pushers(block, half, needed):
    for pushers in (1, 2, 3):
        behind = [(1.05 * (i - (pushers - 1) / 2), half + 0.5) for i in range(pushers)]
        env = placed(behind + [(6 + i, 9) for i in range(3 - pushers)], {block: (0, 0)})
        act(env, *[FORWARD] * pushers, *[STAY] * (3 - pushers), times=5)
        moved = -env.place[3 + block, 1, 0]
        assert moved > 0.3 if pushers >= needed else moved < 0.01


def test_the_first_decision_forward_moves_what_the_agent_of_push_block_moves():
    # thrust, drag and friction are its own, but for gravity 1.5 times instead of twice
    env = placed([(0, 9), (-9, 9), (9, 9)], {SMALL: (0, 0)})
    act(env, FORWARD, STAY, STAY)
    speed = way = 0.0
    for _ in range(5):
        speed = (speed + 3 - 0.6 * 1.5 * 9.81 * 0.02) * 0.92
        way += 0.02 * speed
    assert 9 - env.place[0, 1, 0] == pytest.approx(way)


def test_agents_push_each_other_and_walls_stop_them():
    env = placed([(0, 2), (0, 0), (9, 9)], {SMALL: (5, 5)})
    act(env, FORWARD, STAY, STAY, times=20)
    assert env.place[:2, 1, 0] == pytest.approx([-11.0, -12.0], abs=0.1)


def test_cells_ahead_show_what_stands_there():
    env = placed([(0, 0), (0.5, -4.5), (9, 9)], {LARGE: (-5, -3), SMALL: (0, 5)})
    picture = act(env, STAY, STAY, STAY).obs[0][0]
    assert picture.shape == (6, 20, 20)
    # the agent looks towards -z, so its right is -x: row 9 is the first on the right
    assert picture[AGENT, 10, 4]
    assert picture[BLOCK_LARGE, 4:6, 2:4].all()
    assert not picture[BLOCK_SMALL].any()  # behind
    assert picture[GOAL, 0:20, 9:11].all()
    assert picture[WALL, :, 13].all()
    assert not picture[:, :, 15:].any()
    assert not picture[AGENT, 9:11, 0].any()  # itself


def test_the_picture_turns_with_the_agent():
    env = placed([(0, 0), (-4.5, 0.5), (9, 9)], {SMALL: (5, 5)})
    for _ in range(4):
        act(env, RIGHT, STAY, STAY)
    env.angle[0] = -np.pi / 2
    picture = act(env, STAY, STAY, STAY).obs[0][0]
    assert picture[AGENT, 9, 4]


def test_nothing_overlaps_at_the_start():
    env = CooperativePushBlock(200, seed=3)
    env.reset()
    half = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1.5, 1.5])
    for one in range(9):
        for other in range(one):
            gap = np.abs(env.place[one] - env.place[other]).max(axis=0)
            assert (gap > half[one] + half[other]).all()
    assert (env.place[3:, 1] - half[3:, None] > -8.35).all()


def test_pushing_together_earns_much_more_than_chance():
    generator = np.random.default_rng(1)
    env = CooperativePushBlock(16, seed=1)
    spec = env.specs[NAME].actions
    chance = returns(env, lambda step: random_actions(generator, spec, step), 1000)
    env = CooperativePushBlock(16, seed=1)
    scripted = returns(env, pushing_together(env), 1000)
    assert np.mean(chance) < 0.5  # of 12 - 0.5
    assert np.mean(scripted) > 3.5


def test_back_is_away_from_where_one_looks():
    env = placed([(0, 0), (-9, 9), (9, 9)], {SMALL: (5, 5)})
    act(env, BACK, STAY, STAY)
    assert env.place[0, 1, 0] > 0.5
