"""Messages that ML-Agents' own package serialized, there and back."""

import json

import numpy as np
import pytest

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.action_lists import encode_actions, read_actions
from mlagents_tf.protobuf.agents import encode_behavior
from mlagents_tf.protobuf.messages import (
    ALL_CAPABILITIES,
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
from mlagents_tf.protobuf.observations import CHANNELS_FIRST
from mlagents_tf.protobuf.step_reader import StepReader
from mlagents_tf.protobuf.step_writer import encode_step
from mlagents_tf.specs import ActionSpec, ObservationType
from tests.protobuf.messages import AgentInfos
from tests.protobuf.test_steps import assert_same
from tests.recordings import RECORDINGS

MESSAGES = RECORDINGS.parent / "wire"
pytestmark = pytest.mark.skipif(
    not MESSAGES.is_dir(), reason="ML-Agents' messages are not beside the repository"
)

WALKER, OLD, GRID = "Walker?team=0", "OldBrain", "Grid"


def recorded(number):
    return next(MESSAGES.glob(f"{number}_*.bin")).read_bytes()


def facts(number):
    return json.loads(next(MESSAGES.glob(f"{number}_*.json")).read_text())


def agents_of(number, behavior):
    return facts(number)["unity_output"]["rl_output"]["agentInfos"][behavior]["value"]


def pixels(seed):
    with np.load(MESSAGES / "png_pixels.npz") as arrays:
        name = next(name for name in arrays.files if name.endswith(str(seed)))
        return arrays[name]


def read_step():
    output = read_output(recorded(3))
    behaviors = read_behaviors(output)
    readers = {name: StepReader(name, spec) for name, spec in behaviors.items()}
    steps = {name: readers[name].read(data) for name, data in output.agents.items()}
    return output, readers, steps


def test_unitys_introduction():
    expected = Player("2.3.0", "1.5.0", ALL_CAPABILITIES, "Academy")
    assert read_output(recorded(1)) == Output(player=expected, behaviors=[])
    assert encode_output(Output(player=expected)) == recorded(1)


def test_pythons_introduction():
    expected = Input(trainer=Trainer("1.1.0", "1.5.0", ALL_CAPABILITIES, seed=5, num_areas=4))
    assert read_input(recorded(2)) == expected
    assert encode_input(expected) == recorded(2)


@pytest.mark.parametrize(("number", "command"), [(5, Command.RESET), (6, Command.QUIT)])
def test_reset_and_quit(number, command):
    assert read_input(recorded(number)) == Input(command=command)
    assert encode_input(Input(command=command)) == recorded(number)


def test_behaviors_of_both_generations():
    output, _, _ = read_step()
    expected = {WALKER: ActionSpec(2, (3, 2)), OLD: ActionSpec(0, (3, 3))}
    assert read_behaviors(output) == expected
    again = [
        encode_behavior(name, spec, is_training=True, legacy=name == OLD)
        for name, spec in expected.items()
    ]
    assert again == [bytes(data) for data in output.behaviors]


def test_agents_that_decide_and_agents_that_ended():
    _, readers, steps = read_step()
    step, values = steps[WALKER], agents_of(3, WALKER)
    assert step.agent_ids.tolist() == [value["id"] for value in values] == [11, 12, 14, 13]
    assert step.rewards.tolist() == [0.25, -1.0, 0.0, 2.0]
    assert step.group_ids.tolist() == [2, 0, 0, 2]
    assert step.group_rewards.tolist() == [0.5, 0.0, 0.0, 0.0]
    assert step.terminated.tolist() == [False, True, False, False]
    assert step.interrupted.tolist() == [False, False, False, True]
    assert step.allowed_actions.tolist() == [[False, True, True, True, False]] + [[True] * 5] * 3
    seen = readers[WALKER].spec.observations
    assert [obs.name for obs in seen] == ["v", "goal", "png", "entities"]
    assert seen[1].observation_type is ObservationType.GOAL_SIGNAL
    assert seen[3].is_entities
    for place in (0, 1, 3):
        sent = [value["observations"][place]["float_data"]["data"] for value in values]
        shape = len(values), *values[0]["observations"][place]["shape"]
        np.testing.assert_array_equal(step.obs[place], np.reshape(sent, shape).astype(np.float32))


def test_pixels_of_compressed_images():
    _, readers, steps = read_step()
    assert readers[WALKER].spec.observations[2].dtype == "uint8"
    for row, seed in enumerate((1, 2, 3, 4)):
        np.testing.assert_array_equal(steps[WALKER].obs[2][row], pixels(seed))


def test_a_raw_image():
    _, readers, steps = read_step()
    sent = agents_of(3, OLD)[0]["observations"][1]
    assert readers[OLD].spec.observations[1].dimension_properties == CHANNELS_FIRST
    image = np.reshape(sent["float_data"]["data"], (3, 2, 2)).astype(np.float32)
    np.testing.assert_array_equal(steps[OLD].obs[1][0], image)
    assert steps[OLD].allowed_actions is None


def test_five_channels_in_two_images():
    reader = StepReader(GRID, ActionSpec(1))
    step = reader.read(read_output(recorded(7)).agents[GRID])
    np.testing.assert_array_equal(step.obs[0][0], pixels(9)[:5])  # the sixth goes nowhere


def test_the_envelope_goes_back_byte_for_byte():
    for number in (3, 7):
        assert encode_output(read_output(recorded(number))) == recorded(number)
    assert encode_input(read_input(recorded(4))) == recorded(4)


def test_steps_go_back_field_for_field():
    output, readers, steps = read_step()
    for name, step in steps.items():
        again = encode_step(readers[name].spec, step)
        assert_same(StepReader(name, readers[name].actions).read(again), step)
        assert without_images(again) == without_images(bytes(output.agents[name]))


def without_images(data):
    """Fields but those that may be written in several ways: PNGs, and masks of who may do all."""
    message = AgentInfos.FromString(data)
    for info in message.value:
        if not any(info.action_mask):
            info.ClearField("action_mask")
        for observation in info.observations:
            observation.ClearField("compressed_data")
    return message


def test_actions_go_back_byte_for_byte():
    answer = read_input(recorded(4))
    walker = read_actions(WALKER, answer.actions[WALKER], ActionSpec(2, (3, 2)))
    np.testing.assert_array_equal(walker.continuous, [[0.5, -1.0], [0.0, 0.25]])
    assert walker.discrete.tolist() == [[1, 0], [2, 1]]
    old = read_actions(OLD, answer.actions[OLD], ActionSpec(0, (3, 3)))
    assert old.discrete.tolist() == [[1, 2]]
    again = {WALKER: encode_actions(walker), OLD: encode_actions(old, legacy=True)}
    again = {name: again[name] for name in answer.actions}
    assert encode_input(answer._replace(actions=again)) == recorded(4)


def test_side_channels_are_their_bytes():
    message = bytes(read_output(recorded(3)).side_channel)
    assert message[20:] == b"\7\0\0\0gravity" + np.float32(9.5).tobytes()


def read_all(data):
    """Everything that is in a message of either side."""
    output = read_output(data)
    specs = {WALKER: ActionSpec(2, (3, 2)), OLD: ActionSpec(0, (3, 3)), **read_behaviors(output)}
    for name, infos in output.agents.items():
        StepReader(name, specs.get(name, ActionSpec(1))).read(infos)


def read_all_actions(data):
    for name, actions in read_input(data).actions.items():
        read_actions(name, actions, ActionSpec(2, (3, 2)))


@pytest.mark.parametrize(
    ("number", "read"), [(3, read_all), (7, read_all), (4, read_all_actions), (2, read_all_actions)]
)
def test_damage_is_noticed_or_harmless(number, read):
    rng = np.random.default_rng(number)
    whole = np.frombuffer(recorded(number), np.uint8)
    refused = 0
    for _ in range(400):
        data = whole.copy()
        data[rng.integers(0, len(data), rng.integers(1, 4))] ^= np.uint8(1 << rng.integers(0, 8))
        cut = rng.integers(0, len(data)) if rng.random() < 0.3 else len(data)
        try:
            read(data[:cut].tobytes())
        except EnvError:
            refused += 1
    assert refused > 50
