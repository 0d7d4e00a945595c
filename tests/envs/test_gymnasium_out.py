import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium import spaces  # noqa: E402

from mlagents_tf.envs.embedded.fuzz import FuzzEnv  # noqa: E402
from mlagents_tf.envs.gymnasium_out import EnvAsVectorEnv  # noqa: E402
from mlagents_tf.envs.registry import make_env  # noqa: E402
from mlagents_tf.errors import EnvError  # noqa: E402
from mlagents_tf.steps import Actions  # noqa: E402
from tests.envs.playing import continuous, discrete, play  # noqa: E402


def test_rewards_and_ends_are_the_environments_own():
    vector = EnvAsVectorEnv(make_env("toy-discrete", num_areas=4, seed=1))
    env = make_env("toy-discrete", num_areas=4, seed=1)
    env.reset()  # the adapter resets once to learn the population
    step = env.reset()["toy-discrete"]
    obs, _ = vector.reset()
    generator = np.random.default_rng(0)
    for _ in range(60):
        np.testing.assert_array_equal(obs, step.obs[0][-4:])
        options = generator.integers(0, 2, (4, 1))
        obs, rewards, terminations, truncations, infos = vector.step(options)
        step = env.step({"toy-discrete": discrete(options[:, 0])})["toy-discrete"]
        ended = step.take(step.ended)
        assert terminations.sum() + truncations.sum() == len(ended.agent_ids)
        np.testing.assert_array_equal(rewards[terminations | truncations], ended.rewards)
        if terminations.any():
            finals = np.stack(infos["final_obs"][terminations])
            np.testing.assert_array_equal(finals, ended.obs[0][ended.terminated])


def test_gymnasiums_own_statistics_agree_with_ours():
    vector = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        EnvAsVectorEnv(make_env("3DBall", num_areas=6, seed=2))
    )
    vector.reset()
    lengths = []
    for _ in range(60):
        *_, infos = vector.step(np.zeros((6, 2), np.float32))
        if "episode" in infos:
            lengths.extend(infos["episode"]["l"][infos["_episode"]].tolist())
    env = make_env("3DBall", num_areas=6, seed=2)
    env.reset()
    _, ours = play(env, lambda step: continuous(np.zeros((6, 2))), 60)
    assert len(lengths) > 5
    assert lengths == ours


@pytest.mark.parametrize("name", ["Basic", "3DBall", "PushBlock", "toy-hybrid", "toy-image"])
def test_observations_and_actions_are_in_their_spaces(name):
    vector = EnvAsVectorEnv(make_env(name, num_areas=3, seed=1))
    vector.action_space.seed(1)
    obs, _ = vector.reset()
    for _ in range(60):
        assert vector.observation_space.contains(obs)
        obs, rewards, terminations, truncations, _ = vector.step(vector.action_space.sample())
        assert rewards.shape == terminations.shape == truncations.shape == (3,)
    vector.close()


def test_hybrid_actions_are_a_tuple_of_both():
    vector = EnvAsVectorEnv(make_env("toy-hybrid", num_areas=1, seed=1))
    assert isinstance(vector.single_action_space, spaces.Tuple)
    obs, _ = vector.reset()
    for _ in range(5):
        obs, rewards, terminations, _, _ = vector.step((obs[:, :1], obs[:, 1] > 0))
    assert rewards.tolist() == [1.0]
    assert terminations.tolist() == [True]


def test_masks_are_in_the_infos():
    vector = EnvAsVectorEnv(make_env("GridWorldVector", seed=1))
    _, infos = vector.reset()
    assert infos["allowed_actions"].shape == (9, 5)


def test_parameters_pass_through_options():
    vector = EnvAsVectorEnv(make_env("3DBall", num_areas=1))
    vector.reset(options={"parameters": {"gravity": 4.0}})
    obs, *_ = vector.step(np.zeros((1, 2), np.float32))
    assert obs[0, 6] == pytest.approx(-0.4)


def test_a_picture_is_the_environments():
    vector = EnvAsVectorEnv(make_env("Basic"))
    assert vector.render()[0].shape == (80, 420, 3)


def test_a_population_that_changes_is_refused():
    vector = EnvAsVectorEnv(FuzzEnv(seed=1))
    vector.reset()

    def play_on():
        for _ in range(50):
            vector.step(vector.action_space.sample())

    with pytest.raises(EnvError, match=r"fixed population|changed their order"):
        play_on()


def test_a_behavior_that_is_not_there_is_refused():
    with pytest.raises(EnvError, match=r"\['Basic'\].*'Advanced' was asked for"):
        EnvAsVectorEnv(make_env("Basic"), "Advanced")


def test_a_gymnasium_environment_passes_through_both_adapters():
    vector = EnvAsVectorEnv(make_env("gym:Pendulum-v1", num_areas=2, seed=3))
    obs, _ = vector.reset()
    assert obs.shape == (2, 3)
    env = make_env("gym:Pendulum-v1", num_areas=2, seed=3)
    env.reset()
    env.reset()
    action = Actions(np.full((2, 1), 0.5, np.float32), np.zeros((2, 0), np.int32))
    expected = env.step({"Pendulum-v1": action})["Pendulum-v1"]
    _, rewards, *_ = vector.step(action.continuous)
    np.testing.assert_array_equal(rewards, expected.rewards)


def test_a_seed_makes_the_environment_again():
    vector = EnvAsVectorEnv(lambda seed: make_env("3DBall", num_areas=2, seed=seed))
    first, _ = vector.reset(seed=7)
    vector.step(vector.action_space.sample())
    again, _ = vector.reset(seed=7)
    np.testing.assert_array_equal(first, again)
    step = make_env("3DBall", num_areas=2, seed=7).reset()["3DBall"]
    np.testing.assert_array_equal(first, step.obs[0])


def test_a_seed_for_an_environment_that_is_ready_made_is_warned_of():
    vector = EnvAsVectorEnv(make_env("3DBall", num_areas=2))
    with pytest.warns(UserWarning, match="wrap a function of the seed"):
        vector.reset(seed=7)


def test_one_branch_is_discrete_and_several_may_be():
    assert EnvAsVectorEnv(make_env("Basic")).single_action_space == spaces.Discrete(3)
    sorter = EnvAsVectorEnv(make_env("Sorter", num_areas=2), flatten_branched=True)
    assert sorter.single_action_space == spaces.Discrete(27)
    sorter.reset()
    sorter.step(np.array([0, 26]))
