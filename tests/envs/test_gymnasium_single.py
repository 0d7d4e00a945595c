import numpy as np
import pytest
from gymnasium import spaces

from mlagents_tf.envs.gymnasium_single import EnvAsGymEnv
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import empty_step, make_step

SPEC = Spec((ObservationSpec((1,)),), ActionSpec(0, (2, 3)))


class Script:
    """An environment that says what it was told to say, step after step."""

    def __init__(self, *rows, spec=SPEC):
        self.specs = {"Scripted": spec}
        self.rows = rows
        self.actions = []
        self.resets = 0

    def reset(self, parameters=None):
        self.resets += 1
        self.told = iter(self.rows)
        return self.say()

    def step(self, actions):
        self.actions += [rows.discrete.tolist() for rows in actions.values()]
        return self.say()

    def say(self):
        step = next(self.told)
        return {} if step is None else {"Scripted": step}

    def close(self):
        pass


def rows(*agents, seen=(), rewards=None, **flags):
    """A step of these agents; each sees its number unless told otherwise."""
    obs = np.array(seen or agents, np.float32).reshape(-1, 1)
    flags = {name: np.array(value, np.bool_) for name, value in flags.items()}
    rewards = np.zeros(len(agents), np.float32) if rewards is None else np.float32(rewards)
    return make_step(np.array(agents, np.int64), (obs,), rewards, **flags)


def test_an_episode_ends_with_its_own_last_observation_and_reset_returns_the_next_first():
    env = Script(
        rows(0, seen=[5]),
        rows(0, 1, seen=[6, 9], rewards=[2.5, 0.0], terminated=[True, False]),
        rows(1, seen=[10], rewards=[1.0]),
    )
    single = EnvAsGymEnv(env)
    assert single.reset()[0].tolist() == [5]
    obs, reward, terminated, truncated, _ = single.step([0, 0])
    assert (obs.tolist(), reward, terminated, truncated) == ([6], 2.5, True, False)
    assert single.reset()[0].tolist() == [9]
    assert single.step([1, 2])[0].tolist() == [10]
    assert env.resets == 1
    assert env.actions == [[[0, 0]], [[1, 2]]]


def test_interrupted_is_truncated():
    single = EnvAsGymEnv(Script(rows(0), rows(0, interrupted=[True])))
    single.reset()
    assert single.step([0, 0])[2:4] == (False, True)


def test_a_reset_before_the_end_begins_anew():
    env = Script(rows(0), rows(0))
    single = EnvAsGymEnv(env)
    single.reset()
    single.step([0, 0])
    single.reset()
    assert env.resets == 2


def test_a_reset_with_parameters_begins_anew():
    single = EnvAsGymEnv(make_env("3DBall", num_areas=1))
    single.reset(options={"parameters": {"gravity": 4.0}})
    obs, *_ = single.step(np.zeros(2, np.float32))
    assert obs[6] == pytest.approx(-0.4)


def test_an_end_without_a_next_episode_is_followed_by_a_real_reset():
    env = Script(rows(0), rows(0, terminated=[True]))
    single = EnvAsGymEnv(env)
    single.reset()
    single.step([0, 0])
    single.reset()
    assert env.resets == 2


def test_an_agent_that_pauses_is_waited_for():
    env = Script(rows(0), empty_step(SPEC), None, empty_step(SPEC), rows(0, seen=[3]))
    single = EnvAsGymEnv(env)
    single.reset()
    assert single.step([1, 1])[0].tolist() == [3]
    assert env.actions == [[[1, 1]], [], []]


def test_an_agent_that_is_late_is_waited_for():
    single = EnvAsGymEnv(Script(None, empty_step(SPEC), rows(4)))
    assert single.reset()[0].tolist() == [4]


def test_an_agent_that_vanishes_is_truncated():
    single = EnvAsGymEnv(Script(rows(0, seen=[7]), rows(1)))
    single.reset()
    obs, reward, *ended, _ = single.step([0, 0])
    assert (obs.tolist(), reward, ended) == ([7], 0.0, [False, True])
    assert single.reset()[0].tolist() == [1]


def test_an_agent_that_the_environment_has_lost_is_truncated():
    env = Script(rows(0, seen=[7]), None)
    env.take_lost = lambda: {"Scripted": np.array([0])}
    single = EnvAsGymEnv(env)
    single.reset()
    obs, _, *ended, _ = single.step([0, 0])
    assert (obs.tolist(), ended) == ([7], [False, True])


def test_nobody_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr("mlagents_tf.envs.gymnasium_layout.MOST_EMPTY_STEPS", 3)
    monkeypatch.setattr("mlagents_tf.envs.gymnasium_single.MOST_EMPTY_STEPS", 3)
    with pytest.raises(EnvError, match="nobody has decided anything in 3 steps"):
        EnvAsGymEnv(Script(*[None] * 5))
    single = EnvAsGymEnv(Script(rows(0), *[None] * 5))
    single.reset()
    with pytest.raises(EnvError, match="nobody has been seen in 3 steps"):
        single.step([0, 0])


def test_a_class_is_no_environment():
    with pytest.raises(EnvError, match="the class Script was given"):
        EnvAsGymEnv(Script)


def test_one_who_ends_in_its_first_row_has_no_episode():
    single = EnvAsGymEnv(
        Script(rows(0), rows(0, 1, 2, terminated=[True, True, False]), rows(2, seen=[8]))
    )
    single.reset()
    assert single.step([0, 0])[2]
    assert single.reset()[0].tolist() == [2]
    assert single.step([0, 0])[0].tolist() == [8]


