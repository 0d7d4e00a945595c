"""Over fifty episodes an exported policy earns what it earns in the run, episode by episode.

Of a policy that has learned to remember test_playing.py says the same.
"""

import numpy as np
import pytest

from mlagents_tf.envs.registry import make_env
from mlagents_tf.export.formats import SUFFIXES, export_policy
from mlagents_tf.export.models import open_model
from mlagents_tf.export.playing import ModelActor, ModelPlayer
from mlagents_tf.run.evaluate import evaluate
from mlagents_tf.trainers.actor import Actor
from tests.nn.networks import make_network, make_soft

EPISODES, AREAS, LONGEST = 50, 8, 200
KINDS = {
    "vector": ("toy-masked", make_network, 0),
    "vector, continuous": ("3DBall", make_soft, 0),
    "vector, hybrid": ("toy-hybrid", make_soft, 0),
    "image": ("toy-image", make_network, 0),
    "image and memory": ("toy-image", make_soft, 8),
    "image and goal": ("GridWorld", make_network, 0),
    "entities": ("Sorter", make_network, 0),
    "entities and memory": ("Sorter", make_network, 8),
    "goal": ("GridWorldVector", make_network, 0),
    "goal and memory": ("GridWorldVector", make_soft, 8),
}


def make_policy(env, make, memory_size):
    """One that was never trained; its heads are drawn so that it does one thing or another."""
    (spec,) = make_env(env).specs.values()
    policy = make(spec, normalize=True, memory_size=memory_size).policy
    rng = np.random.default_rng(3)
    for weight in policy.heads.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape) if weight.ndim > 1 else 0 * weight)
    return policy


class Noting(Actor):
    """Notes what it does."""

    def __init__(self, policy):
        super().__init__(policy, deterministic=True)
        self.noted = []

    def decide(self, *args):
        decision = super().decide(*args)
        self.noted.append(np.concatenate(decision.actions, axis=1))
        return decision


def play(env, actor):
    """The log of fifty episodes."""
    world = make_env(env, num_areas=AREAS, seed=7)
    (behavior,) = world.specs
    players = {behavior: ModelPlayer(actor)}
    return evaluate(world, players, EPISODES, max_episode_steps=LONGEST)[behavior]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_format_earns_the_same(kind, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    env, *shape = KINDS[kind]
    policy = make_policy(env, *shape)
    actor = Noting(policy)
    expected = play(env, actor)
    assert len(np.unique(np.concatenate(actor.noted), axis=0)) > 1
    for name, suffix in SUFFIXES.items():
        path = tmp_path / f"model{suffix}"
        export_policy(policy, name, path)
        found = play(env, ModelActor(open_model(path), policy.spec, deterministic=True))
        np.testing.assert_array_equal(found.lengths, expected.lengths, err_msg=name)
        np.testing.assert_allclose(found.returns, expected.returns, rtol=1e-4, err_msg=name)
