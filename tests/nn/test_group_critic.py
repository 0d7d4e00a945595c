"""The critic of a group: whoever is absent has no say, and the order of mates does not matter."""

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape
from mlagents_tf.nn.group_critic import GroupActorCritic
from mlagents_tf.rewards.check_signal import SPECS, random_obs

GROUPS, PLACES = 3, 4


def network(spec, **keys):
    shape = NetworkShape(**{"hidden_units": 10, "num_layers": 1, **keys})
    made = GroupActorCritic(spec, 2, shape, np.random.default_rng(0))
    for weight in made.critic.trainable_variables:  # zeros hide what they multiply
        weight.assign(weight + 0.1 * np.random.default_rng(1).standard_normal(weight.shape))
    return made


class Crowd:
    """Random agents in `GROUPS` groups; `lasting` are who of each group is present."""

    def __init__(self, spec, present, seed=0):
        rng = np.random.default_rng(seed)
        n = GROUPS * PLACES
        actions = spec.actions
        self.obs = random_obs(spec, n, rng)
        self.continuous = rng.standard_normal((n, actions.continuous_size)).astype(np.float32)
        branches = np.array(actions.discrete_branches, np.int32)
        self.discrete = rng.integers(0, branches, (n, len(branches))).astype(np.int32)
        self.present = np.tile(np.array(present, np.float32), (GROUPS, 1))
        self.memories = np.zeros((n, 0), np.float32)

    def valued(self, network):
        return network.critic(
            network.policy.inputs(tuple(map(tf.constant, self.obs))),
            tf.constant(self.memories),
            network.actions(tf.constant(self.continuous), tf.constant(self.discrete)),
            tf.constant(self.present),
        )

    def each(self, change):
        """Applies `change` to the arrays of agents, [GROUPS, PLACES, ...] each."""
        arrays = [*self.obs, self.continuous, self.discrete]
        changed = [change(x.reshape(GROUPS, PLACES, *x.shape[1:])).reshape(x.shape) for x in arrays]
        *obs, self.continuous, self.discrete = changed
        self.obs = tuple(obs)


SPEC = SPECS["hybrid, one vector"]


@pytest.mark.parametrize("name", ["hybrid, one vector", "hybrid, entities and goal"])
def test_the_order_of_mates_does_not_matter(name):
    made, crowd = network(SPECS[name]), Crowd(SPECS[name], [1, 1, 1, 1])
    values, baselines = crowd.valued(made)
    order = [2, 0, 3, 1]
    crowd.each(lambda x: x[:, order])
    others, other_baselines = crowd.valued(made)
    np.testing.assert_allclose(others, values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(other_baselines, baselines.numpy()[..., order], rtol=1e-4, atol=1e-5)


def test_absent_mates_have_no_say():
    made, crowd = network(SPEC), Crowd(SPEC, [1, 1, 0, 0])
    values, baselines = crowd.valued(made)
    others = Crowd(SPEC, [1, 1, 0, 0], seed=1)
    mine = [*crowd.obs, crowd.continuous, crowd.discrete]
    theirs = [*others.obs, others.continuous, others.discrete]
    mixed = []
    for x, y in zip(mine, theirs, strict=True):
        there = np.tile([True, True, False, False], GROUPS).reshape(-1, *[1] * (x.ndim - 1))
        mixed.append(np.where(there, x, y))
    *obs, crowd.continuous, crowd.discrete = mixed
    crowd.obs = tuple(obs)
    found = crowd.valued(made)
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.baselines[..., :2], baselines[..., :2])


def test_absent_mates_have_no_gradient():
    made, crowd = network(SPEC), Crowd(SPEC, [1, 1, 0, 0])
    obs = tf.Variable(crowd.obs[0])
    continuous = tf.Variable(crowd.continuous)
    with tf.GradientTape() as tape:
        actions = made.actions(continuous, tf.constant(crowd.discrete))
        seen, memories = made.policy.inputs((obs.value(),)), tf.constant(crowd.memories)
        values, baselines = made.critic(seen, memories, actions, tf.constant(crowd.present))
        total = tf.reduce_sum(values) + tf.reduce_sum(baselines[..., :2])
    of_obs, of_actions = tape.gradient(total, [obs, continuous])
    absent = np.tile([False, False, True, True], GROUPS)
    for gradient in (of_obs.numpy(), of_actions.numpy()):
        assert not gradient[absent].any()
        assert gradient[~absent].any(axis=1).all()


def test_a_baseline_knows_what_mates_do_and_not_what_the_agent_does():
    made, crowd = network(SPEC), Crowd(SPEC, [1, 1, 1, 1])
    values, baselines = crowd.valued(made)
    first = np.arange(GROUPS * PLACES) % PLACES == 0
    crowd.continuous = np.where(first[:, None], crowd.continuous + 1.0, crowd.continuous)
    found = crowd.valued(made)
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(found.baselines[..., 0], baselines[..., 0])
    assert (np.abs(found.baselines - baselines)[..., 1:] > 1e-5).all()


def test_what_an_agent_remembers_is_seen_by_its_mates_and_by_itself():
    made, crowd = network(SPEC, memory_size=6), Crowd(SPEC, [1, 1, 1, 1])
    crowd.memories = np.zeros((GROUPS * PLACES, 6), np.float32)
    values, baselines = crowd.valued(made)
    crowd.memories[::PLACES] = 1.0  # the first of each group
    found = crowd.valued(made)
    assert (np.abs(found.values - values) > 1e-5).all()
    assert (np.abs(found.baselines - baselines) > 1e-5).all()


def test_padding_changes_nothing():
    made, crowd = network(SPEC), Crowd(SPEC, [1, 1, 0, 0])
    values, baselines = crowd.valued(made)
    keep = np.tile([True, True, False, False], GROUPS)
    crowd.obs = tuple(x[keep] for x in crowd.obs)
    crowd.continuous, crowd.discrete = crowd.continuous[keep], crowd.discrete[keep]
    crowd.present, crowd.memories = crowd.present[:, :2], crowd.memories[keep]
    found = crowd.valued(made)
    np.testing.assert_allclose(found.values, values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.baselines, baselines[..., :2], rtol=1e-4, atol=1e-5)


def test_an_agent_alone_is_worth_its_baseline():
    made = network(SPEC)
    values, baselines = Crowd(SPEC, [1, 0, 0, 0]).valued(made)
    np.testing.assert_allclose(baselines[..., 0], values, rtol=1e-5, atol=1e-6)


def test_the_largest_group_is_remembered():
    made = network(SPEC)
    made.critic.meet(tf.constant([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]))
    made.critic.meet(tf.constant([[1.0, 0.0, 0.0]]))
    assert float(made.critic.largest.numpy()) == 3.0
