import numpy as np
import pytest

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.action_lists import ActionReader, encode_actions, read_actions
from mlagents_tf.specs import ActionSpec
from mlagents_tf.steps import Actions, no_actions
from tests.protobuf.messages import AgentActions

HYBRID = ActionSpec(2, (3, 2))


def sent(*fields):
    message = AgentActions()
    for each in fields:
        message.value.add(**each)
    return message.SerializeToString()


def actions_of(count, spec=HYBRID):
    rng = np.random.default_rng(0)
    continuous = rng.uniform(-1, 1, (count, spec.continuous_size)).astype(np.float32)
    options = [rng.integers(0, size, count) for size in spec.discrete_branches]
    discrete = np.stack(options, axis=1) if options else np.zeros((count, 0))
    return Actions(continuous, discrete.astype(np.int32))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 50])
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "spec", [HYBRID, ActionSpec(2), ActionSpec(0, (3,)), ActionSpec(1, (300, 200))]
)
def test_actions_come_back(count, legacy, spec):
    actions = actions_of(count, spec)
    found = read_actions("Ball", encode_actions(actions, legacy), spec)
    np.testing.assert_array_equal(found.continuous, actions.continuous)
    np.testing.assert_array_equal(found.discrete, actions.discrete)
    assert (found.continuous.dtype, found.discrete.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("legacy", [False, True])
def test_googles_library_reads_what_is_written_and_writes_it_alike(legacy):
    actions = actions_of(5)
    data = encode_actions(actions, legacy)
    message = AgentActions.FromString(data)
    assert [list(each.continuous_actions) for each in message.value] == actions.continuous.tolist()
    assert [list(each.discrete_actions) for each in message.value] == actions.discrete.tolist()
    old = [list(each.vector_actions_deprecated) for each in message.value]
    assert old == (actions.continuous.tolist() if legacy else [[]] * 5)
    assert message.SerializeToString() == data


def test_players_of_before_hybrid_actions_get_options_as_floats():
    data = encode_actions(Actions(np.zeros((1, 0), np.float32), np.array([[2, 1]])), legacy=True)
    assert list(AgentActions.FromString(data).value[0].vector_actions_deprecated) == [2.0, 1.0]


@pytest.mark.parametrize("count", [1, 6])
def test_actions_of_the_old_kind_alone_are_read(count):
    data = sent(*[{"vector_actions_deprecated": [2.0, 1.0]}] * count)
    assert read_actions("Old", data, ActionSpec(0, (3, 2))).discrete.tolist() == [[2, 1]] * count
    found = read_actions("Old", data, ActionSpec(2))
    assert found.continuous.tolist() == [[2.0, 1.0]] * count


def test_agents_may_differ_in_which_fields_they_have():
    data = sent(*[{"continuous_actions": [0.5], "value": value} for value in (0, 1, 1, 1, 1)])
    found = read_actions("Ball", data, ActionSpec(1))
    assert found.continuous.tolist() == [[0.5]] * 5


GOOD = {"continuous_actions": [0, 1], "discrete_actions": [2, 0]}


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({}, "0 continuous and 0 discrete values, expected 2 and 2"),
        ({**GOOD, "continuous_actions": [0, 1, 2]}, "3 continuous"),
        ({**GOOD, "continuous_actions": [0, np.nan]}, "an action that is not finite"),
        ({**GOOD, "discrete_actions": [2, 3]}, "option"),
        ({**GOOD, "discrete_actions": [2, -1]}, "option"),
    ],
)
def test_actions_that_cannot_be_are_refused(fields, what, before):
    with pytest.raises(EnvError, match=f"^Ball: the message of actions cannot be read: .*{what}"):
        read_actions("Ball", sent(*[GOOD] * before, fields), HYBRID)


def test_nothing_is_reserved_for_very_many_empty_actions():
    with pytest.raises(EnvError, match="100000 actions of 100000000 values"):
        read_actions("Ball", b"\x0a\x00" * 100_000, ActionSpec(1000))


def test_no_agent_and_no_action():
    assert encode_actions(no_actions(HYBRID)) == b""


def test_layouts_of_actions_are_remembered_and_change_nothing():
    spec = ActionSpec(2, (3, 200))
    reader = ActionReader("Any", spec)
    generator = np.random.default_rng(0)
    for count in (9, 9, 1, 0, 200, 9, 9):
        options = generator.integers(0, (3, 200 if count == 200 else 100), (count, 2))
        actions = Actions(
            generator.standard_normal((count, 2), dtype=np.float32), options.astype(np.int32)
        )
        for legacy in (False, True):
            found = reader.read(encode_actions(actions, legacy))
            np.testing.assert_array_equal(found.continuous, actions.continuous)
            np.testing.assert_array_equal(found.discrete, actions.discrete)


def test_what_is_wrong_behind_a_remembered_layout_is_refused():
    reader = ActionReader("Any", ActionSpec(1, (3,)))
    good = Actions(np.zeros((6, 1), np.float32), np.full((6, 1), 2, np.int32))
    data = encode_actions(good)
    reader.read(data)
    for wrong in (
        good._replace(discrete=good.discrete + 1),
        good._replace(continuous=good.continuous + np.inf),
    ):
        with pytest.raises(EnvError, match=r"Any: the message of actions .*(option|not finite)"):
            reader.read(encode_actions(wrong))
    for damaged in (data[:-1], data[1:], b"\x12" + data[1:], data + b"\x0a"):
        with pytest.raises(EnvError, match="Any: the message of actions cannot be read"):
            reader.read(damaged)
