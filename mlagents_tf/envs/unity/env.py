"""A scene in Unity as an environment, which is what trainers see of it."""

from __future__ import annotations

from collections.abc import Mapping

from mlagents_tf.envs.env import Parameters
from mlagents_tf.envs.unity.connection import Connection, Heard
from mlagents_tf.envs.unity.side_channel.engine_configuration_channel import (
    EngineConfig,
    EngineConfigurationChannel,
)
from mlagents_tf.envs.unity.side_channel.environment_parameters_channel import (
    EnvironmentParametersChannel,
)
from mlagents_tf.envs.unity.side_channel.side_channel_manager import SideChannelManager
from mlagents_tf.envs.unity.side_channel.stats_side_channel import StatsSideChannel
from mlagents_tf.samplers import Gaussian, MultiRangeUniform, Uniform
from mlagents_tf.specs import Spec
from mlagents_tf.stats import EnvStatistic
from mlagents_tf.steps import Actions, Step


class UnityEnv:
    """An environment whose agents live in a Unity player or Editor.

    Args:
        connection: to the player; is closed with the environment.
        engine: how the player draws and how fast it runs, told with the first reset.
    """

    def __init__(self, connection: Connection, engine: EngineConfig | None = None) -> None:
        self._connection = connection
        self._parameters = EnvironmentParametersChannel()
        self._statistics = StatsSideChannel()
        drawing = EngineConfigurationChannel()
        if engine is not None:
            drawing.set_configuration(engine)
        self._channels = SideChannelManager([drawing, self._parameters, self._statistics])

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Of the behaviors that have had agents."""
        return self._connection.specs

    @property
    def player_pid(self) -> int | None:
        """Of the player's process, if we have started it."""
        process = self._connection.process
        return process.pid if process else None

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begins anew; rows of agents that ended by it are left out."""
        self.set_parameters(parameters or {})
        heard = self._connection.reset(self._channels.generate_side_channel_messages())
        return {name: step.deciding() for name, step in self._listen(heard).items()}

    def set_parameters(self, parameters: Parameters) -> None:
        """Sent with the next step or reset; what samplers draw is drawn in the scene."""
        channel = self._parameters
        for name, value in parameters.items():
            if isinstance(value, Uniform):
                channel.set_uniform_sampler_parameters(name, value.low, value.high, value.seed)
            elif isinstance(value, Gaussian):
                channel.set_gaussian_sampler_parameters(name, value.mean, value.st_dev, value.seed)
            elif isinstance(value, MultiRangeUniform):
                channel.set_multirangeuniform_sampler_parameters(name, value.intervals, value.seed)
            else:
                channel.set_float_parameter(name, value)

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """What happens until an agent ends or asks for a decision again."""
        messages = self._channels.generate_side_channel_messages()
        return self._listen(self._connection.step(actions, messages))

    def take_statistics(self) -> list[EnvStatistic]:
        """What the scene's StatsRecorder has reported since this was called last."""
        return self._statistics.take()

    def close(self) -> None:
        """Tells the player to stop; may be called twice."""
        self._connection.close()

    def _listen(self, heard: Heard) -> dict[str, Step]:
        self._channels.process_side_channel_message(heard.side_channel)
        return heard.steps
