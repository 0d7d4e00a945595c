"""What a model must be to play a behavior is said in a sentence."""

import numpy as np
import pytest

from mlagents_tf.export.contract import feeds, memory_size_of, misfit
from mlagents_tf.specs import ActionSpec
from tests.export.policies import Unwritten, make_policy


@pytest.fixture(scope="module")
def policy():
    return make_policy("hybrid", memory="memory")


def test_a_model_may_remember_what_it_likes(policy):
    model = Unwritten(policy)
    assert misfit(model, policy.spec) == ""
    assert memory_size_of(model) == 6


def test_what_a_model_remembers_must_be_its_memory_size(policy):
    model = Unwritten(policy, memory_size=lambda _: np.float32([8]))
    assert misfit(model, policy.spec) == "its memory_size is [8.0], but must be [6.0]"


def test_a_model_without_memory_must_have_memory_size_0():
    policy = make_policy("continuous")
    model = Unwritten(policy, memory_size=lambda _: np.float32([8]))
    assert misfit(model, policy.spec) == "its memory_size is [8.0], but must be [0.0]"


def test_what_is_remembered_must_come_out_again(policy):
    model = Unwritten(policy)
    model.outputs = tuple(name for name in model.outputs if name != "recurrent_out")
    assert misfit(model, policy.spec) == "it has no output recurrent_out"


def test_what_comes_out_must_be_as_large_as_what_goes_in(policy):
    model = Unwritten(policy, recurrent_out=lambda outputs: outputs["recurrent_out"][..., :3])
    assert misfit(model, policy.spec) == "its recurrent_out is [1, 3], but must be [1, 6]"


def test_memories_of_a_size_that_is_not_known_do_not_fit(policy):
    model = Unwritten(policy)
    model.inputs = model.inputs | {"recurrent_in": (1, "memory")}
    assert "recurrent_in [1, 'memory'], but must be action_masks" in misfit(model, policy.spec)


def test_a_model_is_given_what_agents_see_may_do_and_remember():
    obs, memories = np.uint8([[51], [255]]), np.float32([[1, 2], [3, 4]])
    allowed = np.bool_([[True, False], [True, True]])
    given = feeds(ActionSpec(0, (2,)), (obs,), allowed, memories)
    np.testing.assert_allclose(given["obs_0"], [[0.2], [1.0]])
    np.testing.assert_array_equal(given["action_masks"], [[1, 0], [1, 1]])
    np.testing.assert_array_equal(given["recurrent_in"], [[[1, 2]], [[3, 4]]])
