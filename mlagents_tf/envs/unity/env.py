"""A scene in Unity as an environment: the conversation with its player, step by step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

from mlagents_tf.envs.env import Parameters
from mlagents_tf.envs.unity.channels import parameter_messages
from mlagents_tf.envs.unity.server import ExchangeServer
from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.action_lists import encode_actions
from mlagents_tf.protobuf.messages import (
    API_VERSION,
    STATUS_END,
    STATUS_OK,
    Capability,
    Command,
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
TIMEOUT_SECONDS = 60.0
WANTED = {
    Capability.HYBRID_ACTIONS: "hybrid actions",
    Capability.CONCATENATED_PNG: "compressed images of more than three channels",
    Capability.VARIABLE_LENGTH: "observations of variable length",
    Capability.GROUPS: "groups of agents",
}


class UnityEnv:
    """An environment whose agents live in a Unity player or Editor."""

    def __init__(
        self,
        server: ExchangeServer,
        *,
        seed: int = 0,
        num_areas: int = 1,
        timeout: float = TIMEOUT_SECONDS,
        look: Callable[[], None] | None = None,
    ) -> None:
        """Waits for a player and introduces itself.

        Args:
            server: where the player calls; is closed with the environment.
            seed: of the player's random numbers.
            num_areas: copies of the training area that the scene is to make.
            timeout: seconds to wait for each message.
            look: called while nothing comes; raises an error if the player is dead.

        Raises:
            EnvError: nobody came, or a player of another protocol.
        """
        self._server = server
        self._timeout = timeout
        self._look = look
        self._closed = False
        self._readers: dict[str, StepReader] = {}
        self._legacy = False
        try:
            self.player = self._introduce(seed, num_areas)
        except BaseException:
            server.close()
            raise

    @property
    def specs(self) -> Mapping[str, Spec]:
        """Of the behaviors that have had agents."""
        return {name: reader.spec for name, reader in self._readers.items() if reader.spec}

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begins anew; rows of agents that ended by it are left out."""
        channel = parameter_messages(parameters or {})
        steps = self._exchange(Input(command=Command.RESET, side_channel=channel))
        return {name: step.deciding() for name, step in steps.items()}

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """What happens until an agent ends or asks for a decision again."""
        messages = {name: encode_actions(each, self._legacy) for name, each in actions.items()}
        return self._exchange(Input(command=Command.STEP, actions=messages))

    def close(self) -> None:
        """Tells the player to stop; may be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self._server.answer(encode_input(Input(STATUS_END)))
        except EnvError:
            pass  # it has gone already
        finally:
            self._server.close()

    def _introduce(self, seed: int, num_areas: int) -> Player:
        """The first exchange, behind which the player waits for the first reset."""
        output = self._receive()
        player = output.player
        if player is None:
            raise EnvError("the first message of the player does not introduce it.")
        check_version(player)
        self._meet(output)
        self._legacy = Capability.HYBRID_ACTIONS not in player.capabilities
        version = OLD_PACKAGE_VERSION if self._legacy else PACKAGE_VERSION
        trainer = Trainer(version, API_VERSION, seed=seed, num_areas=num_areas)
        self._server.answer(encode_input(Input(trainer=trainer)))
        self._receive()
        return player

    def _exchange(self, answer: Input) -> dict[str, Step]:
        self._server.answer(encode_input(answer))
        output = self._receive()
        self._meet(output)
        return {name: self._reader(name).read(data) for name, data in output.agents.items()}

    def _receive(self) -> Output:
        output = read_output(self._server.receive(self._timeout, self._look))
        if output.status != STATUS_OK:
            raise EnvError(f"Unity ended the conversation (status {output.status}).")
        return output

    def _meet(self, output: Output) -> None:
        """Behaviors that the player introduces; again and alike is no news."""
        for name, actions in read_behaviors(output).items():
            known = self._readers.setdefault(name, StepReader(name, actions)).actions
            if known != actions:
                raise EnvError(
                    f"{name}: Unity introduces it again with other actions "
                    f"({actions.describe()} instead of {known.describe()})."
                )

    def _reader(self, name: str) -> StepReader:
        if name not in self._readers:
            raise EnvError(f"{name}: Unity sends agents of it, but has not introduced it.")
        return self._readers[name]


def check_version(player: Player) -> None:
    """Raise EnvError unless the player speaks our protocol, and warn of what it cannot say."""
    theirs, ours = player.communication_version.split("."), API_VERSION.split(".")
    if theirs[0] != ours[0]:
        raise EnvError(
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
