"""What Gymnasium and PettingZoo see of a Unity player is what they see of the environment in it."""

import pytest
from gymnasium.utils.env_checker import data_equivalence

from mlagents_tf.envs.gymnasium_single import EnvAsGymEnv
from mlagents_tf.envs.pettingzoo import EnvAsParallelEnv
from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.unity.connection import Connection
from mlagents_tf.envs.unity.env import UnityEnv
from mlagents_tf.envs.unity.server import ExchangeServer
from tests.envs.unity.players import ThreadPlayer


@pytest.fixture
def over_the_wire():
    """Connects to a player that plays an embedded environment."""
    opened = []

    def connect(name, num_areas):
        server = ExchangeServer(0)
        player = ThreadPlayer(make_env(name, num_areas=num_areas, seed=3), server.port)
        player.start()
        opened.append((UnityEnv(Connection(server, timeout=20)), player))
        return opened[-1][0]

    yield connect
    for env, player in opened:
        env.close()
        player.join(20)


@pytest.mark.parametrize("name", ["3DBall", "FoodCollector", "toy-fuzz"])
def test_pettingzoo_sees_the_same(over_the_wire, name):
    env = EnvAsParallelEnv(over_the_wire(name, 2), action_masks=True)
    twin = EnvAsParallelEnv(make_env(name, num_areas=2, seed=3), action_masks=True)
    assert data_equivalence(env.reset(), twin.reset(), exact=True)
    for _ in range(40):
        assert env.agents == twin.agents
        actions = {name: twin.action_space(name).sample() for name in twin.agents}
        assert data_equivalence(env.step(actions), twin.step(actions), exact=True)


@pytest.mark.parametrize("name", ["3DBall", "GridWorldVector", "Sorter"])
def test_gymnasium_sees_the_same(over_the_wire, name):
    env = EnvAsGymEnv(over_the_wire(name, 1))
    twin = EnvAsGymEnv(make_env(name, num_areas=1, seed=3))
    for _ in range(3):
        assert data_equivalence(env.reset(), twin.reset(), exact=True)
        for _ in range(50):
            action = twin.action_space.sample()
            seen = twin.step(action)
            assert data_equivalence(env.step(action), seen, exact=True)
            if seen[2] or seen[3]:
                break
