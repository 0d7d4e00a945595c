"""Agents, actions and specs as scripts for ML-Agents know them, both the old and the new."""

import numpy as np
import pytest

from mlagents_tf import specs
from mlagents_tf.envs.unity import (
    ActionSpec,
    ActionTuple,
    ActionType,
    BaseEnv,
    BehaviorSpec,
    DecisionSteps,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    TerminalSteps,
    UnityActionException,
)
from mlagents_tf.envs.unity.agent_steps import decision_steps, terminal_steps
from mlagents_tf.envs.unity.behavior_spec import behavior_spec
from mlagents_tf.steps import Step, make_step

BRANCHES = specs.ActionSpec(0, (2, 3))
VECTOR = ObservationSpec((3,), (DimensionProperty.NONE,), ObservationType.DEFAULT, "vector")


def make(*branches, continuous=0):
    """A spec of one observation."""
    return BehaviorSpec([VECTOR], ActionSpec(continuous, branches))


def a_step() -> Step:
    """Three agents: 7 decides, 8 has been cut, 9 decides; each sees its number thrice."""
    return make_step(
        np.array([7, 8, 9]),
        (np.repeat(np.array([[7.0], [8.0], [9.0]], np.float32), 3, axis=1),),
        np.array([0.5, 1.5, 2.5], np.float32),
        interrupted=np.array([False, True, False]),
        group_ids=np.array([0, 1, 1]),
        group_rewards=np.array([0.0, 4.0, 5.0], np.float32),
        allowed_actions=np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 1, 1]], np.bool_),
    )


def test_agents_that_decide_are_a_mapping():
    deciding = decision_steps(a_step(), BRANCHES)
    assert (list(deciding), len(deciding), 7 in deciding, 8 in deciding) == ([7, 9], 2, True, False)
    assert deciding.agent_id_to_index == {7: 0, 9: 1}
    agent = deciding[np.int32(9)]
    np.testing.assert_array_equal(agent.obs[0], [9, 9, 9])
    assert (agent.reward, agent.agent_id, agent.group_id, agent.group_reward) == (2.5, 9, 1, 5.0)


def test_masks_are_of_branches_and_say_what_is_not_allowed():
    first, second = decision_steps(a_step(), BRANCHES).action_mask
    np.testing.assert_array_equal(first, [[False, False], [False, True]])
    np.testing.assert_array_equal(second, [[False] * 3, [True, False, False]])
    mask = decision_steps(a_step(), BRANCHES)[9].action_mask
    assert [branch.tolist() for branch in mask] == [[False, True], [True, False, False]]


def test_branches_without_masks_have_nothing_forbidden():
    step = a_step()._replace(allowed_actions=None)
    first, second = decision_steps(step, BRANCHES).action_mask
    assert (first.shape, second.shape) == ((2, 2), (2, 3))
    assert not first.any()
    assert not second.any()
    continuous = decision_steps(step, specs.ActionSpec(2))
    assert continuous.action_mask is None
    assert continuous[7].action_mask is None


def test_agents_that_have_ended_are_a_mapping():
    ended = terminal_steps(a_step())
    assert (list(ended), ended.interrupted.tolist(), ended.max_step.tolist()) == (
        [8],
        [True],
        [True],
    )
    agent = ended[8]
    np.testing.assert_array_equal(agent.obs[0], [8, 8, 8])
    assert (agent.reward, agent.group_id, agent.group_reward) == (1.5, 1, 4.0)
    assert agent.interrupted
    assert agent.max_step


def test_an_agent_that_is_not_there():
    with pytest.raises(KeyError, match="agent 8 is not among these DecisionSteps"):
        decision_steps(a_step(), BRANCHES)[8]
    with pytest.raises(KeyError, match="agent 7 is not among these TerminalSteps"):
        terminal_steps(a_step())[7]


def test_columns_have_the_dtypes_of_mlagents():
    for agents in (
        decision_steps(a_step(), BRANCHES),
        terminal_steps(a_step()),
        DecisionSteps.empty(make(2)),
        TerminalSteps.empty(make(2)),
    ):
        columns = (agents.obs[0], agents.reward, agents.agent_id, agents.group_id)
        dtypes = [column.dtype for column in (*columns, agents.group_reward)]
        assert dtypes == [np.float32, np.float32, np.int32, np.int32, np.float32]


def test_images_become_numbers_from_0_to_1():
    step = make_step(np.array([1]), (np.array([[[[0, 51, 255]]]], np.uint8),))
    (image,) = decision_steps(step, BRANCHES).obs
    np.testing.assert_array_equal(image, np.array([[[[0.0, 0.2, 1.0]]]], np.float32))


def test_steps_without_agents():
    deciding, ended = DecisionSteps.empty(make(2)), TerminalSteps.empty(make(2))
    assert (len(deciding), deciding.obs[0].shape, deciding.action_mask) == (0, (0, 3), None)
    assert (len(ended), ended.obs[0].shape, ended.interrupted.dtype) == (0, (0, 3), np.bool_)


