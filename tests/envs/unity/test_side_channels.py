"""Messages of side channels, byte by byte as the protocol has them."""

import struct
from uuid import UUID

import numpy as np
import pytest

from mlagents_tf.envs.unity import (
    EngineConfig,
    EngineConfigurationChannel,
    EnvironmentParametersChannel,
    FloatPropertiesChannel,
    IncomingMessage,
    OutgoingMessage,
    RawBytesChannel,
    SideChannel,
    StatsAggregationMethod,
    StatsSideChannel,
    UnityEnvironmentException,
    UnitySideChannelException,
)
from mlagents_tf.envs.unity.channels import pack, statistic_message
from mlagents_tf.envs.unity.side_channel.side_channel_manager import SideChannelManager
from mlagents_tf.stats import Aggregation, EnvStatistic

OWN = UUID("00112233-4455-6677-8899-aabbccddeeff")
OWN_BYTES = bytes.fromhex("33221100554477668899aabbccddeeff")  # little-endian, as .NET has it
CUT = r"side channel is cut off; its messages are dropped"


class Note(SideChannel):
    """Keeps a number from each message."""

    def __init__(self):
        super().__init__(OWN)
        self.numbers = []

    def on_message_received(self, msg):
        self.numbers.append(msg.read_int32())


def received(channel, *messages):
    """What a channel is given, through a manager."""
    data = b"".join(pack(channel.channel_id, message) for message in messages)
    SideChannelManager([channel]).process_side_channel_message(data)


@pytest.mark.parametrize(
    ("write", "value", "data"),
    [
        ("write_bool", True, b"\1"),
        ("write_bool", False, b"\0"),
        ("write_int32", -2, b"\xfe\xff\xff\xff"),
        ("write_int32", np.int64(258), b"\2\1\0\0"),
        ("write_float32", 1, b"\0\0\x80\x3f"),
        ("write_float32_list", [1.0, 2.0], b"\2\0\0\0\0\0\x80\x3f\0\0\0\x40"),
        ("write_float32_list", [], b"\0\0\0\0"),
        ("write_string", "ab", b"\2\0\0\0ab"),
        ("write_string", "ä", b"\2\0\0\0\xc3\xa4"),
        ("set_raw_bytes", b"xyz", b"xyz"),
    ],
)
def test_values_are_written_little_endian(write, value, data):
    message = OutgoingMessage()
    getattr(message, write)(value)
    assert bytes(message.buffer) == data


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read(seed):
    rng = np.random.default_rng(seed)
    values = {
        "bool": lambda: bool(rng.integers(2)),
        "int32": lambda: int(rng.integers(-(1 << 31), 1 << 31)),
        "float32": lambda: float(np.float32(rng.normal())),
        "float32_list": lambda: [float(each) for each in rng.normal(size=5).astype(np.float32)],
        "string": lambda: "".join(map(chr, rng.integers(32, 0x2000, rng.integers(9)))),
    }
    written = [(kind, values[kind]()) for kind in rng.choice(list(values), 30)]
    message = OutgoingMessage()
    for kind, value in written:
        getattr(message, f"write_{kind}")(value)
    incoming = IncomingMessage(message.buffer)
    assert [(kind, getattr(incoming, f"read_{kind}")()) for kind, _ in written] == written
    assert incoming.read_string("the end") == "the end"
    assert incoming.get_raw_bytes() == bytes(message.buffer)


def test_reading_on_at_the_end_gives_the_default():
    message = IncomingMessage(b"")
    assert message.read_bool(True) is True
    assert (message.read_int32(3), message.read_float32(2.5)) == (3, 2.5)
    assert (message.read_float32_list([1.0]), message.read_float32_list()) == ([1.0], [])
    assert message.read_string("x") == "x"
    assert IncomingMessage(b"\7\0\1\0\0", offset=1).read_int32() == 256


@pytest.mark.parametrize(
    ("read", "data"),
    [
        ("read_int32", b"\1\0\0"),
        ("read_float32", b"\1"),
        ("read_string", b"\5\0\0\0ab"),
        ("read_string", b"\xff\xff\xff\xffab"),
        ("read_string", b"\1\0\0\0\xe4"),
        ("read_float32_list", b"\2\0\0\0\0\0\x80\x3f"),
        ("read_float32_list", b"\xff\xff\xff\x7f"),
    ],
)
def test_a_value_that_is_damaged_cannot_be_read(read, data):
    with pytest.raises(UnitySideChannelException):
        getattr(IncomingMessage(data), read)()


@pytest.mark.parametrize(
    ("write", "value"), [("write_int32", 1 << 31), ("write_int32", 1.5), ("write_float32", 1e39)]
)
def test_a_value_that_does_not_fit_cannot_be_written(write, value):
    with pytest.raises(UnitySideChannelException, match="cannot be written"):
        getattr(OutgoingMessage(), write)(value)


def test_a_message_travels_behind_its_channel_and_its_size():
    channel = RawBytesChannel(OWN)
    channel.send_raw_data(b"xyz")
    channel.send_raw_data(b"")
    manager = SideChannelManager([channel])
    sent = manager.generate_side_channel_messages()
    assert sent == OWN_BYTES + b"\3\0\0\0xyz" + OWN_BYTES + b"\0\0\0\0"
    assert manager.generate_side_channel_messages() == b""


def test_the_engine_is_configured():
    channel = EngineConfigurationChannel()
    channel.set_configuration(EngineConfig(3, 4, 0, 20.0, -1, 60))
    assert channel.message_queue == [
        struct.pack("<iii", 0, 3, 4),
        struct.pack("<ii", 1, 0),
        struct.pack("<if", 2, 20.0),
        struct.pack("<ii", 3, -1),
        struct.pack("<ii", 4, 60),
    ]
    assert tuple(EngineConfig.default_config()) == (80, 80, 1, 20.0, -1, 60)


