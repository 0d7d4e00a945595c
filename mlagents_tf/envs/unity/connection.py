"""A conversation with a Unity player: it introduces itself, then answers commands with steps."""

from __future__ import annotations

import atexit
import time
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from mlagents_tf.envs.unity.exception import (
    UnityCommunicatorStoppedException,
    UnityEnvironmentException,
    UnityException,
    UnityTimeOutException,
)
from mlagents_tf.envs.unity.options import TIMEOUT_SECONDS
from mlagents_tf.envs.unity.server import ExchangeServer
from mlagents_tf.protobuf.action_lists import encode_actions
from mlagents_tf.protobuf.messages import (
    API_VERSION,
    STATUS_END,
    STATUS_OK,
    Capability,
    Command,
    Data,
    Input,
    Output,
    Player,
    Trainer,
    encode_input,
    read_behaviors,
    read_output,
)
from mlagents_tf.protobuf.step_reader import StepReader
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step

PACKAGE_VERSION = "1.1.0"
"""Of ML-Agents' Python package, whose place we take."""
OLD_PACKAGE_VERSION = "0.16.1"
"""What players of before hybrid actions expect: package 1.0 refuses any above 0.25."""
END_SECONDS = 1.0
"""In which a player's process ends behind its connection."""
WANTED = {
    Capability.HYBRID_ACTIONS: "hybrid actions",
    Capability.CONCATENATED_PNG: "compressed images of more than three channels",
    Capability.VARIABLE_LENGTH: "observations of variable length",
    Capability.GROUPS: "groups of agents",
}


class PlayerProcess(Protocol):
    """The process of a player that we have started."""

    @property
    def pid(self) -> int:
        """Of the process."""

    def check(self) -> None:
        """Raises UnityEnvironmentException if it has ended."""

    def log_tail(self) -> str:
        """The last lines of its log, each on a new line; empty if there is none."""

    def end(self, seconds: float) -> None:
        """Waits for its end for so long, then makes an end of it; may be called twice."""


class Heard(NamedTuple):
    """What a player says to a command: a step of each behavior, and its side channels."""

    steps: dict[str, Step]
    side_channel: Data


class Connection:
    """One player, from its introduction to its end."""

    def __init__(
        self,
        server: ExchangeServer,
        process: PlayerProcess | None = None,
        *,
        seed: int = 0,
        num_areas: int = 1,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """Waits for a player and introduces itself.

        Args:
            server: where the player calls; is closed with the connection.
            process: the player, if we have started it; ends with the connection.
            seed: of the player's random numbers.
            num_areas: copies of the training area that the scene is to make.
            timeout: seconds to wait for each message.

        Raises:
            UnityException: nobody came, the player died, or it speaks another protocol.
        """
        self._server = server
        self._timeout = timeout
        self.process = process
        self._look: Callable[[], None] | None = process.check if process else None
        self._closed = False
        self._readers: dict[str, StepReader] = {}
        self._legacy = False
        atexit.register(self.close)
        try:
            self.player = self._introduce(seed, num_areas)
        except BaseException:
            self._end(patience=0.0)
            raise

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Of the behaviors that have had agents."""
        return {name: reader.spec for name, reader in self._readers.items() if reader.spec}

    def reset(self, side_channel: bytes = b"") -> Heard:
        """Everything begins anew."""
        return self._exchange(Input(command=Command.RESET, side_channel=side_channel))

    def step(self, actions: Mapping[str, Actions], side_channel: bytes = b"") -> Heard:
        """What happens until an agent ends or asks for a decision again.

        Args:
            actions: by behavior, a row for each deciding row of the step before.
            side_channel: messages of side channels, packed.
        """
        messages = {name: encode_actions(each, self._legacy) for name, each in actions.items()}
        return self._exchange(Input(actions=messages, side_channel=side_channel))

    def close(self) -> None:
        """Tells the player to stop and waits for its end; may be called twice."""
        if self._closed:
            return
        try:
            self._server.answer(encode_input(Input(STATUS_END)))
        except UnityException:
            pass  # it has gone already
        finally:
            self._end(self._timeout)

    def _end(self, patience: float) -> None:
        """Gives up the port, and ends the player if we have started it."""
        self._closed = True
        atexit.unregister(self.close)
        self._server.close()
        if self.process is not None:
            self.process.end(patience)

    def _introduce(self, seed: int, num_areas: int) -> Player:
        """The first exchange, behind which the player waits for the first reset."""
        output = self._receive()
        player = output.player
        if player is None:
            raise UnityEnvironmentException(
                "the first message of the player does not introduce it; it talks to a trainer "
                "already, and must be started anew."
            )
        check_version(player)
        self._meet(output)
        self._legacy = Capability.HYBRID_ACTIONS not in player.capabilities
        version = OLD_PACKAGE_VERSION if self._legacy else PACKAGE_VERSION
        trainer = Trainer(version, API_VERSION, seed=seed, num_areas=num_areas)
        self._server.answer(encode_input(Input(trainer=trainer)))
        self._meet(self._receive())
        return player

    def _exchange(self, answer: Input) -> Heard:
        try:
            self._server.answer(encode_input(answer))
        except UnityCommunicatorStoppedException:
            self._look_twice()
            raise
        output = self._receive()
        self._meet(output)
        steps = {name: self._reader(name).read(data) for name, data in output.agents.items()}
        return Heard(steps, output.side_channel)

    def _receive(self) -> Output:
        try:
            output = read_output(self._server.receive(self._timeout, self._look))
        except UnityTimeOutException as silence:
            if self.process is None:
                raise
            raise UnityTimeOutException(f"{silence}{self.process.log_tail()}") from None
        except UnityCommunicatorStoppedException:
            self._look_twice()
            raise
        if output.status != STATUS_OK:
            raise UnityCommunicatorStoppedException(
                f"Unity ended the conversation (status {output.status})."
            )
        return output

    def _look_twice(self) -> None:
        """Says why the player has gone if its process ends, which its connection does before."""
        deadline = time.monotonic() + END_SECONDS
        while self._look is not None and time.monotonic() < deadline:
            self._look()
            time.sleep(END_SECONDS / 20)

    def _meet(self, output: Output) -> None:
        """Behaviors that the player introduces; again and alike is no news."""
        if not output.behaviors:
            return
        for name, actions in read_behaviors(output).items():
            known = self._readers.setdefault(name, StepReader(name, actions)).actions
            if known != actions:
                raise UnityEnvironmentException(
                    f"{name}: Unity introduces it again with other actions "
                    f"({actions.describe()} instead of {known.describe()})."
                )

    def _reader(self, name: str) -> StepReader:
        if name not in self._readers:
            raise UnityEnvironmentException(
                f"{name}: Unity sends agents of it, but has not introduced it."
            )
        return self._readers[name]


def check_version(player: Player) -> None:
    """Raises an error unless the player speaks our protocol, and warns of what it cannot say."""
    theirs, ours = player.communication_version.split("."), API_VERSION.split(".")
    if theirs[0] != ours[0]:
        raise UnityEnvironmentException(
            f"the player speaks version {player.communication_version or '(none)'} of ML-Agents' "
            f"protocol, we speak {API_VERSION}; build it with package com.unity.ml-agents 2.0 or "
            f"newer (it has {player.package_version or 'an unknown one'})."
        )
    missing = [what for each, what in WANTED.items() if each not in player.capabilities]
    if missing:
        warnings.warn(
            f"the player (package {player.package_version}) does not know {', '.join(missing)}; "
            "a newer com.unity.ml-agents does",
            stacklevel=2,
        )