def test_steps_of_release_1_have_no_groups():
    one, zero = np.ones(1, np.float32), np.zeros(1, np.int32)
    assert DecisionSteps([one], one, zero, None)[0].group_id == 0
    assert TerminalSteps([one], one, np.array([True]), zero)[0].group_reward == 0.0


def test_the_part_of_an_action_that_is_not_given_has_no_columns():
    continuous = ActionTuple(np.ones((3, 2)))
    assert (continuous.continuous.dtype, continuous.discrete.shape) == (np.float32, (3, 0))
    discrete = ActionTuple(discrete=np.ones((3, 1)))
    assert (discrete.discrete.dtype, discrete.continuous.shape) == (np.int32, (3, 0))
    nothing = ActionTuple()
    assert (nothing.continuous, nothing.discrete) == (None, None)
    nothing.add_continuous(np.zeros((1, 2)))
    nothing.add_discrete([[3]])
    assert (nothing.continuous.tolist(), nothing.discrete.tolist()) == ([[0.0, 0.0]], [[3]])


def test_what_an_action_spec_says():
    continuous = ActionSpec.create_continuous(2)
    discrete = ActionSpec.create_discrete((3, 2))
    hybrid = ActionSpec.create_hybrid(2, (3,))
    assert [spec.is_continuous() for spec in (continuous, discrete, hybrid)] == [True, False, False]
    assert [spec.is_discrete() for spec in (continuous, discrete, hybrid)] == [False, True, False]
    assert [spec.discrete_size for spec in (continuous, discrete, hybrid)] == [0, 2, 1]
    assert str(hybrid) == "Continuous: 2, Discrete: (3,)"
    assert hybrid == ActionSpec(2, (3,))


def test_actions_that_a_spec_makes():
    hybrid = ActionSpec.create_hybrid(2, (3, 1))
    empty = hybrid.empty_action(4)
    np.testing.assert_array_equal(empty.continuous, np.zeros((4, 2), np.float32))
    np.testing.assert_array_equal(empty.discrete, np.zeros((4, 2), np.int32))
    drawn = hybrid.random_action(500)
    assert (drawn.continuous.dtype, drawn.discrete.dtype) == (np.float32, np.int32)
    assert -1 <= drawn.continuous.min() < -0.9
    assert 0.9 < drawn.continuous.max() <= 1
    assert set(drawn.discrete[:, 0]) == {0, 1, 2}
    assert set(drawn.discrete[:, 1]) == {0}


def test_discrete_behaviors_in_the_words_of_release_1():
    spec = make(3, 2)
    assert spec.observation_shapes == [(3,)]
    assert (spec.action_type, spec.action_shape) == (ActionType.DISCRETE, (3, 2))
    assert (spec.action_size, spec.discrete_action_branches) == (2, (3, 2))
    assert (spec.is_action_discrete(), spec.is_action_continuous()) == (True, False)
    empty, drawn = spec.create_empty_action(4), spec.create_random_action(4)
    assert (empty.shape, empty.dtype, drawn.shape, drawn.dtype) == ((4, 2), np.int32) * 2


def test_continuous_behaviors_in_the_words_of_release_1():
    spec = make(continuous=2)
    assert (spec.action_type, spec.action_shape) == (ActionType.CONTINUOUS, 2)
    assert (spec.action_size, spec.discrete_action_branches) == (2, None)
    assert (spec.is_action_discrete(), spec.is_action_continuous()) == (False, True)
    empty, drawn = spec.create_empty_action(4), spec.create_random_action(4)
    assert (empty.shape, empty.dtype, drawn.shape, drawn.dtype) == ((4, 2), np.float32) * 2


def test_release_1_has_no_word_for_hybrid_actions():
    with pytest.raises(UnityActionException, match=r"hybrid .* use action_spec and ActionTuple"):
        make(3, continuous=2).is_action_continuous()


def test_a_spec_of_ours_in_the_words_of_mlagents():
    goal = specs.ObservationSpec((4,), "goal", (), ObservationType.GOAL_SIGNAL)
    spec = behavior_spec(specs.Spec((goal,), specs.ActionSpec(2, (3,))))
    unspecified = (DimensionProperty.UNSPECIFIED,)
    expected = ObservationSpec((4,), unspecified, ObservationType.GOAL_SIGNAL, "goal")
    assert spec == BehaviorSpec([expected], ActionSpec(2, (3,)))


def test_environments_of_ones_own_have_the_words_of_release_1_too():
    class Own(BaseEnv):
        behavior_specs = {"a": make(2)}  # noqa: RUF012
        reset = step = close = get_steps = set_actions = set_action_for_agent = None

    assert Own().get_behavior_names() == ["a"]
    assert Own().get_behavior_spec("a") == make(2)
    with pytest.raises(UnityActionException, match="no behavior 'b'; there are: a"):
        Own().get_behavior_spec("b")
