"""A player without Unity in a thread of its own."""

import threading

from mlagents_tf.envs.unity.generations import PLAYER_NAME, Generation
from mlagents_tf.envs.unity.player import PlayerOptions, UnityPlayer
from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.action_lists import read_actions
from mlagents_tf.protobuf.messages import Player


class ThreadPlayer(threading.Thread):
    """Plays `env` for whoever listens at `port`, until it is told to stop.

    `inputs` is what the trainer has said, `end` how it ended: a sentence, or an error.
    """

    def __init__(self, env, port, player=None, *, channels_last=False, **options):
        super().__init__(daemon=True)
        self.env = env
        self.inputs = []
        self.lines = []
        self.end = None
        generation = Generation(player or Player("3.0.0", name=PLAYER_NAME), channels_last)
        options = {"compresses": True, "wait_seconds": 30} | options
        self._player = _Inside(
            lambda trainer: env,
            port,
            PlayerOptions(generation=generation, **options),
            self.lines.append,
        )
        self._player.thread = self

    def run(self):
        try:
            self.end = self._player.play()
        except EnvError as error:
            self.end = error

    def told(self, behavior):
        """The actions of a behavior that the trainer has sent last."""
        actions = self.env.specs[behavior].actions
        return read_actions(behavior, self.inputs[-1].actions[behavior], actions)

    def says(self, output):
        """What is said instead of `output`, for tests to override."""
        return output


class _Inside(UnityPlayer):
    def _say(self, output):
        answer = super()._say(output)
        self.thread.inputs.append(answer)
        return answer

    def _output(self, env, steps):
        return self.thread.says(super()._output(env, steps))
