"""A player without Unity: an embedded environment that talks as a Unity build does."""

import contextlib
import threading

import grpc

from mlagents_tf.envs.unity.server import METHOD, SERVICE
from mlagents_tf.protobuf.action_lists import read_actions
from mlagents_tf.protobuf.agents import encode_behavior
from mlagents_tf.protobuf.messages import (
    STATUS_OK,
    Command,
    Output,
    Player,
    encode_output,
    read_input,
)
from mlagents_tf.protobuf.step_writer import encode_step


class ThreadPlayer(threading.Thread):
    """Plays `env` for whoever listens at `port`, until it is told to stop."""

    def __init__(self, env, port, player=None):
        super().__init__(daemon=True)
        self.env, self.port = env, port
        self.player = player or Player("2.3.0", name="AcademySingleton")
        self.inputs = []
        self.introduced = set()

    def run(self):
        with contextlib.suppress(grpc.RpcError):  # whoever listens has ended
            self._play()

    def _play(self):
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            self._call = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            self._say(Output(player=self.player))
            answer = self._say(Output())
            while answer is not None:
                reset = answer.command == Command.RESET
                steps = self.env.reset() if reset else self.env.step(self._actions(answer))
                answer = self._say(self._output(steps))

    def _say(self, output):
        answer = read_input(self._call(encode_output(output), wait_for_ready=True, timeout=30))
        self.inputs.append(answer)
        return answer if answer.status == STATUS_OK else None

    def _actions(self, answer):
        return {
            name: read_actions(name, data, self.env.specs[name].actions)
            for name, data in answer.actions.items()
        }

    def _output(self, steps):
        new = [name for name in steps if name not in self.introduced]
        self.introduced.update(new)
        legacy = not self.player.capabilities & 8
        return Output(
            behaviors=[
                encode_behavior(name, self.env.specs[name].actions, is_training=True, legacy=legacy)
                for name in new
            ],
            agents={name: encode_step(self.env.specs[name], step) for name, step in steps.items()},
        )