def test_only_what_is_given_of_the_engine_is_sent():
    channel = EngineConfigurationChannel()
    channel.set_configuration_parameters(time_scale=0.0)
    assert channel.message_queue == [struct.pack("<if", 2, 0.0)]
    with pytest.raises(UnitySideChannelException, match="width is 3 and height None; give both"):
        channel.set_configuration_parameters(width=3)


def test_environment_parameters_are_sent():
    channel = EnvironmentParametersChannel()
    channel.set_float_parameter("a", 1.0)
    channel.set_uniform_sampler_parameters("b", 0.5, 2.0, seed=7)
    channel.set_gaussian_sampler_parameters("c", 0.5, 2.0, seed=7)
    channel.set_multirangeuniform_sampler_parameters("d", [(0.0, 1.0), (2.0, 3.0)], seed=7)
    assert channel.message_queue == [
        b"\1\0\0\0a" + struct.pack("<if", 0, 1.0),
        b"\1\0\0\0b" + struct.pack("<iiiff", 1, 7, 0, 0.5, 2.0),
        b"\1\0\0\0c" + struct.pack("<iiiff", 1, 7, 1, 0.5, 2.0),
        b"\1\0\0\0d" + struct.pack("<iiiiffff", 1, 7, 2, 4, 0.0, 1.0, 2.0, 3.0),
    ]


def test_statistics_are_kept_until_they_are_taken():
    channel = StatsSideChannel()
    first, second = (
        b"\1\0\0\0a" + struct.pack("<fi", 1.5, 2),
        b"\1\0\0\0b" + struct.pack("<fi", 2, 0),
    )
    received(channel, first, second, first)
    taken = channel.get_and_reset_stats()
    summed, mean = StatsAggregationMethod.SUM, StatsAggregationMethod.AVERAGE
    assert taken == {"a": [(1.5, summed), (1.5, summed)], "b": [(2.0, mean)]}
    assert channel.get_and_reset_stats() == {}


def test_a_statistic_comes_as_it_was_sent():
    channel = StatsSideChannel()
    statistic = EnvStatistic("Area/Größe", 0.25, Aggregation.HISTOGRAM)
    SideChannelManager([channel]).process_side_channel_message(statistic_message(statistic))
    assert channel.take() == [statistic]


def test_float_properties_are_set_from_both_sides():
    channel = FloatPropertiesChannel()
    channel.set_property("a", 1.0)
    received(channel, b"\1\0\0\0b" + struct.pack("<f", 2.0))
    assert (channel.get_property("a"), channel.get_property("c")) == (1.0, None)
    assert channel.list_properties() == ["a", "b"]
    assert channel.get_property_dict_copy() == {"a": 1.0, "b": 2.0}
    assert str(channel.channel_id) == "60ccf7d0-4f7e-11ea-b238-784f4387d1f7"
    channel = FloatPropertiesChannel(OWN)
    channel.set_property("a", 1.0)
    assert channel.channel_id == OWN
    assert channel.message_queue == [b"\1\0\0\0a" + struct.pack("<f", 1.0)]


def test_raw_bytes_are_kept_until_they_are_taken():
    channel = RawBytesChannel(OWN)
    received(channel, b"one", b"")
    assert channel.get_and_clear_received_messages() == [b"one", b""]
    assert channel.get_and_clear_received_messages() == []


def test_two_channels_of_one_id_are_refused():
    with pytest.raises(UnityEnvironmentException, match=f"two side channels have the id {OWN}"):
        SideChannelManager([Note(), RawBytesChannel(OWN)])


def test_an_unknown_channel_is_told_of_once():
    note = Note()
    manager = SideChannelManager([note])
    stranger = pack(UUID(int=7), b"x")
    with pytest.warns(UserWarning, match=f"nobody listens to Unity's side channel {UUID(int=7)}"):
        manager.process_side_channel_message(stranger + pack(OWN, b"\5\0\0\0"))
    manager.process_side_channel_message(stranger + pack(OWN, b"\6\0\0\0"))
    assert note.numbers == [5, 6]


@pytest.mark.parametrize(
    ("channel", "message", "complaint"),
    [
        (Note(), b"\1\0", f"side channel {OWN}: a value is cut off"),
        (StatsSideChannel(), b"\1\0\0\0a" + struct.pack("<fi", 1.5, 9), "has aggregation 9"),
        (EngineConfigurationChannel(), b"", "has sent an engine configuration"),
        (EnvironmentParametersChannel(), b"", "has sent environment parameters"),
    ],
)
def test_a_message_that_cannot_be_read_is_dropped_and_told_of_once(channel, message, complaint):
    manager = SideChannelManager([channel])
    data = pack(channel.channel_id, message)
    with pytest.warns(UserWarning, match=complaint):
        manager.process_side_channel_message(data)
    manager.process_side_channel_message(data)


@pytest.mark.parametrize(
    "end", [b"abc", OWN_BYTES + b"\5\0\0\0ab", OWN_BYTES + b"\xff\xff\xff\xff"]
)
def test_what_stands_before_a_cut_is_heard(end):
    note = Note()
    manager = SideChannelManager([note])
    with pytest.warns(UserWarning, match=CUT):
        manager.process_side_channel_message(pack(OWN, b"\5\0\0\0") + end)
    assert note.numbers == [5]


def test_a_mistake_in_a_channel_of_ones_own_is_not_hidden():
    class Wrong(Note):
        def on_message_received(self, msg):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        received(Wrong(), b"")
