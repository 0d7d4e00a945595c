"""Driving a player by hand, through the interface that scripts for ML-Agents know."""

import socket
import subprocess
import sys
import threading
from uuid import UUID

import numpy as np
import pytest

from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.unity import (
    ActionTuple,
    RawBytesChannel,
    UnityActionException,
    UnityCommunicatorStoppedException,
    UnityEnvironment,
    UnityEnvironmentException,
    UnityObservationException,
)
from mlagents_tf.envs.unity.channels import pack, unpack
from mlagents_tf.protobuf.messages import STATUS_END, STATUS_OK, Command
from mlagents_tf.steps import make_step
from tests.envs.unity.players import ThreadPlayer

OWN = UUID(int=5)


class Scripted:
    """Says the steps it is given, one for each reset or step, and remembers what it is told."""

    def __init__(self, specs, steps):
        self.specs, self.steps = specs, list(steps)
        self.told = []

    def reset(self, parameters=None):
        return self.step("reset")

    def close(self):
        pass

    def step(self, actions):
        self.told.append(actions)
        return self.steps.pop(0)


class TalkingPlayer(ThreadPlayer):
    """Also says something on a side channel with each step."""

    side_channel = b""
    status = STATUS_OK

    def says(self, output):
        return output._replace(side_channel=self.side_channel, status=self.status)


@pytest.fixture
def opened():
    """Opens a UnityEnvironment on which an environment plays; returns it and its player."""
    pairs = []

    def open_environment(env, **options):
        if isinstance(env, str):
            env = make_env(env, num_areas=3, seed=3)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        player = TalkingPlayer(env, port)
        threading.Timer(0.05, player.start).start()  # who calls before we listen waits a second
        pairs.append((UnityEnvironment(base_port=port, timeout_wait=20, **options), player))
        return pairs[-1]

    yield open_environment
    for environment, player in pairs:
        environment.close()
        player.join(20)


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, mlagents_tf.envs.unity as unity; assert 'grpc' not in sys.modules; "
        "unity.BaseEnv, unity.SideChannel; assert 'grpc' not in sys.modules; "
        "unity.UnityEnvironment; assert 'grpc' in sys.modules; "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_constants_are_those_of_scripts():
    assert UnityEnvironment.API_VERSION == "1.5.0"
    assert UnityEnvironment.DEFAULT_EDITOR_PORT == 5004
    assert UnityEnvironment.BASE_ENVIRONMENT_PORT == 5005


def test_a_step_before_any_reset_is_a_reset(opened):
    env, player = opened("Basic")
    assert list(env.behavior_specs) == []
    env.step()
    assert [each.command for each in player.inputs[1:]] == [Command.RESET]
    assert env.get_behavior_names() == ["Basic"]
    assert len(env.get_steps("Basic")[0]) == 3


def test_the_player_is_told_seed_and_areas_and_says_what_it_knows(opened):
    env, player = opened("Basic", seed=7, num_areas=2)
    trainer = player.inputs[0].trainer
    assert (trainer.seed, trainer.num_areas) == (7, 2)
    assert env.academy_capabilities.hybridActions
    assert env.academy_capabilities.multiAgentGroups


def test_actions_are_zero_unless_set_and_forgotten_after_a_step(opened):
    env, player = opened("3DBall")
    env.reset()
    name = env.get_behavior_names()[0]
    env.set_actions(name, ActionTuple(np.full((3, 2), 0.5)))
    env.step()
    np.testing.assert_array_equal(player.told(name).continuous, np.full((3, 2), 0.5))
    env.step()
    np.testing.assert_array_equal(player.told(name).continuous, np.zeros((3, 2)))


def test_actions_of_one_agent_leave_those_of_others(opened):
    env, player = opened("3DBall")
    env.reset()
    first, second, third = env.get_steps("3DBall")[0]
    env.set_action_for_agent("3DBall", third, ActionTuple(np.array([[0.5, -0.5]])))
    env.step()
    told = player.told("3DBall").continuous
    np.testing.assert_array_equal(told, [[0, 0], [0, 0], [0.5, -0.5]])
    given = np.ones((3, 2), np.float32)
    env.set_actions("3DBall", given)
    env.set_action_for_agent("3DBall", first, np.array([0.25, 0.25]))
    env.set_action_for_agent("3DBall", second, np.array([[0.75, 0.75]]))
    env.step()
    told = player.told("3DBall").continuous
    np.testing.assert_array_equal(told, [[0.25, 0.25], [0.75, 0.75], [1, 1]])
    np.testing.assert_array_equal(given, np.ones((3, 2)))


