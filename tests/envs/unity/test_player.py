from uuid import UUID

import numpy as np
import pytest

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.unity.channels import pack
from mlagents_tf.envs.unity.connection import Connection
from mlagents_tf.envs.unity.env import UnityEnv
from mlagents_tf.envs.unity.generations import GENERATIONS
from mlagents_tf.envs.unity.player import EPISODES, PlayerOptions, UnityPlayer
from mlagents_tf.envs.unity.server import ExchangeServer
from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.action_lists import encode_actions
from mlagents_tf.protobuf.messages import (
    STATUS_END,
    Capability,
    Command,
    Input,
    Trainer,
    encode_input,
    read_behaviors,
    read_output,
)
from mlagents_tf.specs import DimensionProperty
from mlagents_tf.stats import Aggregation, EnvStatistic
from mlagents_tf.steps import no_actions
from tests.envs.unity.players import ThreadPlayer

HELLO = Input(trainer=Trainer("1.1.0", seed=5, num_areas=3))
RESET = Input(command=Command.RESET)
UNKNOWN = UUID(int=77)


@pytest.fixture
def server():
    listening = ExchangeServer(0)
    yield listening
    listening.close()


@pytest.fixture
def play(server):
    """Starts a player of an environment; returns it, and how it is answered."""
    started = []

    def start(env, **options):
        player = ThreadPlayer(env, server.port, **options)
        player.start()
        started.append(player)

        def answer(message):
            server.answer(encode_input(message))
            return read_output(server.receive(20))

        return player, answer

    yield start
    for player in started:
        player.join(20)


def test_a_conversation_from_the_first_word_to_the_last(server, play):
    player, answer = play(make_env("Basic", num_areas=3))
    first = read_output(server.receive(20))
    assert first.player == GENERATIONS[3].player
    empty = answer(HELLO)
    assert (empty.player, dict(empty.agents), list(empty.behaviors)) == (None, {}, [])
    begun = answer(RESET)
    assert list(read_behaviors(begun)) == list(begun.agents) == ["Basic"]
    actions = encode_actions(no_actions(player.env.specs["Basic"].actions, 3))
    later = answer(Input(actions={"Basic": actions}))
    assert (list(later.behaviors), list(later.agents)) == ([], ["Basic"])
    server.answer(encode_input(Input(STATUS_END)))
    player.join(20)
    assert player.end == "the trainer has ended the conversation"
    assert "trainer 1.1.0, protocol 1.5.0" in player.lines
    assert player.inputs[0] == HELLO


def test_quit_is_the_end_too(server, play):
    player, answer = play(make_env("Basic"))
    server.receive(20)
    answer(HELLO)
    answer(RESET)
    server.answer(encode_input(Input(command=Command.QUIT)))
    player.join(20)
    assert player.end == "the trainer said quit"


def test_a_trainer_that_goes_without_a_word(server, play):
    player, answer = play(make_env("Basic"))
    server.receive(20)
    answer(HELLO)
    server.close()
    player.join(20)
    assert player.end == "the trainer has gone"


def test_a_trainer_that_refuses_the_first_word(server, play):
    player, _ = play(make_env("Basic"))
    server.receive(20)
    server.answer(encode_input(Input(STATUS_END)))
    player.join(20)
    assert player.end == "the trainer has ended the conversation"


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ([RESET], "does not introduce itself"),
        ([Input(trainer=Trainer("9.0", "2.0.0"))], r"speaks version 2.0.0 of .*, we speak 1.5.0"),
        ([HELLO, Input()], "step was called before reset"),
        ([HELLO, RESET, Input(actions={"Basic": b"\x0a\x03\x3a\x01\x01"})], "1 actions for 3 agen"),
        ([HELLO, RESET, Input(actions={"Basic": b"\x0a\x03\x3a\x01\x07"})], "option 7 of branch 0"),
    ],
)
def test_what_a_trainer_may_not_say(server, play, answers, what):
    player, answer = play(make_env("Basic", num_areas=3))
    server.receive(20)
    for each in answers[:-1]:
        answer(each)
    server.answer(encode_input(answers[-1]))
    player.join(20)
    with pytest.raises(EnvError, match=what):
        raise player.end


def test_nobody_listens():
    server = ExchangeServer(0)
    server.close()
    player = UnityPlayer(lambda trainer: None, server.port, PlayerOptions(wait_seconds=0.2))
    with pytest.raises(EnvError, match=rf"no trainer listens at 127.0.0.1:{server.port} \(0.2 s"):
        player.play()


class Late:
    """An embedded environment; in its first step nobody is there."""

    def __init__(self):
        self._env = make_env("Basic", num_areas=2)
        self.specs = self._env.specs

    def reset(self, parameters=None):
        self._first = self._env.reset(parameters)
        return {"Basic": self._first["Basic"].take(np.zeros(0, np.int64))}

    def step(self, actions):
        assert actions["Basic"].discrete.shape == (0, 1)
        return self._first

    def take_statistics(self):
        return [EnvStatistic("Late/Height", 2.5, Aggregation.HISTOGRAM)]

    def close(self):
        self._env.close()


