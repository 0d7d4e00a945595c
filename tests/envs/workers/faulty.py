"""Environments that fail, as processes of workers import them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from mlagents_tf.envs.embedded.toy import LineWorld
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.stats import Aggregation, EnvStatistic
from mlagents_tf.steps import make_step

NAME = "toy-continuous"


class FaultyLine(LineWorld):
    """LineWorld with two areas, to which `fault` happens at its `when`-th step; 0 is the reset.

    Args:
        fault: name of a method below.
        once: a file that is written at the first fault, and prevents further ones.
    """

    def __init__(self, fault, when=3, once=None):
        super().__init__(2)
        self.fault, self.when, self.once = fault, when, once
        self.steps = 0

    def reset(self, parameters=None):
        self._maybe_fail()
        return super().reset(parameters)

    def step(self, actions):
        self.steps += 1
        self._maybe_fail()
        return super().step(actions)

    def _maybe_fail(self):
        if self.steps == self.when and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).write_text("x")
            getattr(self, self.fault)()

    def raise_error(self):
        raise ValueError("the ball is gone")

    def raise_env_error(self):
        raise EnvError("the scene has no agents; add one.")

    def be_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def be_stopped(self):
        os.kill(os.getpid(), signal.SIGSTOP)

    def hang(self):
        time.sleep(1000)

    def exit_at_once(self):
        os._exit(7)

    def exit_in_order(self):
        sys.exit(5)


class Broken:
    """Cannot be made."""

    def __init__(self):
        raise EnvError("there is no scene 'Nowhere'.")


class Sleeper(LineWorld):
    """LineWorld whose step takes `seconds`."""

    def __init__(self, seconds, num_areas=1):
        super().__init__(num_areas)
        self.seconds = seconds

    def step(self, actions):
        time.sleep(self.seconds)
        return super().step(actions)


class Talker(LineWorld):
    """Reports what a process is like, and writes down that it was closed."""

    def __init__(self, closed=None):
        super().__init__(1)
        self.closed = closed
        self.told = False

    def take_statistics(self):
        if self.told:
            return []
        self.told = True
        return [
            EnvStatistic("TensorFlow", float("tensorflow" in sys.modules), Aggregation.MOST_RECENT),
            EnvStatistic("Gravity", 9.5),
        ]

    def close(self):
        if self.closed:
            Path(self.closed).write_text("closed")


class Forgetful(LineWorld):
    """Loses its agent 0 in its second step, and says so."""

    def __init__(self):
        super().__init__(2)
        self.lost = {}
        self.steps = 0

    def step(self, actions):
        self.steps += 1
        self.lost = {NAME: np.array([0])} if self.steps == 2 else {}
        return super().step(actions)

    def take_lost(self):
        return self.lost


class WithPlayer(LineWorld):
    """Has a player of its own, which does not end by itself."""

    def __init__(self, stuck=False, told=True):
        super().__init__(1)
        self.player = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        self.player_pid = self.player.pid if told else None
        self.stuck = stuck

    def step(self, actions):
        if self.stuck:
            time.sleep(1000)
        return super().step(actions)

    def close(self):
        self.player.kill()
        self.player.wait()


class Parametric(LineWorld):
    """Shows its parameter `size`, which is 1 at first, as the reward of each step."""

    default_parameters = {"size": 1.0}  # noqa: RUF012

    def step(self, actions):
        steps = super().step(actions)
        rewards = np.full_like(steps[NAME].rewards, self.parameters["size"])
        return {NAME: steps[NAME]._replace(rewards=rewards)}


class Growing:
    """Twice as many agents each step, which see pictures; none in step 3, no behavior in step 4."""

    specs = {"Growing": Spec((ObservationSpec((3, 20, 20), dtype="uint8"),), ActionSpec(1))}  # noqa: RUF012

    def __init__(self):
        self.count = 0

    def reset(self, parameters=None):
        return self._now()

    def step(self, actions):
        self.count += 1
        return {} if self.count == 4 else self._now()

    def _now(self):
        count = 0 if self.count == 3 else 2**self.count
        pictures = np.full((count, 3, 20, 20), self.count, np.uint8)
        return {"Growing": make_step(np.arange(count), (pictures,))}

    def close(self):
        pass


class WrongShape(LineWorld):
    """Sees two numbers where its spec says one."""

    def _observe(self):
        return (np.zeros((self.num_areas, 2), np.float32),)


def choose_spec(number):
    """LineWorld whose spec depends on the worker."""
    world = LineWorld(1)
    world._specs = {NAME: Spec((ObservationSpec((number,)),), ActionSpec(1))}
    return world
