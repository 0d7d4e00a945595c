import numpy as np
import pytest

from mlagents_tf.envs.check import check_step, random_actions
from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.unity.channels import ENVIRONMENT_PARAMETERS, unpack
from mlagents_tf.envs.unity.connection import Connection
from mlagents_tf.envs.unity.env import UnityEnv
from mlagents_tf.envs.unity.server import ExchangeServer
from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.messages import STATUS_END, Capability, Command, Player
from tests.envs.unity.players import ThreadPlayer
from tests.protobuf.test_steps import assert_same

OLD = Player("1.0.8", "1.0.0", Capability.BASE)
EMBEDDED = [
    "3DBall",
    "Basic",
    "Hallway",
    "GridWorld",
    "Match3",
    "FoodCollector",
    "Sorter",
    "toy-fuzz",
]


@pytest.fixture
def connected():
    """Connects an embedded environment by name; returns the environment, and its player."""
    opened = []

    def connect(name, player=None, **options):
        server = ExchangeServer(0)
        thread = ThreadPlayer(make_env(name, num_areas=5, seed=3), server.port, player)
        thread.start()
        opened.append(thread)
        env = UnityEnv(Connection(server, timeout=20, **options))
        opened.append(env)
        return env, thread

    yield connect
    for each in reversed(opened):
        each.close() if isinstance(each, UnityEnv) else each.join(20)


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_environment_is_the_same_over_the_wire(connected, name):
    env, _ = connected(name)
    twin = make_env(name, num_areas=5, seed=3)
    rng = np.random.default_rng(0)
    steps, expected = env.reset(), twin.reset()
    for _ in range(60):
        assert list(steps) == list(expected)
        for behavior, step in steps.items():
            check_step(behavior, env.specs[behavior], step)
            wanted = expected[behavior]
            if step.allowed_actions is None:
                wanted = wanted._replace(allowed_actions=None)
            assert_same(step, wanted)
        actions = {
            behavior: random_actions(rng, twin.specs[behavior].actions, step)
            for behavior, step in expected.items()
        }
        steps, expected = env.step(actions), twin.step(actions)
    twin.close()


def test_both_sides_introduce_themselves(connected):
    env, player = connected("Basic", seed=7, num_areas=2)
    trainer = player.inputs[0].trainer
    assert (trainer.seed, trainer.num_areas) == (7, 2)
    assert (trainer.package_version, trainer.communication_version) == ("1.1.0", "1.5.0")
    assert env._connection.player.name == "AcademySingleton"
    assert len(player.inputs) == 1  # the second message waits for the first reset
    assert not env.specs


def test_a_player_of_before_hybrid_actions(connected):
    with pytest.warns(UserWarning, match=r"package 1.0.8\) does not know hybrid actions"):
        env, player = connected("Basic", OLD)
    step = env.reset()["Basic"]
    actions = random_actions(np.random.default_rng(0), env.specs["Basic"].actions, step)
    env.step({"Basic": actions})
    assert player.inputs[0].trainer.package_version == "0.16.1"
    assert b"\x0a\x04" in bytes(player.inputs[-1].actions["Basic"])  # an option as a float


def test_environment_parameters_are_sent_with_a_reset(connected):
    env, player = connected("Basic")
    env.reset({"scale": 1.5})
    assert player.inputs[1].command == Command.RESET
    sent = list(unpack(memoryview(player.inputs[1].side_channel)))
    message = b"\5\0\0\0scale" + b"\0\0\0\0" + np.float32(1.5).tobytes()
    assert [(channel, bytes(data)) for channel, data in sent] == [(ENVIRONMENT_PARAMETERS, message)]


def test_closing_tells_the_player(connected):
    env, player = connected("Basic")
    env.reset()
    env.close()
    player.join(10)
    assert player.inputs[-1].status == STATUS_END
    env.close()


def test_a_player_of_another_protocol_is_refused():
    server = ExchangeServer(0)
    ThreadPlayer(make_env("Basic"), server.port, Player("9.0.0", "2.0.0")).start()
    with pytest.raises(EnvError, match=r"version 2.0.0 of ML-Agents' protocol, we speak 1.5.0"):
        Connection(server, timeout=20)


def test_nobody_comes():
    with pytest.raises(EnvError, match=r"no message from Unity within 0.2 s"):
        Connection(ExchangeServer(0), timeout=0.2)
