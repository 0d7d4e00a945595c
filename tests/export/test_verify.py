"""A model is compared with its policy in all that it puts out."""

import numpy as np
import pytest

from mlagents_tf.errors import DataError
from mlagents_tf.export.verify import verify
from tests.export.policies import Unwritten, make_policy


@pytest.fixture(scope="module")
def policy():
    return make_policy("continuous", memory="memory")


def test_a_model_of_the_same_function_does_not_differ(policy):
    assert verify(policy, Unwritten(policy)) < 1e-6


def test_a_model_that_remembers_something_else_differs(policy):
    model = Unwritten(policy, recurrent_out=lambda outputs: outputs["recurrent_out"] * 1.001)
    with pytest.raises(DataError, match="recurrent_out differs from the policy by"):
        verify(policy, model)


def test_a_model_that_does_not_use_its_own_memory_differs(policy):
    model = Unwritten(policy)
    run = model.run
    model.run = lambda feeds: run(feeds | {"recurrent_in": np.zeros_like(feeds["recurrent_in"])})
    with pytest.raises(DataError, match="differs from the policy by"):
        verify(policy, model)


def test_differences_that_memory_adds_up_are_found(policy):
    # each decision is right within 1e-5; ten of them, one after another, are not
    model = Unwritten(policy, recurrent_out=lambda outputs: outputs["recurrent_out"] + 6e-6)
    with pytest.raises(DataError, match="differs from the policy by"):
        verify(policy, model)


def test_a_model_without_memory_is_no_model_of_a_policy_that_remembers(policy):
    with pytest.raises(DataError, match="it remembers 0 numbers, the policy 6"):
        verify(policy, Unwritten(make_policy("continuous")))
