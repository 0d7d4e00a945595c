"""Every environment we ship keeps the contract that we ask of others."""

import numpy as np
import pytest

from mlagents_tf.envs.check import check_env, random_actions
from mlagents_tf.envs.embedded.areas import Areas
from mlagents_tf.envs.embedded.fuzz import FuzzEnv, random_spec
from mlagents_tf.envs.env import DrawableEnv, Env, StatefulEnv
from mlagents_tf.envs.registry import EMBEDDED, make_env

GYMNASIUM = ["gym:CartPole-v1", "gym:Pendulum-v1", "gym:Blackjack-v1", "gym:Acrobot-v1"]


@pytest.mark.parametrize("areas", [1, 5])
@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_environments_keep_the_contract(name, areas):
    check_env(lambda: make_env(name, num_areas=areas, seed=1), steps=150)


@pytest.mark.parametrize("areas", [1, 4])
@pytest.mark.parametrize("name", GYMNASIUM)
def test_gymnasium_environments_keep_the_contract(name, areas):
    pytest.importorskip("gymnasium")
    check_env(lambda: make_env(name, num_areas=areas, seed=1), steps=150)


@pytest.mark.parametrize("seed", range(10))
def test_fuzzed_environments_keep_the_contract(seed):
    spec = random_spec(np.random.default_rng(seed))
    check_env(lambda: FuzzEnv(seed=seed, spec=spec), steps=150)


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_environments_have_every_ability(name):
    env = make_env(name)
    assert isinstance(env, Env)
    assert isinstance(env, StatefulEnv)
    if isinstance(env, Areas) and not name.startswith("toy-"):
        assert isinstance(env, DrawableEnv)
        env.reset()
        picture = env.render()
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_step_is_never_written_again(name):
    env = make_env(name, num_areas=3, seed=1)
    generator = np.random.default_rng(2)
    steps = env.reset()
    kept, copies = [], []
    for _ in range(40):
        kept += steps.values()
        copies += [step.take(np.arange(len(step.agent_ids))) for step in steps.values()]
        actions = {
            behavior: random_actions(generator, env.specs[behavior].actions, step)
            for behavior, step in steps.items()
        }
        steps = env.step(actions)
    env.reset()
    for now, then in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(now.rewards, then.rewards)
        np.testing.assert_array_equal(now.agent_ids, then.agent_ids)
        for obs, copy in zip(now.obs, then.obs, strict=True):
            np.testing.assert_array_equal(obs, copy)


@pytest.mark.parametrize("name", EMBEDDED)
def test_ids_are_unique_across_the_behaviors_of_an_environment(name):
    env = make_env(name, num_areas=3, seed=1)
    generator = np.random.default_rng(2)
    behavior_of: dict[int, str] = {}
    steps = env.reset()
    for _ in range(60):
        for behavior, step in steps.items():
            for agent in step.agent_ids.tolist():
                assert behavior_of.setdefault(agent, behavior) == behavior
        actions = {
            behavior: random_actions(generator, env.specs[behavior].actions, step)
            for behavior, step in steps.items()
        }
        steps = env.step(actions)
