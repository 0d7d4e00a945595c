"""UnityMessageProto, all that passes between a player and a trainer, in both directions.

A message is an envelope. What is inside for each behavior stays bytes, which `StepReader`,
`read_actions` and `read_behaviors` turn into arrays; so an envelope is the same for both sides, and
what nobody asks for is not read.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.agents import read_behavior
from mlagents_tf.protobuf.wire import (
    DELIMITED,
    VARINT,
    WireError,
    as_text,
    bytes_field,
    integer_field,
    key_of,
    located,
    read_fields,
    signed,
)
from mlagents_tf.specs import ActionSpec

API_VERSION = "1.5.0"
"""Of the protocol: what ML-Agents 0.25 to 1.1 and Unity's packages 2 to 4 speak."""
STATUS_OK = 200
STATUS_END = 400
"""What either side says when it wants to hear no more."""
MOST_BEHAVIORS = 1024
EMPTY = memoryview(b"")
Data = bytes | memoryview

# UnityMessageProto
HEADER, OUTPUT, INPUT = (key_of(number, DELIMITED) for number in (1, 2, 3))
STATUS = key_of(1, VARINT)
# UnityOutputProto and UnityInputProto
CONTENT, INITIALIZATION = (key_of(number, DELIMITED) for number in (1, 2))
# UnityRLOutputProto
AGENT_INFOS, OUTPUT_CHANNEL = (key_of(number, DELIMITED) for number in (2, 3))
# UnityRLInputProto
AGENT_ACTIONS, COMMAND, INPUT_CHANNEL = (
    key_of(1, DELIMITED),
    key_of(4, VARINT),
    key_of(5, DELIMITED),
)
# UnityRLInitializationOutputProto
NAME, COMMUNICATION, LOG_PATH, BEHAVIORS, PACKAGE, ABILITIES = (
    key_of(number, DELIMITED) for number in (1, 2, 3, 5, 7, 8)
)
# UnityRLInitializationInputProto
SEED, NUM_AREAS = key_of(1, VARINT), key_of(5, VARINT)
INPUT_COMMUNICATION, INPUT_PACKAGE, INPUT_ABILITIES = (
    key_of(number, DELIMITED) for number in (2, 3, 4)
)
# an entry of a map
ENTRY_NAME, ENTRY_VALUE = key_of(1, DELIMITED), key_of(2, DELIMITED)


class Command(enum.IntEnum):
    """What the trainer asks for next (the values are those of the protocol)."""

    STEP = 0
    RESET = 1
    QUIT = 2


class Capability(enum.IntFlag):
    """UnityRLCapabilitiesProto: bit n - 1 is its field n."""

    BASE = 1
    CONCATENATED_PNG = 2
    CHANNEL_MAPPING = 4
    HYBRID_ACTIONS = 8
    TRAINING_ANALYTICS = 16
    VARIABLE_LENGTH = 32
    GROUPS = 64


ALL_CAPABILITIES = Capability(127)


class Player(NamedTuple):
    """How a player introduces itself, once."""

    package_version: str
    communication_version: str = API_VERSION
    capabilities: Capability = ALL_CAPABILITIES
    name: str = ""
    log_path: str = ""


class Trainer(NamedTuple):
    """What a trainer answers to that."""

    package_version: str
    communication_version: str = API_VERSION
    capabilities: Capability = ALL_CAPABILITIES
    seed: int = 0
    num_areas: int = 1


class Output(NamedTuple):
    """What a player says.

    Attributes:
        status: STATUS_OK, or the player stops.
        player: in its first message.
        behaviors: a BrainParametersProto for each behavior that has agents for the first time.
        agents: a ListAgentInfoProto for each behavior.
        side_channel: messages of side channels.
    """

    status: int = STATUS_OK
    player: Player | None = None
    behaviors: Sequence[Data] = ()
    agents: Mapping[str, Data] = {}
    side_channel: Data = b""


class Input(NamedTuple):
    """What a trainer answers.

    Attributes:
        status: STATUS_OK, or the trainer stops.
        trainer: in its first message, which has nothing else.
        command: what the player is to do.
        actions: a ListAgentActionProto for each behavior.
        side_channel: messages of side channels.
    """

    status: int = STATUS_OK
    trainer: Trainer | None = None
    command: Command = Command.STEP
    actions: Mapping[str, Data] = {}
    side_channel: Data = b""


def read_output(message: Data) -> Output:
    """What a player says.

    Raises:
        EnvError: the message is damaged or says something else.
    """
    with _refused("player"):
        status, data = _opened(message, OUTPUT)
        fields = read_fields(data)
        rl = read_fields(fields.get(CONTENT, EMPTY), (AGENT_INFOS,), MOST_BEHAVIORS)
        first = read_fields(fields.get(INITIALIZATION, EMPTY), (BEHAVIORS,), MOST_BEHAVIORS)
        behaviors = first.pop(BEHAVIORS)
        player = None
        if first:
            player = Player(
                as_text(first.get(PACKAGE, EMPTY)),
                as_text(first.get(COMMUNICATION, EMPTY)),
                _capabilities(first.get(ABILITIES, EMPTY)),
                as_text(first.get(NAME, EMPTY)),
                as_text(first.get(LOG_PATH, EMPTY)),
            )
        agents = _read_map(rl[AGENT_INFOS])
        return Output(status, player, behaviors, agents, rl.get(OUTPUT_CHANNEL, EMPTY))


