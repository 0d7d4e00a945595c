"""Playing with workers, for tests."""

import time

import numpy as np
import psutil

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.workers.restarts import RestartLimits
from mlagents_tf.envs.workers.workers import Workers

NO_LIMITS = RestartLimits(-1, -1)


def make_workers(*makers, **arguments):
    """Workers whose remarks are in `workers.remarks`."""
    remarks = []
    workers = Workers(makers, **{"notify": remarks.append, "step_timeout": 20.0, **arguments})
    workers.remarks = remarks
    return workers


def answers(env, steps, generator):
    """Random actions for all agents of `steps` that decide."""
    return {
        name: random_actions(generator, env.specs[name].actions, step)
        for name, step in steps.items()
    }


def play(env, steps, count, generator=None):
    """The step after `count` more."""
    generator = generator or np.random.default_rng(0)
    for _ in range(count):
        steps = env.step(answers(env, steps, generator))
    return steps


def play_until(env, steps, condition, seconds=20.0):
    """Plays until `condition(steps)`; the step at which it was so."""
    generator = np.random.default_rng(0)
    until = time.monotonic() + seconds
    while not condition(steps):
        assert time.monotonic() < until, "it never came"
        steps = env.step(answers(env, steps, generator))
    return steps


def environment_processes():
    """Child processes that are environments, and alive."""
    return [child for child in psutil.Process().children() if "spawn_main" in command(child)]


def command(process):
    """The command line of a process, nothing if it is dead."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def gone(process, seconds=8.0):
    """Whether a process ends within `seconds`; a dead child of nobody counts."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not psutil.pid_exists(process.pid) or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
