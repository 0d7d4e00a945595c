import struct
from uuid import UUID

import numpy as np
import pytest

from mlagents_tf.envs.unity.channels import (
    ENVIRONMENT_PARAMETERS,
    EngineConfig,
    pack,
    packed_text,
    parameter_messages,
)
from mlagents_tf.envs.unity.player_channels import PlayerChannels
from mlagents_tf.errors import EnvError

MINE = UUID(int=77)


def sampler(name, kind, *values, seed=3):
    head = packed_text(name) + struct.pack("<iii", 1, seed, kind)
    return pack(ENVIRONMENT_PARAMETERS, head + struct.pack(f"<{len(values)}f", *values))


def draws(message, count=400):
    channels = PlayerChannels()
    channels.hear(message)
    return np.array([channels.draw_parameters()["mass"] for _ in range(count)])


def test_parameters_stay_until_they_are_said_again():
    channels = PlayerChannels()
    channels.hear(parameter_messages({"scale": 1.5, "gravity": 2.0}))
    channels.hear(b"")
    channels.hear(parameter_messages({"scale": 0.5}))
    assert channels.draw_parameters() == {"scale": 0.5, "gravity": 2.0}


def test_a_uniform_sampler_draws_anew_for_each_reset():
    values = draws(sampler("mass", 0, 2.0, 4.0))
    assert len(set(values)) == 400
    assert 2 <= values.min() < 2.1
    assert 3.9 < values.max() <= 4
    assert (draws(sampler("mass", 0, 2.0, 4.0)) == values).all()
    assert (draws(sampler("mass", 0, 2.0, 4.0, seed=-1)) != values).all()


def test_a_gaussian_sampler():
    values = draws(sampler("mass", 1, 10.0, 0.5))
    assert abs(values.mean() - 10) < 0.1
    assert abs(values.std() - 0.5) < 0.1


def test_a_sampler_of_ranges_chooses_them_by_their_width():
    head = packed_text("mass") + struct.pack("<iiii", 1, 3, 2, 4)
    values = draws(pack(ENVIRONMENT_PARAMETERS, head + struct.pack("<4f", 0, 1, 10, 13)))
    assert (((values >= 0) & (values <= 1)) | ((values >= 10) & (values <= 13))).all()
    assert abs((values >= 10).mean() - 0.75) < 0.1


def test_unknown_channels_are_dropped_or_sent_back():
    message = pack(MINE, b"hello")
    silent, echo = PlayerChannels(), PlayerChannels(echoes=True)
    for channels in (silent, echo):
        channels.hear(EngineConfig().messages() + message)
    assert silent.take_echoes() == b""
    assert echo.take_echoes() == message
    assert echo.take_echoes() == b""


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\5\0\0\0sc", "environment parameter cannot be read"),
        (packed_text("scale") + struct.pack("<if", 7, 1.0), "kind 7"),
        (packed_text("scale") + struct.pack("<iii", 1, 0, 9), "sampler 9"),
        (packed_text("scale") + struct.pack("<iiiif", 1, 0, 2, 1, 1.0), "1 ends of ranges"),
        (packed_text("scale") + struct.pack("<iiiiff", 1, 0, 2, 2, 2.0, 1.0), "ranges"),
    ],
)
def test_damaged_parameters_are_refused(body, what):
    with pytest.raises(EnvError, match=what):
        PlayerChannels().hear(pack(ENVIRONMENT_PARAMETERS, body))
