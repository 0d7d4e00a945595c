"""A scene in Unity as an environment, which is what trainers see of it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from uuid import UUID

from mlagents_tf.envs.env import EnvStatistic, Parameters
from mlagents_tf.envs.unity.channels import (
    STATISTICS,
    EngineConfig,
    parameter_messages,
    read_statistic,
    unpack,
)
from mlagents_tf.envs.unity.connection import Connection, Heard
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step


class UnityEnv:
    """An environment whose agents live in a Unity player or Editor.

    Args:
        connection: to the player; is closed with the environment.
        engine: how the player draws and how fast it runs, told with the first reset.
    """

    def __init__(self, connection: Connection, engine: EngineConfig | None = None) -> None:
        self._connection = connection
        self._greeting = engine.messages() if engine else b""
        self._statistics: list[EnvStatistic] = []
        self._complained: set[UUID] = set()

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
        greeting, self._greeting = self._greeting, b""
        heard = self._connection.reset(greeting + parameter_messages(parameters or {}))
        return {name: step.deciding() for name, step in self._listen(heard).items()}

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """What happens until an agent ends or asks for a decision again."""
        return self._listen(self._connection.step(actions))

    def take_statistics(self) -> list[EnvStatistic]:
        """What the scene's StatsRecorder has reported since this was called last."""
        taken, self._statistics = self._statistics, []
        return taken

    def close(self) -> None:
        """Tells the player to stop; may be called twice."""
        self._connection.close()

    def _listen(self, heard: Heard) -> dict[str, Step]:
        if len(heard.side_channel):
            try:
                for channel, message in unpack(memoryview(heard.side_channel)):
                    self._hear(channel, message)
            except EnvError as error:
                self._complain(UUID(int=0), str(error))
        return heard.steps

    def _hear(self, channel: UUID, message: memoryview) -> None:
        """Statistics are taken; a channel that only a script would listen to is passed over."""
        if channel != STATISTICS:
            self._complain(channel, f"nobody listens to Unity's side channel {channel}")
            return
        try:
            self._statistics.append(read_statistic(message))
        except EnvError as error:
            self._complain(channel, str(error))

    def _complain(self, channel: UUID, problem: str) -> None:
        """Warns once of each channel."""
        if channel not in self._complained:
            self._complained.add(channel)
            warnings.warn(f"{problem}; its messages are dropped", stacklevel=2)
