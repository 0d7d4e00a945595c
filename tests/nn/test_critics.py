"""SAC's network: what is valued, what follows slowly, and what entropy is worth."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.critics import EntropyCoefficients, ValueHeads
from mlagents_tf.nn.weights import named_weights
from mlagents_tf.specs import ActionSpec
from tests.nn.networks import ACTIONS, make_soft, random_obs, spec_of

BOTH = pytest.mark.parametrize("q_target", [False, True])
HYBRID = spec_of(ACTIONS["hybrid"])  # two dimensions, three options


def arrays(network):
    return {name: weight.numpy() for name, weight in named_weights(network).items()}


def part(network, name):
    """Weights of one part, by their names in it."""
    return {n.removeprefix(name): a for n, a in arrays(network).items() if n.startswith(name + "/")}


def pairs(network):
    """Names of what follows and what is followed."""
    return [(target.name, target.name.removeprefix("target_")) for target in network.targets]


def shifted(network, amount):
    """Adds `amount` to all that is followed."""
    for source in network.sources:
        for weight in source.weights:
            weight.assign_add(tf.fill(weight.shape, amount))


@BOTH
@pytest.mark.parametrize("goals", [0, 1])
def test_targets_are_equal_to_what_they_follow_at_the_start(q_target, goals):
    network = make_soft(spec_of(ACTIONS["hybrid"], goals=goals), q_target=q_target, num_signals=2)
    expected = (
        [("target_q1", "q1"), ("target_q2", "q2")] if q_target else [("target_value", "value")]
    )
    assert pairs(network) == expected
    for target, source in expected:
        slow, fast = part(network, target), part(network, source)
        assert slow.keys() == fast.keys() != set()
        for name in slow:
            np.testing.assert_array_equal(slow[name], fast[name], err_msg=name)


@BOTH
def test_targets_follow_by_tau(q_target):
    network = make_soft(HYBRID, q_target=q_target)
    start = arrays(network)
    shifted(network, 1.0)
    network.follow(0.25)  # 0.25 of the way
    network.follow(0.25)  # and 0.25 of the remaining 0.75
    for target, source in pairs(network):
        for name, array in part(network, target).items():
            np.testing.assert_allclose(array, start[target + name] + 0.4375, atol=1e-6)
            np.testing.assert_allclose(part(network, source)[name], start[source + name] + 1)


@BOTH
def test_following_with_tau_1_copies_and_nothing_else_moves(q_target):
    network = make_soft(HYBRID, q_target=q_target)
    shifted(network, 1.0)
    before = arrays(network)
    network.follow(1.0)
    for target, source in pairs(network):
        for name, array in part(network, target).items():
            np.testing.assert_allclose(array, part(network, source)[name], atol=1e-6)
    for name, array in arrays(network).items():
        if not name.startswith("target_"):
            np.testing.assert_array_equal(array, before[name], err_msg=name)


@BOTH
def test_targets_are_not_trained_and_all_else_is_once(q_target):
    network = make_soft(HYBRID, q_target=q_target, normalize=True)
    trained = network.trainable_variables
    still = {id(w) for critic in network.targets for w in critic.weights}
    still |= {id(w) for w in network.policy.inputs.weights}
    assert {id(w) for w in network.weights} - {id(w) for w in trained} == still
    assert len({id(w) for w in trained}) == len(trained)
    groups = [
        network.policy.trainable_variables,
        network.critic_variables,
        network.entropy_coefficients.trainable_variables,
    ]
    assert sorted(id(w) for group in groups for w in group) == sorted(map(id, trained))


@BOTH
def test_no_two_critics_are_drawn_alike(q_target):
    network = make_soft(HYBRID, q_target=q_target)
    kernels = {
        name: array
        for name, array in arrays(network).items()
        if "kernel" in name and not name.startswith("target_")
    }
    starts = {array.ravel()[0] / array.std() for array in kernels.values()}
    assert len(starts) == len(kernels)
    seen = network.policy.inputs(random_obs(HYBRID, 4))
    one, other = (critic(seen, tf.zeros([4, 2])).numpy() for critic in (network.q1, network.q2))
    assert (np.abs(one - other) > 1e-3).all()


@BOTH
@pytest.mark.parametrize("goals", [0, 1])
@pytest.mark.parametrize("actions", ACTIONS)
def test_every_weight_has_a_name_of_its_own_that_stays(actions, q_target, goals):
    spec = spec_of(ACTIONS[actions], goals=goals)
    one, other = (make_soft(spec, q_target=q_target, normalize=True, seed=seed) for seed in (0, 1))
    assert len(named_weights(one)) == len(one.weights)
    assert list(named_weights(one)) == list(named_weights(other))
    assert {name: a.shape for name, a in arrays(one).items()} == {
        name: a.shape for name, a in arrays(other).items()
    }


def test_names_of_weights_are_those_of_checkpoints():
    network = make_soft(HYBRID, num_layers=1, normalize=True)
    critics = [
        f"{c}/{w}"
        for c in ("q1", "q2", "value", "target_value")
        for w in ("dense_0/kernel", "dense_0/bias", "values/kernel", "values/bias")
    ]
    policy = ["actor/dense_0/kernel", "actor/dense_0/bias"]
    policy += [
        f"action_heads/{head}/{w}"
        for head in ("means", "logits", "log_stds_of")
        for w in ("kernel", "bias")
    ]
    policy += [f"inputs/normalizer/{name}" for name in ("mean", "variance_sum", "rows")]
    logs = ["entropy_coefficients/entropy_coefficients/logs"]
    assert sorted(named_weights(network)) == sorted(critics + policy + logs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("q1/dense_0/kernel", 1 / np.sqrt(202)),  # observations and two actions
        ("q2/dense_1/kernel", 1 / np.sqrt(256)),
        ("value/dense_0/kernel", 1 / np.sqrt(200)),
        ("action_heads/means/kernel", 0.2 / np.sqrt(256)),
        ("action_heads/log_stds_of/kernel", 0.2 / np.sqrt(256)),
        ("action_heads/logits/kernel", 0.1 / np.sqrt(256)),
        ("q1/values/kernel", np.sqrt(2 / (256 + 3))),  # Glorot of each signal's head alone
        ("value/values/kernel", np.sqrt(2 / (256 + 1))),
    ],
)
def test_initial_weights_have_the_deviation_of_their_kind(name, expected):
    network = make_soft(spec_of(ACTIONS["hybrid"], (200,)), num_signals=8, hidden_units=256)
    np.testing.assert_allclose(arrays(network)[name].std(), expected, rtol=0.1)


def test_biases_start_at_zero():
    for name, array in arrays(make_soft(HYBRID)).items():
        if name.endswith("bias"):
            assert not array.any(), name


@BOTH
def test_critics_have_the_shapes_of_signals_and_options(q_target):
    for actions, options in (("continuous", 1), ("discrete", 5), ("hybrid", 3)):
        spec = spec_of(ACTIONS[actions])
        network = make_soft(spec, num_signals=2, q_target=q_target)
        seen = network.policy.inputs(random_obs(spec, 4))
        continuous = tf.zeros([4, spec.actions.continuous_size])
        for critic in (network.q1, network.q2):
            assert critic(seen, continuous).shape == (2, 4, options)
        if q_target:
            assert network.value is None
            assert [t(seen, continuous).shape for t in network.targets] == [(2, 4, options)] * 2
        else:
            assert network.value(seen).shape == (2, 4, 1)
            assert network.targets[0](seen).shape == (2, 4, 1)


def test_heads_hand_out_options_signal_by_signal():
    heads = ValueHeads(1, num_signals=2, seed=0, num_options=3)
    heads.dense.kernel.assign([[1.0, 2.0, 3.0, 10.0, 20.0, 30.0]])
    np.testing.assert_allclose(
        heads(tf.constant([[1.0], [2.0]])),
        [[[1, 2, 3], [2, 4, 6]], [[10, 20, 30], [20, 40, 60]]],
    )


@pytest.mark.parametrize("goals", [0, 1])
def test_q_depends_on_observations_goals_and_actions_and_value_on_no_action(goals):
    spec = spec_of(ACTIONS["continuous"], (3, 2), goals)
    network = make_soft(spec)
    seen = network.policy.inputs(random_obs(spec, 4))
    assert seen.goals.shape == (4, 3 * goals)
    watched = [seen.vector, tf.zeros([4, 2])] + ([seen.goals] if goals else [])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(watched)
        q = network.q1(seen, watched[1])
        v = network.value(seen)
    for tensor in watched:
        assert np.abs(tape.gradient(q, tensor)).min() > 0
    assert tape.gradient(v, watched[1]) is None
    assert np.abs(tape.gradient(v, seen.vector)).min() > 0


def test_goals_make_the_last_layer_of_every_critic():
    names = named_weights(make_soft(spec_of(ACTIONS["continuous"], goals=1)))
    for critic in ("actor", "q1", "q2", "value", "target_value"):
        assert f"{critic}/hyper/kernels" in names
    as_inputs = make_soft(spec_of(ACTIONS["continuous"], goals=1), separate_goals=False)
    assert not any("hyper" in name for name in named_weights(as_inputs))


def test_critics_see_what_the_policys_normaliser_puts_out():
    network = make_soft(HYBRID, normalize=True)
    obs = random_obs(HYBRID, 4)
    seen = network.policy.inputs(obs)
    rows = np.concatenate(obs, axis=1)
    statistics = part(network, "inputs")
    deviations = np.sqrt(statistics["/normalizer/variance_sum"] / 51)
    expected = (rows - statistics["/normalizer/mean"]) / deviations
    np.testing.assert_allclose(seen.vector, np.clip(expected, -5, 5), rtol=1e-4, atol=1e-5)
    assert seen.goals.shape == (4, 0)


def test_entropy_coefficients_start_at_their_first_value():
    coefficients = EntropyCoefficients(ActionSpec(3, (2, 4)), 0.1)
    np.testing.assert_allclose(coefficients.logs, [np.log(0.1)] * 3, rtol=1e-6)
    np.testing.assert_allclose(coefficients.values, [0.1] * 3, rtol=1e-6)


def test_entropy_targets_are_ml_agents():
    coefficients = EntropyCoefficients(ActionSpec(3, (2, 4)), 1.0)
    expected = [0.2 * np.log(2), 0.2 * np.log(4), -3.0]
    np.testing.assert_allclose(coefficients.targets, expected, rtol=1e-6)
    np.testing.assert_allclose(coefficients.shares, [0.5, 0.5, 1.0])


def test_one_kind_of_action_has_no_coefficient_of_the_other():
    continuous, discrete = (
        EntropyCoefficients(a, 1.0) for a in (ActionSpec(2), ActionSpec(0, (5,)))
    )
    np.testing.assert_allclose(continuous.targets, [-2.0])
    np.testing.assert_allclose(continuous.shares, [1.0])
    np.testing.assert_allclose(discrete.targets, [0.2 * np.log(5)], rtol=1e-6)
    np.testing.assert_allclose(discrete.shares, [1.0])


def test_the_same_seed_gives_the_same_network_and_another_another():
    one, same, other = (arrays(make_soft(HYBRID, seed=seed)) for seed in (0, 0, 1))
    for name, array in one.items():
        np.testing.assert_array_equal(array, same[name], err_msg=name)
    assert any((array != other[name]).any() for name, array in one.items())


@BOTH
def test_both_variants_begin_with_the_same_policy_and_the_same_q(q_target):
    one, other = arrays(make_soft(HYBRID, q_target=q_target)), arrays(make_soft(HYBRID))
    for name in one.keys() & other.keys():
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert {"q1/dense_0/kernel", "actor/dense_0/kernel"} <= one.keys() & other.keys()
