from functools import partial

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

from mlagents_tf.envs.check import check_env  # noqa: E402
from mlagents_tf.envs.env import AdjustableEnv  # noqa: E402
from mlagents_tf.envs.registry import make_env  # noqa: E402
from mlagents_tf.envs.workers.shared import LIFE_BITS  # noqa: E402
from mlagents_tf.errors import EnvError  # noqa: E402
from mlagents_tf.samplers import Gaussian, MultiRangeUniform, Uniform  # noqa: E402
from tests.envs.playing import discrete  # noqa: E402
from tests.envs.workers.playing import make_workers, play_until  # noqa: E402

FALLING = "gym:tests.envs.falling:Parameters/Falling-v0"
WINDY = "gym:tests.envs.falling:Parameters/Windy-v0"


def earned(env, steps):
    """Rewards [steps, areas] of the steps that follow; every other step ends all episodes."""
    (behavior,) = env.specs
    actions = {behavior: discrete([0] * env.num_areas)}
    rewards = [env.step(actions)[behavior].rewards for _ in range(steps)]
    return [each[: env.num_areas].tolist() for each in rewards]


def test_a_declared_parameter_has_its_default_until_it_is_given():
    env = make_env(FALLING, num_areas=2)
    env.reset()
    assert earned(env, 2) == [[1.0, 1.0]] * 2
    env.reset({"gravity": 4.0})
    assert earned(env, 4) == [[4.0, 4.0]] * 4
    env.reset()
    assert earned(env, 1) == [[4.0, 4.0]]


def test_names_that_nothing_declares_are_unknown():
    env = make_env(FALLING)
    env.reset({"gravity": 2.0, "colour": 3.0})
    env.set_parameters({"wind": 1.0})
    assert env.unknown_parameters == {"colour", "wind"}


def test_an_environment_that_declares_nothing_knows_no_name():
    for name in ("gym:CartPole-v1", "gym:tests.envs.pixels:Pixels/Spot-v0"):
        env = make_env(name)
        env.reset({"gravity": 2.0})
        assert env.unknown_parameters == {"gravity"}


def test_wrappers_declare_too_and_the_outermost_default_counts():
    env = make_env(WINDY, num_areas=2)
    env.reset()
    assert earned(env, 1) == [[2.0, 2.0]]
    env.reset({"wind": 0.5})
    assert earned(env, 1) == [[2.5, 2.5]]
    assert env.unknown_parameters == set()


def test_new_values_hold_from_the_next_episodes_on():
    env = make_env(FALLING)
    assert isinstance(env, AdjustableEnv)
    env.reset({"gravity": 2.0})
    first = earned(env, 1)
    env.set_parameters({"gravity": 3.0})
    assert first + earned(env, 3) == [[2.0], [2.0], [3.0], [3.0]]


def test_a_sampler_draws_for_each_episode_of_each_area():
    sampler = Uniform(1.0, 3.0, seed=5)
    env = make_env(FALLING, num_areas=3)
    env.reset({"gravity": sampler})
    rewards = np.array(earned(env, 8))
    np.testing.assert_array_equal(rewards[::2], rewards[1::2])  # for the whole episode
    generator = np.random.default_rng(5)
    drawn = np.concatenate([sampler.draw(generator, 1) for _ in range(12)])
    np.testing.assert_allclose(rewards[::2].ravel(), drawn, rtol=1e-6)


@pytest.mark.parametrize(
    "sampler", [Gaussian(5.0, 0.5, 1), MultiRangeUniform(((1.0, 2.0), (7.0, 8.0)), 1)]
)
def test_samplers_of_all_kinds_are_drawn_from(sampler):
    env = make_env(FALLING, num_areas=4)
    env.reset({"gravity": sampler})
    rewards = np.array(earned(env, 1))
    assert len(np.unique(rewards)) == 4
    assert not ((rewards > 2.0) & (rewards < 3.0)).any()


def test_a_number_takes_the_place_of_a_sampler():
    env = make_env(FALLING)
    env.reset({"gravity": Uniform(1.0, 3.0, seed=5)})
    env.reset({"gravity": 2.0})
    assert earned(env, 4) == [[2.0]] * 4


def test_what_the_environment_refuses_is_said_in_one_sentence():
    env = make_env(FALLING)
    message = (
        r"Falling-v0 refused to begin an episode with its environment parameters \(gravity -1\): "
        r"gravity is -1 and has to be positive\."
    )
    with pytest.raises(EnvError, match=message):
        env.reset({"gravity": -1.0})


def test_a_declaration_without_values_is_refused():
    with pytest.raises(
        EnvError, match=r"environment_parameters of Muddled is \('gravity',\); make"
    ):
        make_env("gym:tests.envs.falling:Parameters/Muddled-v0")


def test_environments_with_parameters_keep_the_contract():
    check_env(lambda: make_env(WINDY, num_areas=3), steps=20)


def test_parameters_reach_workers():
    env = make_workers(*[partial(make_env, FALLING, num_areas=2)] * 2)
    steps = env.reset({"gravity": 2.0, "colour": 1.0})
    steps = play_until(env, steps, lambda steps: (steps["Falling-v0"].rewards == 2.0).any())
    env.set_parameters({"gravity": 3.0})
    changed = set()

    def both_have_changed(steps):
        step = steps["Falling-v0"]
        changed.update((step.agent_ids[step.rewards == 3.0] >> LIFE_BITS).tolist())
        return changed == {0, 1}

    play_until(env, steps, both_have_changed)
    assert env.unknown_parameters == {"colour"}
    env.close()


def test_our_own_environments_declare_theirs_when_they_are_wrapped():
    env = make_env("gym:tests.envs.falling:Parameters/Ball-v0")
    env.reset({"scale": 2.0, "wings": 1.0})
    wrapped = env._vector.envs[0].unwrapped
    assert wrapped.environment_parameters == {"scale": 1.0, "gravity": 9.81, "mass": 1.0}
    assert wrapped.env.parameters["scale"] == 2.0
    assert env.unknown_parameters == {"wings"}
