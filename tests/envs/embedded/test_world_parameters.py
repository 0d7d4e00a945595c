"""Parameters of embedded environments: numbers, and what samplers draw."""

import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.registry import make_env
from mlagents_tf.samplers import Gaussian, MultiRangeUniform, Uniform


def play(env, steps):
    """Steps with random actions; returns the areas where episodes began, and the last step."""
    rng, step = np.random.default_rng(0), env._current[env.behavior]
    begun = np.zeros(env.num_areas, bool)
    for _ in range(steps):
        before = env._ids
        actions = random_actions(rng, env.spec.actions, step)
        step = env.step({env.behavior: actions})[env.behavior]
        begun |= env._ids != before
    return begun, step


def test_a_sampler_draws_for_each_episode_of_an_area():
    env = make_env("3DBall", num_areas=200, seed=3)
    env.reset({"scale": Uniform(1.0, 3.0, seed=5)})
    first = env.parameters["scale"].copy()
    assert first.shape == (200,)
    assert first.min() < 1.1
    assert first.max() > 2.9
    begun, _ = play(env, 15)
    assert 0 < np.count_nonzero(begun) < 200
    np.testing.assert_array_equal(env.parameters["scale"] != first, begun)
    np.testing.assert_array_equal(env._contact, 2.5 + env.parameters["scale"] / 2)


def test_drawn_values_are_those_of_the_seed_and_survive_a_resume():
    def begin():
        env = make_env("3DBall", num_areas=20, seed=3)
        env.reset({"scale": Uniform(1.0, 3.0, seed=5), "gravity": Gaussian(9.81, 1.0, seed=6)})
        play(env, 30)
        return env

    env, same = begin(), begin()
    later = make_env("3DBall", num_areas=20, seed=99)
    later.load_state(env.state())
    ends = [play(each, 40)[1] for each in (env, same, later)]
    for name in ("scale", "gravity"):
        for each in (same, later):
            np.testing.assert_array_equal(each.parameters[name], env.parameters[name])
    for end in ends[1:]:
        np.testing.assert_array_equal(end.obs[0], ends[0].obs[0])


def test_a_number_takes_the_place_of_a_sampler():
    env = make_env("3DBall", num_areas=4)
    env.reset({"scale": Uniform(1.0, 3.0, seed=5)})
    env.set_parameters({"scale": 2.0, "wings": 1.0})
    assert env.parameters["scale"] == 2.0
    assert env.unknown_parameters == {"wings"}
    play(env, 30)
    assert env.parameters["scale"] == 2.0


def test_what_cannot_differ_between_areas_is_drawn_with_each_reset():
    env = make_env("PushBlock", num_areas=4)
    drawn = set()
    for _ in range(5):
        env.reset({"block_scale": Uniform(1.0, 2.0, seed=1)} if not drawn else None)
        drawn.add(env.parameters["block_scale"])
    assert len(drawn) == 5


@pytest.mark.parametrize(
    ("sampler", "low", "high"),
    [
        (Uniform(-1.0, 1.0, 0), -1.0, 1.0),
        (MultiRangeUniform(((0.0, 1.0), (5.0, 8.0)), 0), 0.0, 8.0),
        (MultiRangeUniform(((2.0, 2.0),), 0), 2.0, 2.0),
    ],
)
def test_values_stay_in_their_intervals(sampler, low, high):
    values = sampler.draw(np.random.default_rng(sampler.seed), 4000)
    assert values.min() >= low
    assert values.max() <= high


def test_long_intervals_are_drawn_from_more_often():
    sampler = MultiRangeUniform(((0.0, 1.0), (5.0, 8.0)), 0)
    values = sampler.draw(np.random.default_rng(0), 4000)
    assert np.mean(values < 1.5) == pytest.approx(0.25, abs=0.03)
    assert not ((values > 1.0) & (values < 5.0)).any()


def test_walls_are_as_high_as_the_lesson_draws_them():
    env = make_env("WallJump", num_areas=400, seed=1)
    env.reset({"big_wall_height": Uniform(4.0, 7.0, seed=2), "small_wall_height": 2.0})
    heights = 2 * (env.wall + 0.5)
    big = heights > 2.5
    assert 0.5 < big.mean() < 0.7, "three of five"
    assert heights[big].min() >= 4.0
    assert heights[big].max() <= 7.0
    assert len(np.unique(heights[big])) > 200
    assert set(heights[~big]) == {0.0, 2.0}
