"""The NumPy mirror computes what the Keras policy computes."""

import itertools

import numpy as np
import pytest

from mlagents_tf.data.mlp import MLP, Dense, swish
from mlagents_tf.trainers import actor as actor_module
from mlagents_tf.trainers.actor import Actor, Weights, mirrors
from tests.nn.networks import ACTIONS, make_network, make_soft, random_obs, spec_of

SHAPES = list(itertools.product(ACTIONS, [False, True], [1, 2, 3], [0, 1]))


def mirror(policy):
    weights = Weights(policy.weights)
    weights.packed[:] = policy.packed_weights()
    return mirrors(policy, None, weights)[0]


def random_memories(policy, rows):
    return np.random.default_rng(9).standard_normal((rows, policy.memory_size), np.float32)


def assert_mirrored(policy):
    obs, memories = random_obs(policy.spec, 20), random_memories(policy, 20)
    means, log_stds, logits, after = policy(obs, memories)
    outputs = [means, log_stds, logits] if policy.tanh else [means, logits]
    found, remembered = mirror(policy)(obs, memories)
    np.testing.assert_allclose(found, np.concatenate(outputs, axis=1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(remembered, after, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("actions", "normalize", "num_layers", "goals"), SHAPES)
def test_the_mirror_agrees_with_keras(actions, normalize, num_layers, goals):
    spec = spec_of(ACTIONS[actions], (3, 2, 4), goals)
    assert_mirrored(make_network(spec, normalize=normalize, num_layers=num_layers).policy)


@pytest.mark.parametrize(("actions", "goals"), list(itertools.product(ACTIONS, [0, 1])))
def test_the_mirror_agrees_with_deviations_that_depend_on_observations(actions, goals):
    assert_mirrored(make_soft(spec_of(ACTIONS[actions], (3, 2), goals), normalize=True).policy)


@pytest.mark.parametrize("shared_critic", [False, True])
def test_one_observation_and_a_shared_critic_are_mirrored_too(shared_critic):
    spec = spec_of(ACTIONS["hybrid"], (4,))
    assert_mirrored(make_network(spec, normalize=True, shared_critic=shared_critic).policy)


@pytest.mark.parametrize("make", [make_network, make_soft])
@pytest.mark.parametrize("goals", [0, 1])
def test_a_memory_is_mirrored_too(make, goals):
    spec = spec_of(ACTIONS["hybrid"], (3, 2), goals)
    assert_mirrored(make(spec, normalize=True, memory_size=6).policy)


def test_goals_that_are_ordinary_inputs_are_mirrored_too():
    spec = spec_of(ACTIONS["hybrid"], (3, 2, 4), goals=1)
    assert_mirrored(make_network(spec, normalize=True, separate_goals=False).policy)


def test_the_mirror_leaves_observations_as_they_are():
    policy = make_network(spec_of(ACTIONS["continuous"], (3,)), normalize=True).policy
    obs = random_obs(policy.spec, 5)
    before = obs[0].copy()
    mirror(policy)(obs, random_memories(policy, 5))
    np.testing.assert_array_equal(obs[0], before)


def test_the_mirror_leaves_memories_as_they_are():
    policy = make_network(spec_of(ACTIONS["continuous"], (3,)), memory_size=4).policy
    memories = random_memories(policy, 5)
    before = memories.copy()
    mirror(policy)(random_obs(policy.spec, 5), memories)
    np.testing.assert_array_equal(memories, before)


def test_the_mirror_keeps_its_weights_while_the_policy_changes():
    policy = make_network(spec_of(ACTIONS["continuous"])).policy
    copy, obs = mirror(policy), random_obs(policy.spec, 5)
    memories = random_memories(policy, 5)
    before = copy(obs, memories)[0]
    for weight in policy.trainable_variables:
        weight.assign_add(weight + 1.0)
    np.testing.assert_array_equal(copy(obs, memories)[0], before)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0.7310586), (-1, -0.2689414), (1000, 1000)])
def test_the_activation_is_x_times_its_sigmoid(x, y):
    np.testing.assert_allclose(swish(np.array([x], np.float32)), [y], rtol=1e-6)


def test_the_activation_of_a_very_negative_number_is_zero_without_overflow():
    np.testing.assert_allclose(swish(np.array([-1e6], np.float32)), [0.0], atol=1e-20)


def test_normalised_inputs_stay_within_the_clip():
    one = Dense(np.ones((1, 1), np.float32), np.zeros(1, np.float32))
    scale = np.array([1.0], np.float32), np.array([0.5], np.float32)
    mlp = MLP((0,), goal_size=0, scale=scale, clip=5.0, layers=(), hyper=None, lstm=None, head=one)
    found, _ = mlp((np.array([[2.0], [100.0], [-100.0]], np.float32),), np.zeros((3, 0)))
    np.testing.assert_allclose(found, [[2.0], [5.0], [-5.0]])


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("make", [make_network, make_soft])
@pytest.mark.parametrize("memory_size", [0, 4])
def test_many_agents_go_through_a_graph_with_the_same_outputs(n, make, memory_size, monkeypatch):
    network = make(spec_of(ACTIONS["hybrid"]), normalize=True, memory_size=memory_size)
    actor = Actor(network.policy, critic=getattr(network, "critic_body", None))
    obs = random_obs(actor.spec, n)
    memories = np.random.default_rng(9).standard_normal((n, actor.memory_size), np.float32)
    in_numpy = actor.outputs(obs, memories)
    monkeypatch.setattr(actor_module, "MIRROR_LIMIT", 0)
    for a, b in zip(in_numpy, actor.outputs(obs, memories), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_no_agents_get_no_actions():
    policy = make_network(spec_of(ACTIONS["hybrid"]), normalize=True).policy
    obs = random_obs(policy.spec, 0)
    decision = Actor(policy).decide(obs, None, np.random.default_rng(0))
    assert decision.actions.continuous.shape == (0, 2)
    assert decision.actions.discrete.shape == (0, 1)
