import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagents_tf.protobuf.wire import (
    DELIMITED,
    FIXED32,
    VARINT,
    WireError,
    as_float,
    as_floats,
    as_integers,
    as_text,
    bytes_field,
    float_field,
    integer_field,
    key_of,
    located,
    packed_field,
    read_fields,
    read_places,
    read_varint,
    record_places,
    signed,
    varint,
)
from tests.protobuf.messages import AgentAction, AgentInfo

REWARD, DONE, ID = key_of(7, FIXED32), key_of(8, VARINT), key_of(10, VARINT)
CONTINUOUS, DISCRETE = key_of(6, DELIMITED), key_of(7, DELIMITED)


def view(*data):
    return memoryview(bytes(data))


def test_varints_by_hand():
    assert read_varint(view(1), 0) == (1, 1)
    assert read_varint(view(9, 172, 2, 9), 1) == (300, 3)
    assert varint(300) == bytes([172, 2])
    assert len(varint(-1)) == 10
    assert signed(read_varint(memoryview(varint(-5)), 0)[0]) == -5


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_integers_come_back(number):
    data = varint(number)
    value, end = read_varint(memoryview(data), 0)
    assert (signed(value), end) == (number, len(data))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ((128, 128), "does not end"),
        ((128,) * 10 + (1,), "does not end"),
        ((255,) * 9 + (127,), "more than 64 bits"),
        ((10, 5, 0), "field 1 of 5 bytes, 1 are left"),
        ((13, 0, 0), "field 1 of 4 bytes, 2 are left"),
        ((11,), "wire type 3"),
        ((0, 0), "field 0"),
        ((8, 0, 8, 0), "field 1 twice"),
        ((8,), "does not end"),
    ],
)
def test_what_is_no_message_is_refused(data, what):
    with pytest.raises(WireError, match=what):
        read_fields(view(*data))


def test_a_message_of_very_many_fields_is_refused():
    data = memoryview(b"".join(varint(key_of(n, VARINT)) + b"\1" for n in range(1, 100)))
    with pytest.raises(WireError, match="more than 64 fields"):
        read_fields(data)
    assert len(read_fields(data, most=99)) == 99


def test_fields_are_what_googles_library_wrote():
    info = AgentInfo(reward=-0.25, done=True, id=-7, action_mask=[True, False])
    fields = read_fields(memoryview(info.SerializeToString()))
    assert as_float(fields[REWARD]) == -0.25
    assert fields[DONE] == 1
    assert signed(fields[ID]) == -7
    assert bytes(fields[key_of(11, DELIMITED)]) == b"\1\0"
    action = AgentAction(continuous_actions=[1.5, -2.0], discrete_actions=[300, 0])
    fields = read_fields(memoryview(action.SerializeToString()))
    np.testing.assert_array_equal(as_floats(fields[CONTINUOUS]), [1.5, -2.0])
    assert as_integers(fields[DISCRETE], 2) == (300, 0)


def test_googles_library_reads_what_is_written():
    data = float_field(7, -0.25) + integer_field(8, 1) + integer_field(10, -7)
    info = AgentInfo.FromString(data + bytes_field(11, b"\1\0"))
    assert (info.reward, info.done, info.id) == (-0.25, True, -7)
    assert list(info.action_mask) == [True, False]
    action = AgentAction.FromString(packed_field(7, [300, 0]))
    assert list(action.discrete_actions) == [300, 0]


def test_zeros_are_left_out_as_they_are_in_proto3():
    assert integer_field(1, 0) == float_field(1, 0.0) == packed_field(1, []) == b""


def test_packed_values_have_a_bound_and_a_size():
    with pytest.raises(WireError, match="more than 2"):
        as_integers(view(1, 1, 1), 2)
    with pytest.raises(WireError, match="5 bytes"):
        as_floats(view(0, 0, 0, 0, 0))
    with pytest.raises(WireError, match="int32"):
        as_integers(memoryview(varint(1 << 31)), 1)


def test_texts_never_reach_a_terminal_with_its_commands_in_them():
    assert as_text(memoryview("Größe".encode())) == "Größe"
    assert as_text(memoryview(b"\x1b[2J")) == "\\x1b[2J"
    assert as_text(memoryview(b"\xff")) == "\\xff"


def test_a_text_has_a_bound():
    with pytest.raises(WireError, match="a text of 5000 bytes"):
        as_text(memoryview(b"x" * 5000))


def test_places_of_values_are_where_they_stand():
    data = integer_field(1, 300) + float_field(7, 2.0) + bytes_field(16, b"abc")
    places = list(read_places(memoryview(data)))
    assert [key >> 3 for key, _, _ in places] == [1, 7, 16]
    values = [data[start:end] for _, start, end in places]
    assert values == [varint(300), b"\0\0\0\x40", b"abc"]


def test_records_of_a_list_by_their_places():
    records = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 20_000]
    data = b"".join(bytes_field(1, record) for record in records)
    starts, sizes = record_places(memoryview(data), 10, 5)
    found = [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    assert found == records
    with pytest.raises(WireError, match="more than 4 messages"):
        record_places(memoryview(data), 10, 4)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ((10,), "last message is cut off"),
        ((10, 2, 0), "last message is cut off"),
        ((10, 1, 0, 10), "last message is cut off"),
        ((10, 128), "does not end"),
        ((10, 0, 18, 0), "other fields than 1"),
    ],
)
def test_what_is_no_list_is_refused(data, what):
    with pytest.raises(WireError, match=what):
        record_places(view(*data), 10, 9)


def test_errors_say_where():
    refused = pytest.raises(WireError, match="agent 3: observation 1: field 0")
    with refused, located("agent 3"), located("observation 1"):
        read_fields(view(0, 0))