def test_a_behavior_is_introduced_with_its_first_agents(server, play):
    _, answer = play(Late())
    server.receive(20)
    answer(HELLO)
    empty = answer(RESET)
    assert (dict(empty.agents), list(empty.behaviors)) == ({}, [])
    assert list(read_behaviors(answer(Input()))) == ["Basic"]
    server.answer(encode_input(Input(STATUS_END)))


@pytest.fixture
def connected(server):
    opened = []

    def connect(env, **options):
        player = ThreadPlayer(env, server.port, **options)
        player.start()
        env = UnityEnv(Connection(server, timeout=20))
        opened.append(env)
        return env, player

    yield connect
    for env in opened:
        env.close()


def test_statistics_of_the_environment_and_of_the_player_are_sent(connected):
    env, _ = connected(Late())
    env.reset()
    assert env.take_statistics() == [EnvStatistic("Late/Height", 2.5, Aggregation.HISTOGRAM)]


def test_episodes_are_counted(connected):
    env, _ = connected(make_env("Basic", num_areas=2))
    step, ended = env.reset()["Basic"], 0
    generator = np.random.default_rng(0)
    for _ in range(60):
        step = env.step({"Basic": random_actions(generator, env.specs["Basic"].actions, step)})
        step = step["Basic"]
        ended += int(np.count_nonzero(step.ended))
    served = env.take_statistics()
    assert {each.name for each in served} == {EPISODES}
    assert {each.aggregation for each in served} == {Aggregation.SUM}
    assert sum(each.value for each in served) == ended > 0


def test_messages_of_unknown_channels_come_back(connected):
    env, _ = connected(make_env("Basic"), echoes=True)
    heard = env._connection.reset(pack(UNKNOWN, b"hello"))
    assert bytes(heard.side_channel) == pack(UNKNOWN, b"hello")


@pytest.mark.parametrize("compresses", [False, True])
@pytest.mark.parametrize("generation", [1, 2, 3])
@pytest.mark.parametrize("name", ["GridWorld", "Match3", "3DBall"])
@pytest.mark.filterwarnings("ignore:the player .package 1.0.8:UserWarning")
def test_every_generation_shows_the_same(connected, name, generation, compresses):
    told, channels_last = GENERATIONS[generation]
    env, _ = connected(
        make_env(name, num_areas=2, seed=1), player=told, channels_last=channels_last,
        compresses=compresses,
    )  # fmt: skip
    twin = make_env(name, num_areas=2, seed=1)
    step, expected = env.reset()[name], twin.reset()[name]
    generator = np.random.default_rng(0)
    for _ in range(20):
        assert step.agent_ids.tolist() == expected.agent_ids.tolist()
        for obs, wanted in zip(step.obs, expected.obs, strict=True):
            if obs.dtype != wanted.dtype:
                wanted = wanted.astype(np.float32) / 255
            np.testing.assert_array_equal(obs, wanted)
        actions = {name: random_actions(generator, twin.specs[name].actions, expected)}
        step, expected = env.step(actions)[name], twin.step(actions)[name]
    seen = env.specs[name].observations[0]
    assert seen.shape == twin.specs[name].observations[0].shape
    plain = name == "GridWorld" or generation > 1
    assert (seen.dtype == "uint8") == (compresses and plain and name != "3DBall")
    if seen.is_image:
        assert seen.dimension_properties[0] == DimensionProperty.NONE


def test_groups_are_told(connected):
    env, _ = connected(make_env("toy-fuzz", num_areas=200))
    assert set(env.reset()["toy-fuzz"].group_ids.tolist()) == {0, 1, 2, 3}


@pytest.mark.filterwarnings("ignore:the player .* does not know groups:UserWarning")
def test_groups_are_not_told_by_players_that_do_not_know_them(connected):
    player = GENERATIONS[3].player._replace(capabilities=~Capability.GROUPS)
    env, _ = connected(make_env("toy-fuzz", num_areas=200), player=player)
    assert set(env.reset()["toy-fuzz"].group_ids.tolist()) == {0}


@pytest.mark.parametrize(
    ("name", "what"), [("toy-fuzz", "hybrid actions"), ("Sorter", "of variable length")]
)
def test_what_package_1_has_no_words_for(server, play, name, what):
    player, answer = play(make_env(name), player=GENERATIONS[1].player)
    server.receive(20)
    answer(HELLO)
    server.answer(encode_input(RESET))
    player.join(20)
    with pytest.raises(EnvError, match=f"{name}: package 1.0 of Unity has no .*{what}"):
        raise player.end


def test_agents_decide_every_few_steps(connected):
    env, _ = connected(make_env("3DBall", num_areas=1), decision_period=5)
    step = env.reset()["3DBall"]
    step = env.step({"3DBall": no_actions(env.specs["3DBall"].actions, 1)})["3DBall"]
    np.testing.assert_allclose(step.rewards, [0.5], rtol=1e-6)  # 0.1 for each of five steps
