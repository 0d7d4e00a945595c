"""Seconds until CartPole-v1 is solved in training: the last 100 episodes mean 475 or more.

    python benchmarks/ppo_solve.py --seeds 0 1 2 --jax-python JAX/bin/python

Building and compiling count, imports do not, as in the peers' script (`sb_run.py sbx ppo_learn`),
which is run in turn when its interpreter is given.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mlagents_tf.envs.gymnasium import GymnasiumEnv
from mlagents_tf.settings.load import load_settings
from mlagents_tf.trainers.ppo import PPOTrainer

BEHAVIOR = "CartPole-v1"
WINDOW, THRESHOLD = 100, 475.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--config", type=Path, default=Path("config/ppo/CartPole-v1.yaml"))
    parser.add_argument("--jax-python")
    parser.add_argument("--peers", type=Path, default=Path("../shared/bench"))
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")
    for seed in args.seeds:
        print(json.dumps(solve(args.config, seed)), flush=True)
        if args.jax_python:
            command = [args.jax_python, "sb_run.py", "sbx", "ppo_learn", str(seed), "120"]
            print(subprocess.check_output(command, cwd=args.peers, text=True), end="", flush=True)


def solve(config: Path, seed: int) -> dict[str, object]:
    """Trains with a configuration until it is solved or its max_steps are over."""
    settings = load_settings(config).settings
    began = time.perf_counter()
    env = GymnasiumEnv(BEHAVIOR, settings.env_settings.num_areas or 16, seed)
    trainer = PPOTrainer(BEHAVIOR, env.specs[BEHAVIOR], settings.for_behavior(BEHAVIOR), seed)
    steps = env.reset()
    trainer.observe(steps[BEHAVIOR])
    returns: list[float] = []
    solved = False
    while not solved and not trainer.finished:
        steps = env.step({BEHAVIOR: trainer.act(steps[BEHAVIOR])})
        returns += trainer.observe(steps[BEHAVIOR]).returns.tolist()
        solved = len(returns) >= WINDOW and float(np.mean(returns[-WINDOW:])) >= THRESHOLD
        if trainer.ready() and not solved:
            trainer.update()
    seconds = time.perf_counter() - began
    env.close()
    return {
        "lib": "mlagents_tf",
        "seed": seed,
        "solved": solved,
        "wall_s": round(seconds, 1),
        "steps": trainer.steps,
        "episodes": len(returns),
    }


if __name__ == "__main__":
    main()
