"""Wall time of a run with and without `threaded`, in an environment that takes 5 ms for each step.

    python benchmarks/threaded.py ppo
    python benchmarks/threaded.py sac

The environment sleeps, as one does that is computed elsewhere (a Unity player, worker processes).
Both ways alternate; a line of JSON for each repetition, then the ratio of the medians.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from typing import Any

import mlagents_tf
from mlagents_tf.envs.registry import make_env
from mlagents_tf.run.script import Progress
from mlagents_tf.steps import Actions, Step

STEPS = {"ppo": 40_000, "sac": 20_000}
"""Of the agents together; the first tenth, in which updates are compiled, is not timed."""

HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "ppo": {"batch_size": 256, "buffer_size": 4096, "num_epoch": 3},
    "sac": {
        "batch_size": 128,
        "buffer_size": 50_000,
        "buffer_init_steps": 500,
        "steps_per_update": 5,
        "train_interval": 20,
    },
}


class Slow:
    """3DBall whose steps take longer, with nothing computed meanwhile."""

    def __init__(self, seconds: float, areas: int) -> None:
        self.world = make_env("3DBall", num_areas=areas, seed=0)
        self.specs = self.world.specs
        self.seconds = seconds

    def reset(self, parameters: Mapping[str, Any] | None = None) -> dict[str, Step]:
        return self.world.reset(parameters)

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        time.sleep(self.seconds)
        return self.world.step(actions)

    def close(self) -> None:
        self.world.close()


def seconds_of_a_run(args: argparse.Namespace, threaded: bool) -> float:
    """From the first summary to the last, both read on the clock of the loop."""
    max_steps = args.steps or STEPS[args.trainer]
    times: list[float] = []

    def note(progress: Progress) -> None:
        times.append(time.perf_counter())

    settings = {
        "default_settings": {
            "trainer_type": args.trainer,
            "hyperparameters": HYPERPARAMETERS[args.trainer],
            "network_settings": {"hidden_units": 128, "num_layers": 2, "normalize": True},
            "max_steps": max_steps,
            "summary_freq": max_steps // 10,
            "time_horizon": 1000,
            "threaded": threaded,
        }
    }
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        mlagents_tf.learn(
            settings,
            env=Slow(args.milliseconds / 1000, args.areas),
            run_id="threaded",
            results_dir=folder,
            seed=0,
            callbacks=[note],
        )
    return times[-1] - times[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trainer", choices=sorted(STEPS))
    parser.add_argument("--milliseconds", type=float, default=5.0, help="of an environment step")
    parser.add_argument("--areas", type=int, default=20)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    found: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(args.repeats):
        for threaded, seconds in found.items():
            seconds.append(seconds_of_a_run(args, threaded))
            line = {"trainer": args.trainer, "threaded": threaded, "seconds": seconds[-1]}
            print(json.dumps(line), flush=True)
    ratio = statistics.median(found[False]) / statistics.median(found[True])
    print(json.dumps({"trainer": args.trainer, "speedup": round(ratio, 3)}))


if __name__ == "__main__":
    main()