def test_actions_as_arrays_of_release_1(opened):
    env, player = opened("Basic")
    env.reset()
    env.set_actions("Basic", np.array([[0], [1], [2]]))
    env.step()
    np.testing.assert_array_equal(player.told("Basic").discrete, [[0], [1], [2]])


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        (np.zeros((2, 2)), r"shapes \(2, 2\) \(continuous\) and \(2, 0\)"),
        (np.zeros(2), "expected"),
        (ActionTuple(discrete=np.zeros((3, 1))), r"\(3, 0\) \(continuous\) and \(3, 1\)"),
        (ActionTuple(), "without actions"),
        (np.full((3, 2), np.nan), "not finite"),
    ],
)
def test_actions_that_do_not_fit_are_refused(opened, action, complaint):
    env, _ = opened("3DBall")
    env.reset()
    with pytest.raises(UnityActionException, match=complaint):
        env.set_actions("3DBall", action)


def test_options_that_are_not_there_are_refused(opened):
    env, _ = opened("Basic")
    env.reset()
    for option in (-1, 3):
        with pytest.raises(UnityActionException, match=f"hold option {option} to {option}"):
            env.set_actions("Basic", np.full((3, 1), option))


def test_unknown_behaviors_and_agents(opened):
    env, _ = opened("3DBall")
    with pytest.raises(UnityActionException, match="no behavior '3DBall'; there are: none before"):
        env.get_steps("3DBall")
    env.reset()
    action = ActionTuple(np.zeros((1, 2)))
    for ask in (
        lambda: env.get_steps("Walker"),
        lambda: env.get_behavior_spec("Walker"),
        lambda: env.set_actions("Walker", action),
        lambda: env.set_action_for_agent("Walker", 0, action),
    ):
        with pytest.raises(UnityActionException, match="no behavior 'Walker'; there are: 3DBall"):
            ask()
    with pytest.raises(IndexError, match="agent 999 does not ask for a decision"):
        env.set_action_for_agent("3DBall", 999, action)
    with pytest.raises(KeyError, match="agent 999 is not among these DecisionSteps"):
        env.get_steps("3DBall")[0][999]
    with pytest.raises(TypeError):
        env.behavior_specs["3DBall"] = None


def test_a_behavior_without_agents_in_a_step_has_empty_steps(opened):
    specs = dict(make_env("3DBall").specs)
    some = make_step(np.array([4]), (np.ones((1, 8), np.float32),))
    ended = some._replace(terminated=np.array([True]))
    env, player = opened(Scripted(specs, [{"3DBall": some}, {"3DBall": ended}, {}, {}]))
    env.reset()
    assert list(env.get_steps("3DBall")[0]) == [4]
    env.step()
    decisions, terminals = env.get_steps("3DBall")
    assert (len(decisions), list(terminals)) == (0, [4])
    env.set_actions("3DBall", ActionTuple(np.zeros((0, 2))))
    env.step()
    assert player.inputs[-1].actions == {}
    decisions, terminals = env.get_steps("3DBall")
    assert (len(decisions), len(terminals), decisions.obs[0].shape) == (0, 0, (0, 8))
    env.step()


def test_what_is_not_a_number_is_an_error(opened):
    specs = dict(make_env("3DBall").specs)
    wrong = make_step(np.array([4]), (np.full((1, 8), np.nan, np.float32),))
    env, _ = opened(Scripted(specs, [{"3DBall": wrong}]))
    with pytest.raises(UnityObservationException, match="a value that is not finite"):
        env.reset()


def test_messages_of_side_channels_leave_with_the_next_exchange(opened):
    channel = RawBytesChannel(OWN)
    env, player = opened("Basic", side_channels=[channel])
    player.side_channel = pack(OWN, b"hello")
    channel.send_raw_data(b"first")
    env.reset()
    channel.send_raw_data(b"second")
    env.step()
    env.step()
    sent = [list(unpack(memoryview(each.side_channel))) for each in player.inputs[1:]]
    assert sent == [[(OWN, b"first")], [(OWN, b"second")], []]
    assert channel.get_and_clear_received_messages() == [b"hello"] * 3


def test_closing(opened):
    env, player = opened("Basic")
    with env:
        env.reset()
    player.join(10)
    assert player.inputs[-1].status == STATUS_END
    env.close()
    for use in (env.reset, env.step):
        with pytest.raises(UnityEnvironmentException, match="closed"):
            use()


def test_a_player_that_stops_is_an_error_scripts_catch(opened):
    env, player = opened("Basic")
    env.reset()
    player.status = STATUS_END
    with pytest.raises(UnityCommunicatorStoppedException, match="Unity ended the conversation"):
        env.step()
    env.close()


def test_two_editors_are_refused():
    with pytest.raises(UnityEnvironmentException, match="worker_id is 1 without a build"):
        UnityEnvironment(worker_id=1)


def test_a_missing_build():
    with pytest.raises(UnityEnvironmentException, match="no Unity build here"):
        UnityEnvironment("nowhere/at_all")
