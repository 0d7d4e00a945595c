"""Small networks and what they look at."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mlagents_tf.nn.bodies import NetworkShape
from mlagents_tf.nn.critics import ActorCritic, SoftActorCritic
from mlagents_tf.nn.group_critic import GroupActorCritic
from mlagents_tf.specs import ActionSpec, ObservationSpec, ObservationType, Spec

ACTIONS = {
    "continuous": ActionSpec(2),
    "discrete": ActionSpec(0, (2, 3)),
    "hybrid": ActionSpec(2, (3,)),
}


def spec_of(actions: ActionSpec, sizes: tuple[int, ...] = (3, 2), goals: int = 0) -> Spec:
    """Vector observations of `sizes`; the first `goals` of them are goal signals."""
    kinds = (ObservationType.DEFAULT, ObservationType.GOAL_SIGNAL)
    observations = tuple(
        ObservationSpec((size,), observation_type=kinds[k < goals]) for k, size in enumerate(sizes)
    )
    return Spec(observations, actions)


def make_network(
    spec: Spec, num_signals: int = 1, seed: int = 0, shared_critic: bool = False, **shape: object
) -> ActorCritic:
    """A network of width 16 that has seen fifty rows if it normalises."""
    wanted = NetworkShape(**{"hidden_units": 16, **shape})
    network = ActorCritic(spec, num_signals, wanted, np.random.default_rng(seed), shared_critic)
    if wanted.normalize:
        network.policy.inputs.observe(random_obs(spec, 50), tf.ones(50))
    return network


def make_group(
    spec: Spec, num_signals: int = 1, seed: int = 0, **shape: object
) -> GroupActorCritic:
    """POCA's network of width 16 that has seen fifty rows if it normalises."""
    wanted = NetworkShape(**{"hidden_units": 16, **shape})
    network = GroupActorCritic(spec, num_signals, wanted, np.random.default_rng(seed))
    if wanted.normalize:
        network.policy.inputs.observe(random_obs(spec, 50), tf.ones(50))
    return network


def make_soft(
    spec: Spec, num_signals: int = 1, seed: int = 0, q_target: bool = False, **shape: object
) -> SoftActorCritic:
    """SAC's network of width 16 that has seen fifty rows if it normalises."""
    wanted = NetworkShape(**{"hidden_units": 16, **shape})
    rng = np.random.default_rng(seed)
    network = SoftActorCritic(spec, num_signals, wanted, rng, q_target=q_target, init_entcoef=0.5)
    if wanted.normalize:
        network.policy.inputs.observe(random_obs(spec, 50), tf.ones(50))
    return network


def random_obs(spec: Spec, n: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Tuple of [n, *obs_k] around 1 with deviation 3."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(1, 3, (n, *o.shape)).astype(np.float32) for o in spec.observations)
