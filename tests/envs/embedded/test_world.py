import json

import numpy as np
import pytest

from mlagents_tf.envs.embedded.ball import Ball3D
from mlagents_tf.envs.embedded.basic import Basic
from mlagents_tf.envs.embedded.toy import DiscreteLine, LineWorld
from mlagents_tf.errors import EnvError
from tests.envs.playing import continuous, discrete

LEFT, RIGHT = 1, 2


def test_a_step_holds_the_ended_agent_first_and_its_successor_in_the_areas_place():
    env = Basic(num_areas=3)
    env.reset()
    for _ in range(3):
        step = env.step({"Basic": discrete([0, LEFT, 0])})["Basic"]
    assert step.agent_ids.tolist() == [1, 0, 3, 2]
    assert step.terminated.tolist() == [True, False, False, False]
    np.testing.assert_allclose(step.rewards, [0.09, -0.01, 0.0, -0.01])
    assert step.obs[0].argmax(axis=1).tolist() == [7, 10, 10, 10]


def test_at_the_time_limit_episodes_are_interrupted_and_not_terminated():
    env = LineWorld(num_areas=2)
    env.reset()
    for _ in range(49):
        step = env.step({"toy-continuous": continuous([[0.0], [0.0]])})["toy-continuous"]
        assert not step.ended.any()
    step = env.step({"toy-continuous": continuous([[0.0], [0.0]])})["toy-continuous"]
    assert step.interrupted.tolist() == [True, True, False, False]
    assert not step.terminated.any()
    assert step.agent_ids.tolist() == [0, 1, 2, 3]


def test_an_episode_that_ends_at_the_limit_is_terminated_alone():
    env = LineWorld()
    env.reset()
    for move in [0.0] * 45 + [1.0] * 5:
        step = env.step({"toy-continuous": continuous([[move]])})["toy-continuous"]
    assert step.terminated.tolist() == [True, False]
    assert not step.interrupted.any()


def test_observations_handed_out_are_not_written_again():
    env = LineWorld(num_areas=2, seed=1)
    step = env.reset()["toy-continuous"]
    kept = step.obs[0].copy()
    for _ in range(6):
        env.step({"toy-continuous": continuous([[1.0], [-1.0]])})
    np.testing.assert_array_equal(step.obs[0], kept)


def test_a_state_survives_json_for_all_but_its_arrays_and_continues_exactly():
    env, twin = DiscreteLine(num_areas=4, seed=1), DiscreteLine(num_areas=4, seed=2)
    env.reset()
    for _ in range(7):
        step = env.step({"toy-discrete": discrete([0, 1, 0, 1])})["toy-discrete"]
    state = env.state()
    state["generator"] = json.loads(json.dumps(state["generator"]))
    loaded = twin.load_state(state)["toy-discrete"]
    np.testing.assert_array_equal(loaded.agent_ids, step.agent_ids)
    for _ in range(12):
        step = env.step({"toy-discrete": discrete([1, 1, 0, 0])})["toy-discrete"]
        loaded = twin.step({"toy-discrete": discrete([1, 1, 0, 0])})["toy-discrete"]
        np.testing.assert_array_equal(loaded.obs[0], step.obs[0])
        np.testing.assert_array_equal(loaded.agent_ids, step.agent_ids)
        np.testing.assert_array_equal(loaded.rewards, step.rewards)


def test_a_state_of_another_number_of_areas_is_refused():
    env = Basic(num_areas=2)
    env.reset()
    with pytest.raises(EnvError, match="the state has 2 areas, this environment 3"):
        Basic(num_areas=3).load_state(env.state())


def test_a_state_of_another_environment_is_refused():
    env = Basic()
    env.reset()
    with pytest.raises(EnvError, match="3DBall: the state was taken of another environment"):
        Ball3D(1).load_state(env.state())


def test_parameters_that_do_not_exist_are_kept_for_the_caller():
    env = Basic()
    env.reset({"gravity": 3.0})
    assert env.unknown_parameters == {"gravity"}


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({"Basic": discrete([0, 0])}, r"shapes \(2, 0\) .* and \(2, 1\) .*expected \(1, 0\)"),
        ({"Basic": continuous([[0.0]])}, "one row for each agent that decides"),
        ({"Basic": discrete([])}, r"expected \(1, 0\) and \(1, 1\)"),
        ({"Basic": discrete([3])}, r"option 3 to 3; the branches have sizes \[3\]"),
        ({"Basic": discrete([-1])}, "option -1"),
        ({"Elementary": discrete([0])}, r"\['Elementary'\]; this environment has .* 'Basic'"),
        ({}, "behavior 'Basic' alone"),
    ],
)
def test_wrong_actions_are_refused_in_one_sentence(actions, message):
    env = Basic()
    env.reset()
    with pytest.raises(EnvError, match=message):
        env.step(actions)


def test_an_action_that_is_no_number_is_refused():
    env = LineWorld()
    env.reset()
    with pytest.raises(EnvError, match="not finite; the policy has diverged"):
        env.step({"toy-continuous": continuous([[np.nan]])})


def test_stepping_before_reset_is_refused():
    with pytest.raises(EnvError, match="before reset"):
        Basic().step({"Basic": discrete([0])})


def test_no_areas_are_refused():
    with pytest.raises(EnvError, match="num_areas is 0"):
        Basic(num_areas=0)


def test_agents_that_share_an_area_have_rows_and_episodes_of_their_own():
    class Pairs(Basic):
        agents_per_area = 2

    env = Pairs(num_areas=2)
    env.places = np.full(4, 10)
    assert env.reset()["Basic"].agent_ids.tolist() == [0, 1, 2, 3]
    for _ in range(3):
        step = env.step({"Basic": discrete([0, LEFT, 0, 0])})["Basic"]
    assert step.agent_ids.tolist() == [1, 0, 4, 2, 3]
    assert step.terminated.tolist() == [True, False, False, False, False]
    with pytest.raises(EnvError, match="the state has 2 areas, this environment 1"):
        Pairs(num_areas=1).load_state(env.state())
