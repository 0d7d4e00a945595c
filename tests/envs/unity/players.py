"""A player without Unity in a thread of its own."""

import threading

from mlagents_tf.envs.unity.generations import PLAYER_NAME, Generation
from mlagents_tf.envs.unity.player import PlayerOptions, UnityPlayer
from mlagents_tf.errors import EnvError
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
        self._player = _Recording(
            lambda trainer: env,
            port,
            PlayerOptions(generation=generation, **options),
            self.lines.append,
        )
        self._player.inputs = self.inputs

    def run(self):
        try:
            self.end = self._player.play()
        except EnvError as error:
            self.end = error


class _Recording(UnityPlayer):
    def _say(self, output):
        answer = super()._say(output)
        self.inputs.append(answer)
        return answer
