import threading
import time

import grpc
import pytest

from mlagents_tf.envs.unity.server import METHOD, SERVICE, ExchangeServer
from mlagents_tf.errors import EnvError


@pytest.fixture
def server():
    with_a_free_port = ExchangeServer(0)
    yield with_a_free_port
    with_a_free_port.close()


@pytest.fixture
def say(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel.unary_unary(f"/{SERVICE}/{METHOD}")


def test_a_call_is_answered_by_whoever_received_it(server, say):
    for number in range(3):
        call = say.future(b"player %d" % number)
        assert server.receive(5) == b"player %d" % number
        server.answer(b"trainer %d" % number)
        assert call.result(5) == b"trainer %d" % number


def test_nothing_comes(server):
    with pytest.raises(EnvError, match=r"no message from Unity within 0.1 s"):
        server.receive(0.1)


def test_whoever_waits_looks_at_the_player(server):
    def look():
        raise EnvError("the player has died")

    began = time.monotonic()
    with pytest.raises(EnvError, match="has died"):
        server.receive(60, look)
    assert time.monotonic() - began < 5


def test_a_player_that_goes_before_it_is_answered(server, say):
    call = say.future(b"hello")
    server.receive(5)
    call.cancel()
    time.sleep(0.3)
    with pytest.raises(EnvError, match="Unity has gone"):
        server.answer(b"too late")
    call = say.future(b"again")
    assert server.receive(5) == b"again"
    server.answer(b"welcome")
    assert call.result(5) == b"welcome"


def test_a_second_player_is_refused(server, say):
    first = say.future(b"first")
    server.receive(5)
    with pytest.raises(grpc.RpcError, match="another player is connected"):
        say(b"second", timeout=5)
    server.answer(b"yes")
    assert first.result(5) == b"yes"


def test_a_port_that_is_taken(server):
    with pytest.raises(EnvError, match=f"port {server.port} of 127.0.0.1 is taken"):
        ExchangeServer(server.port)


def test_closing_ends_the_call_that_is_open(server, say):
    call = say.future(b"hello")
    server.receive(5)
    server.close()
    with pytest.raises(grpc.RpcError):
        call.result(5)
    server.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("unity_")]


def test_messages_have_a_bound():
    server = ExchangeServer(0, receive_bytes=1000)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        say = channel.unary_unary(f"/{SERVICE}/{METHOD}")
        with pytest.raises(grpc.RpcError, match="larger than max"):
            say(b"x" * 2000, timeout=5)
    server.close()
