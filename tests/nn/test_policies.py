"""Networks start as ML-Agents' do, and can be rebuilt from a seed."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.weights import named_weights
from tests.nn.networks import ACTIONS, make_network, random_obs, spec_of

WIDE = spec_of(ACTIONS["hybrid"], (200,))


def arrays(network):
    return {name: weight.numpy() for name, weight in named_weights(network).items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("actor/dense_0/kernel", 1 / np.sqrt(200)),
        ("critic/dense_1/kernel", 1 / np.sqrt(256)),
        ("action_heads/means/kernel", 0.2 / np.sqrt(256)),
        ("action_heads/logits/kernel", 0.1 / np.sqrt(256)),
        ("value_heads/values/kernel", np.sqrt(2 / (256 + 8))),  # Glorot
    ],
)
def test_initial_weights_have_the_deviation_of_their_kind(name, expected):
    kernel = arrays(make_network(WIDE, num_signals=8, hidden_units=256))[name]
    np.testing.assert_allclose(kernel.std(), expected, rtol=0.1)


def test_biases_and_log_deviations_start_at_zero():
    network = make_network(WIDE)
    for name, array in arrays(network).items():
        if name.endswith(("bias", "log_stds")):
            assert not array.any(), name


def test_the_same_seed_gives_the_same_network_and_another_another():
    one, same, other = (arrays(make_network(WIDE, seed=seed)) for seed in (0, 0, 1))
    assert one.keys() == same.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, same[name], err_msg=name)
    assert any((array != other[name]).any() for name, array in one.items())


def test_no_two_kernels_are_drawn_alike():
    kernels = [array for name, array in arrays(make_network(WIDE)).items() if "kernel" in name]
    starts = {array.ravel()[0] / array.std() for array in kernels}
    assert len(starts) == len(kernels)


@pytest.mark.parametrize("shared_critic", [False, True])
@pytest.mark.parametrize("goals", [0, 1])
def test_every_weight_has_a_name_of_its_own(shared_critic, goals):
    spec = spec_of(ACTIONS["hybrid"], (3, 2), goals)
    network = make_network(spec, normalize=True, shared_critic=shared_critic)
    assert len(named_weights(network)) == len(network.weights)


def test_a_shared_critic_has_one_body_and_its_own_heads():
    network = make_network(WIDE, shared_critic=True)
    assert network.critic_body is network.policy.body
    assert not any(name.startswith("critic/") for name in named_weights(network))
    alone = make_network(WIDE)
    body = sum(array.size for name, array in arrays(alone).items() if name.startswith("critic/"))
    sizes = [sum(array.size for array in arrays(made).values()) for made in (network, alone)]
    assert sizes == [sizes[1] - body, sizes[1]]


@pytest.mark.parametrize("shared_critic", [False, True])
def test_a_value_loss_reaches_the_actor_only_through_a_shared_body(shared_critic):
    network = make_network(WIDE, shared_critic=shared_critic)
    with tf.GradientTape() as tape:
        _, values = network.distribution_and_values(random_obs(WIDE, 4), None)
        loss = tf.reduce_sum(values)
    first = network.policy.body.trainable_variables[0].value
    assert (tape.gradient(loss, first) is not None) == shared_critic


@pytest.mark.parametrize("actions", ACTIONS)
def test_outputs_have_the_shapes_of_the_spec(actions):
    spec = spec_of(ACTIONS[actions])
    network = make_network(spec, num_signals=3)
    means, _, logits, _ = network.policy(random_obs(spec, 4))
    assert means.shape == (4, spec.actions.continuous_size)
    assert logits.shape == (4, spec.actions.num_discrete)
    _, values = network.distribution_and_values(random_obs(spec, 4), None)
    assert values.shape == (3, 4)


def test_masks_reach_the_distribution():
    spec = spec_of(ACTIONS["discrete"])
    allowed = np.array([[True, False, True, True, False]])
    distribution, _ = make_network(spec).distribution_and_values(random_obs(spec, 1), allowed)
    np.testing.assert_array_equal(distribution.logits.numpy() < -1e7, ~allowed)


def test_actions_of_three_deviations_are_the_environments_one():
    policy = make_network(WIDE).policy
    np.testing.assert_allclose(
        policy.squashed(tf.constant([-6.0, -3.0, 1.5, 9.0])), [-1, -1, 0.5, 1]
    )
