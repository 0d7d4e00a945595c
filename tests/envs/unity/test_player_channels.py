import struct
from uuid import UUID

import numpy as np
import pytest

from mlagents_tf.envs.unity.channels import (
    ENVIRONMENT_PARAMETERS,
    pack,
    packed_text,
)
from mlagents_tf.envs.unity.player_channels import PlayerChannels
from mlagents_tf.envs.unity.side_channel.engine_configuration_channel import (
    EngineConfigurationChannel,
)
from mlagents_tf.envs.unity.side_channel.environment_parameters_channel import (
    EnvironmentParametersChannel,
)
from mlagents_tf.envs.unity.side_channel.side_channel_manager import SideChannelManager
from mlagents_tf.errors import EnvError

MINE = UUID(int=77)


@pytest.fixture
def trainer():
    """The trainer's side of the channel."""
    return EnvironmentParametersChannel()


def sent(*channels):
    return SideChannelManager(channels).generate_side_channel_messages()


def draws(trainer, count=400):
    channels = PlayerChannels()
    channels.hear(sent(trainer))
    return np.array([channels.draw_parameters()["mass"] for _ in range(count)])


def test_parameters_stay_until_they_are_said_again(trainer):
    channels = PlayerChannels()
    trainer.set_float_parameter("scale", 1.5)
    trainer.set_float_parameter("gravity", 2.0)
    channels.hear(sent(trainer))
    channels.hear(b"")
    trainer.set_float_parameter("scale", 0.5)
    channels.hear(sent(trainer))
    assert channels.draw_parameters() == {"scale": 0.5, "gravity": 2.0}


def test_a_uniform_sampler_draws_anew_for_each_reset(trainer):
    trainer.set_uniform_sampler_parameters("mass", 2.0, 4.0, seed=3)
    values = draws(trainer)
    assert len(set(values)) == 400
    assert 2 <= values.min() < 2.1
    assert 3.9 < values.max() <= 4


def test_a_sampler_draws_by_its_seed(trainer):
    found = []
    for seed in (3, 3, -1):
        trainer.set_uniform_sampler_parameters("mass", 2.0, 4.0, seed)
        found.append(draws(trainer, 1)[0])
    assert found[0] == found[1] != found[2]


def test_a_gaussian_sampler(trainer):
    trainer.set_gaussian_sampler_parameters("mass", 10.0, 0.5, seed=3)
    values = draws(trainer)
    assert abs(values.mean() - 10) < 0.1
    assert abs(values.std() - 0.5) < 0.1


def test_a_sampler_of_ranges_chooses_them_by_their_width(trainer):
    trainer.set_multirangeuniform_sampler_parameters("mass", [(0, 1), (10, 13)], seed=3)
    values = draws(trainer)
    assert (((values >= 0) & (values <= 1)) | ((values >= 10) & (values <= 13))).all()
    assert abs((values >= 10).mean() - 0.75) < 0.1


def test_unknown_channels_are_dropped_or_sent_back():
    message = pack(MINE, b"hello")
    engine = EngineConfigurationChannel()
    engine.set_configuration_parameters(time_scale=20)
    greeting = sent(engine)
    silent, echo = PlayerChannels(), PlayerChannels(echoes=True)
    for channels in (silent, echo):
        channels.hear(greeting + message)
    assert silent.take_echoes() == b""
    assert echo.take_echoes() == message
    assert echo.take_echoes() == b""


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\5\0\0\0sc", "environment parameter cannot be read"),
        (packed_text("scale") + struct.pack("<if", 7, 1.0), "7 is not a valid"),
        (packed_text("scale") + struct.pack("<iii", 1, 0, 9), "9 is not a valid"),
        (packed_text("scale") + struct.pack("<iiiif", 1, 0, 2, 1, 1.0), "1 ends of ranges"),
        (packed_text("scale") + struct.pack("<iiiiff", 1, 0, 2, 2, 2.0, 1.0), "ranges"),
    ],
)
def test_damaged_parameters_are_refused(body, what):
    with pytest.raises(EnvError, match=what):
        PlayerChannels().hear(pack(ENVIRONMENT_PARAMETERS, body))
