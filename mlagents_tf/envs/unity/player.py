"""A player without Unity: any environment of ours, served as a Unity build serves its scene.

The player is the client. It calls the trainer with what it says, and the call returns when the
trainer has answered; so that the first reset is the answer to a second, empty message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import grpc

from mlagents_tf.envs.env import Env, ReportingEnv
from mlagents_tf.envs.unity.channels import statistic_message
from mlagents_tf.envs.unity.decision_period import DecisionPeriod
from mlagents_tf.envs.unity.exception import UnityEnvironmentException, UnityTimeOutException
from mlagents_tf.envs.unity.generations import GENERATIONS, Generation, Speaker
from mlagents_tf.envs.unity.options import LOCAL
from mlagents_tf.envs.unity.player_channels import PlayerChannels
from mlagents_tf.envs.unity.server import METHOD, SERVICE
from mlagents_tf.protobuf.action_lists import ActionReader
from mlagents_tf.protobuf.agents import encode_behavior
from mlagents_tf.protobuf.messages import (
    STATUS_OK,
    Command,
    Input,
    Output,
    Trainer,
    encode_output,
    read_input,
)
from mlagents_tf.stats import Aggregation, EnvStatistic
from mlagents_tf.steps import Actions, Step, no_actions

EPISODES = "Environment/Episodes Served"
"""The statistic of how many episodes have ended."""
WAIT_SECONDS = 60.0
TOLD_TO_STOP = "the trainer has ended the conversation"
QUIT = "the trainer said quit"
GONE = "the trainer has gone"


@dataclass(frozen=True)
class PlayerOptions:
    """How an environment is served.

    Attributes:
        host: where the trainer listens.
        generation: of Unity's package, whose player this one is like.
        decision_period: environment steps between two decisions of an agent.
        compresses: images of bytes are sent as PNG.
        echoes: messages of unknown side channels are sent back.
        wait_seconds: for a trainer to listen, at the beginning.
        log_path: what the player calls its log.
    """

    host: str = LOCAL
    generation: Generation = field(default_factory=lambda: GENERATIONS[3])
    decision_period: int = 1
    compresses: bool = False
    echoes: bool = False
    wait_seconds: float = WAIT_SECONDS
    log_path: str = ""


class UnityPlayer:
    """Plays an environment for whoever listens.

    Args:
        open_env: makes the environment, given what the trainer says of itself.
        port: where it listens.
        options: how the environment is served.
        log: is called with a line for each thing of note.
    """

    def __init__(
        self,
        open_env: Callable[[Trainer], Env],
        port: int,
        options: PlayerOptions | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.options = options or PlayerOptions()
        self.address = f"{self.options.host}:{port}"
        self._open_env = open_env
        self._log = log
        self._channels = PlayerChannels(self.options.echoes)
        self._speakers: dict[str, Speaker] = {}
        self._readers: dict[str, ActionReader] = {}
        self._deciding: dict[str, int] = {}
        self._take_statistics: Callable[[], list[EnvStatistic]] = list

    def play(self) -> str:
        """Plays until the trainer ends it or has gone, and returns which of these, in words.

        Raises:
            UnityException: nobody listens, or the trainer speaks another protocol.
            EnvError: the environment cannot be made or served, or what the trainer says is wrong.
        """
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        with grpc.insecure_channel(self.address, options=unlimited) as channel:
            self._wait(channel)
            self._call = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            try:
                return self._converse()
            except grpc.RpcError as error:
                return self._farewell(error)

    def _wait(self, channel: grpc.Channel) -> None:
        """Until somebody listens."""
        ready = grpc.channel_ready_future(channel)
        try:
            ready.result(self.options.wait_seconds)
        except grpc.FutureTimeoutError:
            ready.cancel()
            raise UnityTimeOutException(
                f"no trainer listens at {self.address} ({self.options.wait_seconds:g} s). Start "
                "it first, or give the port that it waits at with --port."
            ) from None
        self._log(f"connected to {self.address}")

    def _converse(self) -> str:
        player = self.options.generation.player._replace(log_path=self.options.log_path)
        answer = self._say(Output(player=player))
        if answer.status != STATUS_OK:
            return TOLD_TO_STOP
        trainer = _checked(answer.trainer, player.communication_version)
        self._log(f"trainer {trainer.package_version}, protocol {trainer.communication_version}")
        env = self._open_env(trainer)
        try:
            period = self.options.decision_period
            return self._serve(env if period == 1 else DecisionPeriod(env, period))
        finally:
            env.close()

    def _serve(self, env: Env) -> str:
        """Does what the trainer asks for until it asks no more."""
        if isinstance(env, ReportingEnv):  # asked once: it takes longer than it looks
            self._take_statistics = env.take_statistics
        answer = self._say(Output())
        while answer.status == STATUS_OK and answer.command != Command.QUIT:
            self._channels.hear(answer.side_channel)
            if answer.command == Command.RESET:
                steps = env.reset(self._channels.draw_parameters())
            else:
                steps = env.step(self._actions(env, answer))
            answer = self._say(self._output(env, steps))
        return QUIT if answer.status == STATUS_OK else TOLD_TO_STOP

    def _say(self, output: Output) -> Input:
        return read_input(self._call(encode_output(output)))

    def _actions(self, env: Env, answer: Input) -> dict[str, Actions]:
        """What the agents that were asked do; zeros where a behavior is not answered."""
        found = {}
        for name, count in self._deciding.items():
            spec = env.specs[name].actions
            data = answer.actions.get(name, b"")
            if name not in self._readers:
                self._readers[name] = ActionReader(name, spec)
            actions = self._readers[name].read(data) if len(data) else no_actions(spec, count)
            if len(actions.discrete) != count:
                raise UnityEnvironmentException(
                    f"{name}: the trainer sends {len(actions.discrete)} actions for {count} agents."
                )
            found[name] = actions
        return found

    def _output(self, env: Env, steps: Mapping[str, Step]) -> Output:
        """The message about a step, with behaviors that have agents for the first time."""
        self._deciding = {name: step.num_deciding for name, step in steps.items()}
        ended = sum(len(step.agent_ids) for step in steps.values()) - sum(self._deciding.values())
        here = {name: step for name, step in steps.items() if len(step.agent_ids)}
        new = [name for name in here if name not in self._speakers]
        for name in new:
            self._log(f"behavior {name}: {env.specs[name].describe()}")
            self._speakers[name] = Speaker(
                name, env.specs[name], self.options.generation, self.options.compresses
            )
        return Output(
            behaviors=[self._introduction(env, name) for name in new],
            agents={name: self._speakers[name].say(step) for name, step in here.items()},
            side_channel=self._channels.take_echoes() + self._statistics(ended),
        )

    def _introduction(self, env: Env, name: str) -> bytes:
        old = self.options.generation.is_old
        return encode_behavior(name, env.specs[name].actions, is_training=True, legacy=old)

    def _statistics(self, ended: int) -> bytes:
        """Of the environment, and how many episodes have `ended`."""
        reported = self._take_statistics()
        if ended:
            reported = [*reported, EnvStatistic(EPISODES, ended, Aggregation.SUM)]
        return b"".join(map(statistic_message, reported))

    def _farewell(self, error: grpc.RpcError) -> str:
        """What it means that a call has failed."""
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            return GONE
        raise UnityEnvironmentException(
            f"the trainer at {self.address} refuses the call: {error.details()}."
        ) from error


def _checked(trainer: Trainer | None, version: str) -> Trainer:
    """The trainer, if it has introduced itself and speaks our protocol."""
    if trainer is None:
        raise UnityEnvironmentException("the trainer does not introduce itself; is it another one?")
    if trainer.communication_version.split(".")[0] != version.split(".")[0]:
        raise UnityEnvironmentException(
            f"the trainer (package {trainer.package_version}) speaks version "
            f"{trainer.communication_version or '(none)'} of ML-Agents' protocol, we speak "
            f"{version}."
        )
    return trainer