def test_a_step_after_the_end_is_refused():
    single = EnvAsGymEnv(Script(rows(0), rows(0, 1, terminated=[True, False])))
    with pytest.raises(EnvError, match=r"call reset\(\)"):
        single.step([0, 0])
    single.reset()
    single.step([0, 0])
    with pytest.raises(EnvError, match=r"call reset\(\)"):
        single.step([0, 0])


def test_several_agents_are_refused_with_what_to_use():
    with pytest.raises(EnvError, match=r"12 agents decide.*num_areas=1.*EnvAsVectorEnv"):
        EnvAsGymEnv(make_env("3DBall"))
    single = EnvAsGymEnv(Script(rows(0), rows(0, 1)))
    single.reset()
    with pytest.raises(EnvError, match="2 agents decide"):
        single.step([0, 0])


def test_another_behavior_is_refused():
    with pytest.raises(EnvError, match=r"\['Basic'\].*'Advanced' was asked for"):
        EnvAsGymEnv(make_env("Basic"), "Advanced")


def test_the_same_seed_is_the_same_episode_as_that_of_the_environment():
    single = EnvAsGymEnv(lambda seed: make_env("3DBall", num_areas=1, seed=seed))
    obs, _ = single.reset(seed=3)
    np.testing.assert_array_equal(
        obs, make_env("3DBall", num_areas=1, seed=3).reset()["3DBall"].obs[0][0]
    )
    single.step(single.action_space.sample())
    np.testing.assert_array_equal(single.reset(seed=3)[0], obs)


def test_parameters_outlive_a_seed():
    single = EnvAsGymEnv(lambda seed: make_env("3DBall", num_areas=1, seed=seed))
    single.reset(options={"parameters": {"gravity": 4.0}})
    single.reset(seed=1)
    assert single.step(np.zeros(2, np.float32))[0][6] == pytest.approx(-0.4)


def test_two_that_were_given_no_seed_differ():
    first, second = (
        EnvAsGymEnv(lambda seed: make_env("3DBall", num_areas=1, seed=seed)).reset()[0]
        for _ in range(2)
    )
    assert (first != second).any()


def test_a_seed_for_an_environment_that_is_ready_made_is_warned_of():
    single = EnvAsGymEnv(make_env("3DBall", num_areas=1))
    with pytest.warns(UserWarning, match="wrap a function of the seed"):
        single.reset(seed=7)


def test_combinations_of_branches_become_one_choice():
    env = Script(rows(0), rows(0))
    single = EnvAsGymEnv(env, flatten_branched=True)
    assert single.action_space == spaces.Discrete(6)
    single.reset()
    single.step(5)
    assert env.actions == [[[1, 2]]]
    with pytest.raises(EnvError, match=r"is 6 .*combinations 0 to 5"):
        single.step(6)


def test_masks_are_those_of_all_branches_or_of_their_combinations():
    masked = rows(0)._replace(allowed_actions=np.array([[True, False, True, True, False]]))
    plain = EnvAsGymEnv(Script(masked))
    flat = EnvAsGymEnv(Script(masked), flatten_branched=True)
    _, info = plain.reset()
    assert info["allowed_actions"].tolist() == [True, False, True, True, False]
    assert plain.action_masks().tolist() == [True, False, True, True, False]
    _, info = flat.reset()
    assert info["allowed_actions"].tolist() == [True, True, False, False, False, False]


def test_where_nothing_is_masked_everything_may_be_taken():
    single = EnvAsGymEnv(Script(rows(0)))
    assert single.reset()[1]["allowed_actions"].tolist() == [True] * 5


def test_continuous_actions_have_no_mask():
    single = EnvAsGymEnv(make_env("3DBall", num_areas=1))
    assert single.reset()[1] == {}
    with pytest.raises(EnvError, match="no discrete actions"):
        single.action_masks()


def test_images_of_floats_become_bytes():
    spec = Spec((ObservationSpec((1, 1, 3)),), ActionSpec(1))
    step = make_step(np.array([0]), (np.array([[[[0.0, 0.5, 1.0]]]], np.float32),))
    single = EnvAsGymEnv(Script(step, spec=spec), uint8_visual=True)
    assert single.observation_space == spaces.Box(0, 255, (1, 1, 3), np.uint8)
    assert single.reset()[0].tolist() == [[[0, 128, 255]]]


def test_hybrid_actions_are_a_tuple_of_both():
    single = EnvAsGymEnv(make_env("toy-hybrid", num_areas=1, seed=1))
    box = spaces.Box(-1.0, 1.0, (1,), np.float32)
    assert single.action_space == spaces.Tuple([box, spaces.Discrete(2)])
    obs, _ = single.reset()
    for _ in range(5):
        obs, reward, terminated, _, _ = single.step((obs[:1], int(obs[1] > 0)))
    assert (reward, terminated) == (1.0, True)


def test_an_action_of_another_shape_is_refused():
    single = EnvAsGymEnv(make_env("3DBall", num_areas=1))
    single.reset()
    with pytest.raises(EnvError, match=r"shape \(1, 3\) where 1 of Box"):
        single.step(np.zeros(3))


def test_a_picture_is_the_environments():
    single = EnvAsGymEnv(make_env("Basic"), render_mode="rgb_array")
    assert single.render().shape == (80, 420, 3)
    assert EnvAsGymEnv(make_env("Basic")).render() is None
    with pytest.raises(EnvError, match="does not draw itself"):
        EnvAsGymEnv(make_env("toy-discrete", num_areas=1), render_mode="rgb_array")