def read_input(message: Data) -> Input:
    """What a trainer answers.

    Raises:
        EnvError: the message is damaged or says something else.
    """
    with _refused("trainer"):
        status, data = _opened(message, INPUT)
        fields = read_fields(data)
        rl = read_fields(fields.get(CONTENT, EMPTY), (AGENT_ACTIONS,), MOST_BEHAVIORS)
        command = rl.get(COMMAND, 0)
        if command > Command.QUIT:
            raise WireError(f"command {command}, known are 0 (step), 1 (reset) and 2 (quit)")
        trainer = None
        if INITIALIZATION in fields:
            first = read_fields(fields[INITIALIZATION])
            trainer = Trainer(
                as_text(first.get(INPUT_PACKAGE, EMPTY)),
                as_text(first.get(INPUT_COMMUNICATION, EMPTY)),
                _capabilities(first.get(INPUT_ABILITIES, EMPTY)),
                signed(first.get(SEED, 0)),
                signed(first.get(NUM_AREAS, 0)),
            )
        actions = _read_map(rl[AGENT_ACTIONS])
        return Input(status, trainer, Command(command), actions, rl.get(INPUT_CHANNEL, EMPTY))


def read_behaviors(output: Output) -> dict[str, ActionSpec]:
    """What the behaviors that a player introduces may do, by name.

    Raises:
        EnvError: one is damaged, or introduced twice.
    """
    found: dict[str, ActionSpec] = {}
    with _refused("player"):
        for index, data in enumerate(output.behaviors):
            with located(f"behavior {index}"):
                name, spec = read_behavior(memoryview(data))
                if name in found:
                    raise WireError(f"'{name}', which is there already")
            found[name] = spec
    return found


def encode_output(output: Output) -> bytes:
    """UnityMessageProto of a player."""
    first = b"".join(bytes_field(5, data) for data in output.behaviors)
    if player := output.player:
        names = _text(1, player.name) + _text(2, player.communication_version)
        first = names + _text(3, player.log_path) + first
        first += _text(7, player.package_version) + _flags(8, player.capabilities)
    rl = _map(2, output.agents) + _bytes(3, output.side_channel)
    return _closed(output.status, 2, _bytes(1, rl) + _bytes(2, first))


def encode_input(answer: Input) -> bytes:
    """UnityMessageProto of a trainer."""
    if trainer := answer.trainer:
        first = integer_field(1, trainer.seed) + _text(2, trainer.communication_version)
        first += _text(3, trainer.package_version) + _flags(4, trainer.capabilities)
        content = bytes_field(2, first + integer_field(5, trainer.num_areas))
    else:
        rl = _map(1, answer.actions) + integer_field(4, answer.command)
        content = bytes_field(1, rl + _bytes(5, answer.side_channel))
    return _closed(answer.status, 3, content)


@contextmanager
def _refused(sender: str) -> Iterator[None]:
    """Turns what is wrong with bytes into a sentence for people."""
    try:
        yield
    except WireError as error:
        raise EnvError(
            f"a message of the {sender} cannot be read: {error}. It is damaged, or is not of "
            f"ML-Agents' protocol {API_VERSION}."
        ) from error


def _opened(message: Data, key: int) -> tuple[int, memoryview]:
    """The status of a message, and its field `key`, empty if there is none."""
    fields = read_fields(memoryview(message))
    if key not in fields and (OUTPUT in fields or INPUT in fields):
        raise WireError("it is what the other side says; a trainer and a player must be connected")
    header = read_fields(fields.get(HEADER, EMPTY))
    return signed(header.get(STATUS, 0)), fields.get(key, EMPTY)


def _closed(status: int, number: int, content: bytes) -> bytes:
    """A message with its header, and nothing else if its sender stops."""
    header = bytes_field(1, integer_field(1, status))
    return header if status != STATUS_OK else header + bytes_field(number, content)


def _read_map(entries: list[memoryview]) -> dict[str, Data]:
    found: dict[str, Data] = {}
    for entry in entries:
        fields = read_fields(entry)
        name = as_text(fields.get(ENTRY_NAME, EMPTY))
        if name in found:
            raise WireError(f"behavior '{name}' twice")
        found[name] = fields.get(ENTRY_VALUE, EMPTY)
    return found


def _map(number: int, entries: Mapping[str, Data]) -> bytes:
    return b"".join(
        bytes_field(number, bytes_field(1, name.encode()) + bytes_field(2, data))
        for name, data in entries.items()
    )


def _capabilities(data: memoryview) -> Capability:
    """Those that are known of those that are there."""
    fields = read_fields(data)
    known = enumerate(Capability, 1)
    return Capability(sum(each for bit, each in known if fields.get(key_of(bit, VARINT))))


def _flags(number: int, capabilities: Capability) -> bytes:
    fields = (integer_field(bit, each in capabilities) for bit, each in enumerate(Capability, 1))
    return _bytes(number, b"".join(fields))


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _bytes(number: int, data: Data) -> bytes:
    """A field of bytes; nothing if it is empty, which is what is read then."""
    return bytes_field(number, data) if len(data) else b""
