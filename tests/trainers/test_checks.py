"""What an environment must not send is refused with where it was."""

import numpy as np
import pytest

from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.checks import check_step

SPEC = Spec((ObservationSpec((2,)), ObservationSpec((3,), "rays")), ActionSpec(1, (2, 3)))


def step(**changes):
    good = make_step(
        np.array([10, 11]),
        (np.zeros((2, 2), np.float32), np.zeros((2, 3), np.float32)),
        allowed_actions=np.ones((2, 5), np.bool_),
    )
    return good._replace(**changes)


def refusal(**changes):
    with pytest.raises(EnvError) as caught:
        check_step("walker", SPEC, step(**changes))
    return str(caught.value)


def test_a_good_step_passes():
    check_step("walker", SPEC, step())
    check_step("walker", SPEC, step(allowed_actions=None))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_names_behavior_observation_and_agent(value):
    obs = step().obs
    obs[1][1, 2] = value
    message = refusal(obs=obs)
    assert message.startswith(f"behavior walker: observation 1[2] of agent 11 is {value};")


@pytest.mark.parametrize(("field", "name"), [("rewards", "reward"), ("group_rewards", "group")])
def test_a_reward_that_is_not_finite_names_behavior_and_agent(field, name):
    message = refusal(**{field: np.array([0, np.nan], np.float32)})
    assert message.startswith(f"behavior walker: {name}")
    assert "of agent 11 is nan" in message


def test_a_wrong_number_of_observations_is_counted():
    message = refusal(obs=step().obs[:1])
    assert "behavior walker: 1 observations arrived, its spec declares 2" in message


def test_a_wrong_shape_names_the_sensor_and_both_shapes():
    message = refusal(obs=(step().obs[0], np.zeros((2, 4), np.float32)))
    assert "observation 1 (rays) arrived with shape [2, 4]" in message
    assert "its spec declares [2, 3] for 2 agents" in message


def test_a_mask_that_forbids_all_options_names_branch_and_agent():
    allowed = np.array([[True] * 5, [True, True, False, False, False]])
    message = refusal(allowed_actions=allowed)
    assert "the action mask of agent 11 forbids all 3 options of branch 1" in message


def test_an_agent_that_has_ended_may_have_an_empty_mask():
    allowed = np.array([[True] * 5, [False] * 5])
    check_step("walker", SPEC, step(allowed_actions=allowed, terminated=np.array([False, True])))


@pytest.mark.parametrize(
    ("field", "array"),
    [
        ("rewards", np.zeros((2, 1), np.float32)),
        ("group_rewards", np.zeros(3, np.float32)),
        ("allowed_actions", np.ones((2, 4), np.bool_)),
        ("allowed_actions", np.ones((1, 5), np.bool_)),
    ],
)
def test_a_wrong_shape_of_anything_else_is_refused_too(field, array):
    message = refusal(**{field: array})
    assert message.startswith(f"behavior walker: {field} arrived with shape {list(array.shape)}")
