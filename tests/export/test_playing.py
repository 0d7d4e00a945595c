"""A model decides as an actor does, and hands back what it remembers."""

import numpy as np
import pytest

from mlagents_tf.export.playing import ModelActor
from mlagents_tf.trainers.actor import Actor
from tests.export.policies import Unwritten, inputs_of, make_policy

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def policy():
    return make_policy("hybrid", memory="memory")


@pytest.fixture(scope="module")
def model_actor(policy):
    return ModelActor(Unwritten(policy), policy.spec, deterministic=True)


def test_a_model_decides_and_remembers_as_an_actor_does(policy, model_actor):
    actor = Actor(policy, deterministic=True)
    obs, allowed, memories, _ = inputs_of(policy)
    expected = actor.decide(obs, allowed, RNG, memories)
    found = model_actor.decide(obs, allowed, RNG, memories)
    assert model_actor.memory_size == actor.memory_size == 6
    np.testing.assert_allclose(found.memories, expected.memories, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        found.actions.continuous, expected.actions.continuous, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(found.actions.discrete, expected.actions.discrete)


def test_who_is_given_no_memories_remembers_nothing(policy, model_actor):
    obs, allowed, _, _ = inputs_of(policy)
    expected = model_actor.decide(obs, allowed, RNG, np.zeros((7, 6), np.float32))
    found = model_actor.decide(obs, allowed, RNG)
    np.testing.assert_array_equal(found.memories, expected.memories)


def test_where_nobody_decides_nothing_is_remembered(policy, model_actor):
    obs = tuple(np.zeros((0, *o.shape), np.float32) for o in policy.spec.observations)
    found = model_actor.decide(obs, None, RNG, np.zeros((0, 6), np.float32))
    assert found.memories.shape == (0, 6)
    assert found.actions.continuous.shape == (0, 2)


def test_a_model_without_memory_remembers_nothing():
    policy = make_policy("continuous")
    actor = ModelActor(Unwritten(policy), policy.spec, deterministic=True)
    obs, allowed, memories, _ = inputs_of(policy)
    assert actor.memory_size == 0
    assert actor.decide(obs, allowed, RNG, memories).memories.shape == (7, 0)
