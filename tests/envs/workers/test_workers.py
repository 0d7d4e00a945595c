"""Workers keep the contract of environments; one alone is its environment."""

import time
from functools import partial

import numpy as np
import pytest

from mlagents_tf.envs.check import check_env, check_step
from mlagents_tf.envs.env import Env, ReportingEnv, StatefulEnv, UnsteadyEnv
from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.workers.shared import LIFE_BITS
from mlagents_tf.errors import EnvError
from mlagents_tf.steps import Actions, Step
from tests.envs.workers.faulty import NAME, Growing, Parametric, Sleeper, Talker
from tests.envs.workers.playing import answers, make_workers, play, play_until

LIFE = 1 << LIFE_BITS


def assert_same(one, other):
    assert list(one) == list(other)
    for name, step in one.items():
        for field in Step._fields:
            mine, theirs = getattr(step, field), getattr(other[name], field)
            pairs = zip(mine, theirs, strict=True) if field == "obs" else [(mine, theirs)]
            for left, right in pairs:
                if left is None or right is None:
                    assert left is right
                    continue
                assert left.dtype == right.dtype
                np.testing.assert_array_equal(left, right)


def test_workers_have_the_abilities_of_environments_whose_agents_can_vanish():
    env = make_workers(Growing)
    assert isinstance(env, Env)
    assert isinstance(env, ReportingEnv)
    assert isinstance(env, UnsteadyEnv)
    assert not isinstance(env, StatefulEnv)
    env.close()


@pytest.mark.parametrize(
    ("name", "areas"),
    [("3DBall", 12), ("GridWorld", 3), ("toy-fuzz", 4), ("toy-image", 2), ("Match3", 2)],
)
def test_one_worker_gives_the_steps_of_its_environment(name, areas):
    maker = partial(make_env, name, num_areas=areas, seed=3)
    alone, worker = maker(), make_workers(maker)
    assert worker.specs == alone.specs
    generator = np.random.default_rng(5)
    mine, theirs = alone.reset(), worker.reset()
    assert_same(mine, theirs)
    for _ in range(150):
        actions = answers(alone, mine, generator)
        mine, theirs = alone.step(actions), worker.step(actions)
        assert_same(mine, theirs)
    assert_same(alone.reset(), worker.reset())
    worker.close()


def test_one_worker_keeps_the_contract():
    check_env(lambda: make_workers(partial(make_env, "toy-fuzz", seed=1)), steps=60)


def test_many_workers_keep_the_contract_of_steps():
    makers = [partial(make_env, "toy-fuzz", seed=seed) for seed in range(3)]
    env = make_workers(*makers)
    generator = np.random.default_rng(0)
    steps, ended, lives = env.reset(), set(), set()
    assert len(steps["toy-fuzz"].agent_ids) == 12  # four of each, for a reset waits for all
    for _ in range(200):
        step = steps["toy-fuzz"]
        check_step("toy-fuzz", env.specs["toy-fuzz"], step)
        assert not ended.intersection(step.agent_ids.tolist())
        ended.update(step.agent_ids[step.ended].tolist())
        lives.update((step.agent_ids >> LIFE_BITS).tolist())
        grouped = step.group_ids != 0
        np.testing.assert_array_equal(
            step.group_ids[grouped] >> LIFE_BITS, step.agent_ids[grouped] >> LIFE_BITS
        )
        steps = env.step(answers(env, steps, generator))
    assert lives == {0, 1, 2}
    assert env.take_lost() == {}
    env.close()


def test_actions_reach_the_worker_of_their_agent():
    # agents of worker 0 walk to the right, those of worker 1 to the left, until both have ended
    env = make_workers(*[partial(make_env, "toy-continuous", num_areas=3, seed=7)] * 2)
    steps = env.reset()
    sides = dict(zip(steps[NAME].agent_ids.tolist(), steps[NAME].obs[0][:, 0], strict=True))
    rewards = {}
    while len(rewards) < 6:
        step = steps[NAME]
        first = step.ended & np.isin(step.agent_ids, list(sides))
        rewards.update(zip(step.agent_ids[first].tolist(), step.rewards[first], strict=True))
        lives = step.agent_ids[~step.ended] >> LIFE_BITS
        continuous = np.where(lives == 0, 1.0, -1.0).astype(np.float32)[:, None]
        steps = env.step({NAME: Actions(continuous, np.zeros((len(lives), 0), np.int32))})
    for agent, reward in rewards.items():
        assert reward == (sides[agent] if agent < LIFE else -sides[agent])
    env.close()


