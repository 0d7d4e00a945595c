import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.dungeon_escape import DungeonEscape
from tests.envs.embedded.escaping import escaping
from tests.envs.playing import discrete

NAME = "DungeonEscape"
STAY, FORWARD = 0, 1
WALL, AGENT, DRAGON, KEY, LOCK, PORTAL, NOTHING, FRACTION = range(8)
FAR = 1000.0
RAYS, HOLDS = range(2)


def placed(agents, *, dragon=(-9.0, -9.0), key=(FAR, FAR), holder=None, pace=0.0):
    """One area whose agents look to the right, towards the lock."""
    env = DungeonEscape(1, seed=1)
    env.reset()
    env.place[:, :, 0], env.angle[:] = agents, np.pi / 2
    env.dragon[:, 0], env.key[:, 0], env.pace[:] = dragon, key, pace
    if holder is not None:
        env.holds[holder] = True
    return env


def act(env, *options):
    options = options or (STAY,) * int(env.present.sum())
    return env.step({NAME: discrete(options)})[NAME]


def newest(step, row):
    return step.obs[RAYS][row].reshape(3, 15, 8)[-1]


def test_three_agents_are_a_group():
    step = DungeonEscape(2, seed=1).reset()[NAME]
    assert step.group_ids.tolist() == [1, 1, 1, 2, 2, 2]
    assert not step.obs[HOLDS].any()


def test_who_touches_the_dragon_ends_alone_and_leaves_a_key():
    env = placed([(-9, -9), (0, 0), (5, -5)])
    step = act(env)
    assert step.agent_ids.tolist() == [0, 1, 2]
    assert step.terminated.tolist() == [True, False, False]
    assert not step.interrupted.any()
    assert step.group_ids.tolist() == [1, 1, 1]
    assert not step.group_rewards.any()
    assert env.key[:, 0].tolist() == [-9, -9]
    step = act(env, STAY, STAY)
    assert step.agent_ids.tolist() == [1, 2]
    assert not step.ended.any()


def test_the_key_is_taken_by_one_and_opens_the_lock_for_all_that_are_left():
    env = placed([(-9, -9), (0, 0), (5, -5)])
    act(env)
    env.place[1, :, 0] = -9.0, -9.0
    step = act(env)
    assert step.obs[HOLDS].ravel().tolist() == [1, 0]
    env.place[1, :, 0] = 12.0, 0.0
    step = act(env)
    assert step.agent_ids.tolist() == [1, 2, 3, 4, 5]
    assert step.terminated.tolist() == [True, True, False, False, False]
    assert step.group_rewards.tolist() == [1, 1, 0, 0, 0]
    assert not step.rewards.any()
    assert not step.obs[HOLDS][2:].any()


def test_the_lock_opens_for_the_key_alone():
    assert not act(placed([(12, 0), (0, 0), (5, -5)])).ended.any()
    step = act(placed([(12, 0), (0, 0), (5, -5)], holder=1))
    assert not step.ended.any()
    step = act(placed([(12, 5), (0, 0), (5, -5)], holder=0))  # beside the lock
    assert not step.ended.any()


def test_who_touches_the_portal_ends_alone():
    step = act(placed([(0, 9), (0, 0), (5, -5)]))
    assert step.terminated.tolist() == [True, False, False]


def test_a_key_that_goes_through_the_portal_ends_the_episode():
    step = act(placed([(0, 9), (0, 0), (5, -5)], holder=0))
    assert step.terminated.tolist() == [True] * 3 + [False] * 3
    assert not step.group_rewards.any()


def test_a_dragon_at_the_portal_ends_the_episode():
    env = placed([(-5, 0), (0, 0), (5, -5)], dragon=(0, 6.4), pace=5.0)
    assert act(env).terminated.tolist() == [True] * 3 + [False] * 3


def test_the_dragon_walks_straight_to_the_portal():
    env = placed([(-5, 0), (3, 0), (5, -5)], dragon=(0, -9), pace=5.0)
    act(env)
    assert env.dragon[:, 0].tolist() == pytest.approx([0, -8.5])


def test_the_last_one_left_ends_the_episode():
    env = placed([(0, 9), (0, 9.5), (5, -5)])
    assert act(env).terminated.tolist() == [True, True, False]
    env.place[2, :, 0] = 0.0, 9.0
    step = act(env)
    assert step.agent_ids.tolist() == [2, 3, 4, 5]
    assert step.terminated.tolist() == [True, False, False, False]


def test_two_that_touch_the_dragon_lose_one():
    env = placed([(-9.5, -9), (-8.5, -9), (5, -5)])
    assert act(env).terminated.sum() == 1


def test_the_limit_interrupts_those_that_are_left():
    env = placed([(0, 9), (0, 0), (5, -5)])
    act(env)
    env._clock += 2998
    step = act(env)
    assert step.interrupted.tolist() == [True] * 2 + [False] * 3
    assert step.agent_ids.tolist() == [1, 2, 3, 4, 5]


def test_a_state_with_agents_missing_continues_exactly():
    env, twin = placed([(0, 9), (0, 0), (5, -5)]), DungeonEscape(1, seed=9)
    act(env)
    twin.load_state(env.state())
    one, other = act(env, FORWARD, FORWARD), act(twin, FORWARD, FORWARD)
    np.testing.assert_array_equal(one.obs[RAYS], other.obs[RAYS])
    assert one.agent_ids.tolist() == other.agent_ids.tolist() == [1, 2]


def test_rays_see_what_is_ahead():
    env = placed([(0, 0), (4, 0), (-4, -6)], dragon=(0, -6), key=(-12, 0))
    step = act(env)
    assert newest(step, 0)[0, [AGENT, FRACTION]].tolist() == pytest.approx([1, 3 / 20])
    assert newest(step, 1)[0, [LOCK, FRACTION]].tolist() == pytest.approx([1, 8 / 20])
    assert newest(step, 2)[0, [DRAGON, FRACTION]].tolist() == pytest.approx([1, 2.5 / 20])
    env.angle[:] = 0.0
    assert newest(act(env), 0)[0, PORTAL] == 1
    env.angle[:] = -np.pi / 2
    assert newest(act(env), 0)[0, KEY] == 1
    assert newest(act(env), 2)[0, WALL] == 1


def test_who_has_left_is_not_seen():
    env = placed([(0, 0), (4, 0), (-4, 6)])
    env.dragon[:, 0] = 4.0, 0.0
    step = act(env)
    assert step.agent_ids[step.terminated].tolist() == [1]
    here = step.agent_ids.tolist().index(0)
    assert newest(step, here)[0, AGENT] == 0


def test_a_script_frees_most_groups_and_chance_few():
    def freed(rule, steps=300):
        env = DungeonEscape(16, seed=1)
        step, rewarded = env.reset()[NAME], 0.0
        for _ in range(steps):
            step = env.step({NAME: rule(env, step)})[NAME]
            rewarded += step.group_rewards.sum() / 2
        return rewarded

    generator = np.random.default_rng(1)
    spec = DungeonEscape.behaviors[NAME].actions
    assert freed(lambda _, step: random_actions(generator, spec, step)) < 6
    assert freed(lambda env, _: discrete(escaping(env)[env.present])) > 60
