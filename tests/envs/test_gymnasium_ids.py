import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from mlagents_tf.envs import gymnasium_ids
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import EnvError
from tests.envs.playing import continuous

gymnasium.register_envs(gymnasium_ids)

ALONE = [name for name, world in gymnasium_ids.WORLDS.items() if world.agents_per_area == 1]
UNBOUNDED = "ignore:.*A Box observation space m.*imum value is.*infinity:UserWarning"


@pytest.mark.filterwarnings(UNBOUNDED)
@pytest.mark.parametrize("name", ALONE)
def test_gymnasiums_own_check_passes(name):
    env = gymnasium.make(f"mlagents_tf/{name}-v0", disable_env_checker=True)
    check_env(env.unwrapped)
    env.close()


@pytest.mark.parametrize("name", ALONE)
def test_random_episodes_stay_in_the_spaces(name):
    env = gymnasium.make(f"mlagents_tf/{name}-v0")
    env.action_space.seed(1)
    env.reset(seed=1)
    for _ in range(150):
        obs, _, terminated, truncated, _ = env.step(env.action_space.sample())
        assert env.observation_space.contains(obs)
        if terminated or truncated:
            assert env.observation_space.contains(env.reset()[0])


def test_the_module_may_stand_before_the_id():
    env = gymnasium.make("mlagents_tf.envs.gymnasium_ids:mlagents_tf/Sorter-v0", flatten_branched=1)
    assert env.action_space.n == 27


def test_rewards_and_ends_are_the_environments_own():
    single = gymnasium.make("mlagents_tf/3DBall-v0")
    single.reset(seed=5)
    env = make_env("3DBall", num_areas=1, seed=5)
    env.reset()
    action = np.array([0.3, -0.2], np.float32)
    for _ in range(100):
        _, reward, terminated, truncated, _ = single.step(action)
        step = env.step({"3DBall": continuous([action])})["3DBall"]
        row = step.take(step.ended) if step.ended.any() else step
        assert (reward, terminated) == (row.rewards[0], row.terminated[0])
        assert truncated == row.interrupted[0]
        if terminated or truncated:
            single.reset()


def test_many_are_stepped_together():
    vector = gymnasium.make_vec("mlagents_tf/3DBall-v0", num_envs=3)
    obs, _ = vector.reset(seed=1)
    assert obs.shape == (3, 8)
    assert vector.step(vector.action_space.sample())[1].shape == (3,)
    vector.close()


def test_copies_of_the_single_one_may_be_stepped_too():
    copies = gymnasium.make_vec("mlagents_tf/Basic-v0", num_envs=2, vectorization_mode="sync")
    assert copies.reset(seed=1)[0].shape == (2, 20)
    copies.close()


def test_agents_that_share_an_area_come_together():
    vector = gymnasium.make_vec("mlagents_tf/FoodCollector-v0", num_envs=10)
    assert vector.reset(seed=1)[0].shape == (10, 5, 40, 40)
    with pytest.raises(EnvError, match=r"num_envs is 7; 5 agents share an area"):
        gymnasium.make_vec("mlagents_tf/FoodCollector-v0", num_envs=7)
    with pytest.raises(EnvError, match=r"5 agents decide.*EnvAsVectorEnv"):
        gymnasium.make("mlagents_tf/FoodCollector-v0")


def test_registering_does_not_import_tensorflow():
    code = (
        "import sys, gymnasium, mlagents_tf.envs.gymnasium_ids;"
        "gymnasium.make('mlagents_tf/3DBall-v0').reset();"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