def test_no_worker_waits_for_a_slow_one():
    env = make_workers(partial(Sleeper, 0.001), partial(Sleeper, 1.0))
    steps = env.reset()
    began = time.monotonic()
    steps = play(env, steps, 20)
    assert time.monotonic() - began < 0.9
    assert (steps[NAME].agent_ids < LIFE).all()
    play_until(env, steps, lambda steps: (steps[NAME].agent_ids >= LIFE).any())
    env.close()


def test_a_reset_reaches_a_worker_that_is_busy():
    env = make_workers(partial(Sleeper, 0.001), partial(Sleeper, 0.5))
    steps = play(env, env.reset(), 3)
    steps = env.reset()
    assert len(steps[NAME].agent_ids) == 2
    assert (steps[NAME].rewards == 0).all()
    env.close()


def test_the_block_grows_and_a_step_may_be_empty():
    env = make_workers(Growing)
    steps = env.reset()
    for count in range(1, 12):
        steps = env.step(answers(env, steps, np.random.default_rng(0)))
        if count == 4:
            assert steps == {}
            continue
        rows = 0 if count == 3 else 2**count
        assert steps["Growing"].obs[0].shape == (rows, 3, 20, 20)
        assert (steps["Growing"].obs[0] == count).all()
    env.close()


def test_parameters_are_kept_and_unknown_ones_named():
    env = make_workers(Parametric)
    steps = env.reset({"size": 2.5, "colour": 1.0})
    assert play(env, steps, 1)[NAME].rewards[0] == 2.5
    steps = env.reset({})
    assert play(env, steps, 1)[NAME].rewards[0] == 2.5
    assert env.unknown_parameters == {"colour"}
    env.close()


def test_statistics_are_passed_on_and_tensorflow_stays_out():
    env = make_workers(Talker)
    env.reset()
    assert [(each.name, each.value) for each in env.take_statistics()] == [
        ("TensorFlow", 0.0),
        ("Gravity", 9.5),
    ]
    assert env.take_statistics() == []
    env.close()


@pytest.mark.parametrize(
    ("actions", "sentence"),
    [
        ({}, "1 agents ask for a decision, but got no actions"),
        ({NAME: Actions(np.zeros((2, 1), np.float32), np.zeros((2, 0), np.int32))}, "expected"),
        (
            {NAME: Actions(np.full((1, 1), np.nan, np.float32), np.zeros((1, 0), np.int32))},
            "not finite",
        ),
        ({"Other": Actions(np.zeros((1, 1), np.float32), np.zeros((1, 0), np.int32))}, "Other"),
    ],
)
def test_actions_that_do_not_fit_are_the_callers_mistake_and_restart_nothing(actions, sentence):
    env = make_workers(partial(Sleeper, 0.0))
    with pytest.raises(EnvError, match="step was called before reset"):
        env.step(actions)
    steps = env.reset()
    with pytest.raises(EnvError, match=sentence):
        env.step(actions)
    assert len(play(env, steps, 1)[NAME].agent_ids) == 1
    assert env.remarks == []
    env.close()


def test_steps_are_never_written_again():
    env = make_workers(partial(make_env, "3DBall", num_areas=2, seed=1))
    steps = env.reset()
    copy = steps["3DBall"].obs[0].copy()
    play(env, steps, 5)
    np.testing.assert_array_equal(steps["3DBall"].obs[0], copy)
    env.close()


def test_no_worker_is_an_error():
    with pytest.raises(EnvError, match="at least one"):
        make_workers()
