"""Steps per second of environments in processes, and what a process costs each step.

Two things are measured. How far environments that only sleep, 5 ms for each step, are stepped side
by side; the loop answers with zeros. And microseconds for one step of an environment in this
process, and alone in a process of its own, with the same random actions.

python benchmarks/workers.py
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from functools import partial

import numpy as np

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.toy import LineWorld
from mlagents_tf.envs.env import Env
from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.workers.workers import Workers
from mlagents_tf.steps import Actions, Step, no_actions

ENVIRONMENTS = {"3DBall": 12, "GridWorld": 9, "toy-fuzz": 4}
"""Areas by name; GridWorld's agents see pictures, toy-fuzz' come and go."""


class Sleeper(LineWorld):
    """An agent on a line, whose environment takes its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(1)
        self.seconds = seconds

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        time.sleep(self.seconds)
        return super().step(actions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--sleep", type=float, default=0.005, help="seconds of each step")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    alone = steps_per_second(1, args.sleep, args.seconds)
    for count in args.workers:
        rate = steps_per_second(count, args.sleep, args.seconds)
        line = {"workers": count, "steps_per_second": round(rate), "gain": round(rate / alone, 2)}
        print(json.dumps(line), flush=True)
    for name, areas in ENVIRONMENTS.items():
        print(json.dumps(costs(name, areas, args.steps, args.repeats)), flush=True)


def steps_per_second(count: int, sleep: float, seconds: float) -> float:
    """Of all workers together."""
    env = Workers([partial(Sleeper, sleep)] * count, notify=print)
    steps, done = env.reset(), 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        steps = env.step(
            {
                name: no_actions(env.specs[name].actions, step.num_deciding)
                for name, step in steps.items()
            }
        )
        done += sum(step.num_deciding for step in steps.values())
    rate = done / (time.perf_counter() - began)
    env.close()
    return rate


def costs(name: str, areas: int, steps: int, repeats: int) -> dict[str, object]:
    """Microseconds for a step in this process and in another, taken in turn: median and least."""
    maker = partial(make_env, name, num_areas=areas, seed=1)
    here, there = maker(), Workers([maker], notify=print)
    times = np.array(
        [(microseconds(here, steps), microseconds(there, steps)) for _ in range(repeats)]
    )
    there.close()
    return {
        "environment": name,
        "areas": areas,
        "here_us": summary(times[:, 0]),
        "in_a_process_us": summary(times[:, 1]),
        "more_us": summary(times[:, 1] - times[:, 0]),
    }


def summary(values: np.ndarray) -> dict[str, float]:
    """Of one column."""
    return {"median": round(float(np.median(values))), "least": round(float(values.min()))}


def microseconds(env: Env, count: int) -> float:
    """For a step, without choosing its actions."""
    generator = np.random.default_rng(0)
    steps, spent = env.reset(), 0.0
    for _ in range(count):
        actions = {
            name: random_actions(generator, env.specs[name].actions, step)
            for name, step in steps.items()
        }
        began = time.perf_counter()
        steps = env.step(actions)
        spent += time.perf_counter() - began
    return 1e6 * spent / count


if __name__ == "__main__":
    main()
