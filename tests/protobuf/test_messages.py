import pytest

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.agents import encode_behavior
from mlagents_tf.protobuf.messages import (
    STATUS_END,
    Capability,
    Command,
    Input,
    Output,
    Player,
    Trainer,
    encode_input,
    encode_output,
    read_behaviors,
    read_input,
    read_output,
)
from mlagents_tf.specs import ActionSpec
from tests.protobuf.messages import Message

SOME = Capability.BASE | Capability.HYBRID_ACTIONS
OUTPUTS = [
    Output(),
    Output(player=Player("2.3.0", "1.5.0", SOME, "Academy", "/log")),
    Output(behaviors=[b"\x3a\1x", b""], agents={"Ball?team=0": b"\x0a\0" * 99, "B": b""}),
    Output(side_channel=b"abc"),
    Output(STATUS_END),
]
INPUTS = [
    Input(),
    Input(trainer=Trainer("1.1.0", "1.5.0", SOME, seed=-3, num_areas=4)),
    Input(command=Command.STEP, actions={"Ball?team=0": b"\x0a\0" * 99, "B": b""}),
    Input(command=Command.RESET, side_channel=b"abc"),
    Input(STATUS_END),
]


@pytest.mark.parametrize("output", OUTPUTS)
def test_what_a_player_says_is_what_is_read(output):
    data = encode_output(output)
    found = read_output(data)
    assert found == output._replace(behaviors=list(output.behaviors))
    assert Message.FromString(data).SerializeToString() == data


@pytest.mark.parametrize("answer", INPUTS)
def test_what_a_trainer_says_is_what_is_read(answer):
    data = encode_input(answer)
    assert read_input(data) == answer
    assert Message.FromString(data).SerializeToString() == data


def test_fields_have_their_names():
    message = Message.FromString(encode_input(INPUTS[1]))
    assert message.header.status == 200
    first = message.unity_input.rl_initialization_input
    assert (first.seed, first.num_areas) == (-3, 4)
    assert (first.communication_version, first.package_version) == ("1.5.0", "1.1.0")
    assert first.capabilities.hybridActions
    assert not first.capabilities.multiAgentGroups
    message = Message.FromString(encode_output(OUTPUTS[1]))
    first = message.unity_output.rl_initialization_output
    assert (first.name, first.log_path, first.package_version) == ("Academy", "/log", "2.3.0")
    assert first.capabilities.baseRLCapabilities
    reset = Message.FromString(encode_input(INPUTS[3])).unity_input.rl_input
    assert (reset.command, reset.side_channel) == (1, b"abc")


def test_capabilities_of_later_versions_are_passed_over():
    data = encode_output(Output(player=Player("9.0.0")))
    message = Message.FromString(data)
    message.unity_output.rl_initialization_output.capabilities.MergeFromString(b"\x78\x01")
    assert read_output(message.SerializeToString()).player.capabilities == Capability(127)


@pytest.mark.parametrize("spec", [ActionSpec(3), ActionSpec(0, (4, 2))])
@pytest.mark.parametrize("legacy", [False, True])
def test_both_generations_say_what_a_behavior_may_do(spec, legacy):
    data = encode_behavior("Ball?team=0", spec, is_training=True, legacy=legacy)
    assert read_behaviors(Output(behaviors=[data])) == {"Ball?team=0": spec}


def test_a_behavior_is_introduced_once():
    data = encode_behavior("Ball", ActionSpec(1))
    with pytest.raises(EnvError, match="behavior 1: 'Ball', which is there already"):
        read_behaviors(Output(behaviors=[data, data]))


@pytest.mark.parametrize(
    ("read", "data", "what"),
    [
        (read_output, b"\x0a", "message of the player cannot be read: an integer that does not en"),
        (read_input, b"\xff" * 20, "message of the trainer cannot be read"),
        (read_input, encode_output(OUTPUTS[1]), "what the other side says"),
        (read_output, encode_input(INPUTS[1]), "what the other side says"),
        (read_input, b"\x1a\x04\x0a\x02\x20\x07", "command 7, known are 0"),
        (read_output, encode_output(OUTPUTS[2]).replace(b"\x01B", b"\x01\xff")[:-3], "are left"),
    ],
)
def test_what_is_no_message_is_one_sentence(read, data, what):
    with pytest.raises(EnvError, match=what):
        read(data)


def test_a_behavior_is_named_once():
    message = Message()
    for _ in range(2):
        message.unity_output.rl_output.agentInfos.add(key="Ball")
    with pytest.raises(EnvError, match="behavior 'Ball' twice"):
        read_output(message.SerializeToString())


def test_a_message_without_anything_has_no_status():
    assert read_output(b"").status == 0
