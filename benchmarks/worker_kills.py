"""Kills environment processes at random while others play, and counts what is left behind.

python benchmarks/worker_kills.py --kills 200
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from mlagents_tf.envs.check import check_step, random_actions
from mlagents_tf.envs.registry import make_env
from mlagents_tf.envs.workers.restarts import RestartLimits
from mlagents_tf.envs.workers.workers import Workers

SEGMENTS = Path("/dev/shm")
AFTERWARDS = 3.0  # seconds of play after the last kill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between kills")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--env", default="toy-fuzz")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    before, began = segments(), time.monotonic()
    makers = [partial(make_env, args.env, seed=seed) for seed in range(args.workers)]
    remarks: list[str] = []
    env = Workers(makers, limits=RestartLimits(-1, -1), notify=remarks.append)
    facts = play(env, args.kills, args.pause, np.random.default_rng(args.seed))
    left = [child for child in psutil.Process().children() if is_environment(child)]
    env.close()
    orphans = [child for child in left if child.is_running()]
    facts |= {
        "restarts": len(remarks),
        "orphans": len(orphans),
        "segments": len(segments() - before),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(facts))


def play(
    env: Workers, kills: int, pause: float, generator: np.random.Generator
) -> dict[str, object]:
    """Plays until enough were killed, one in `pause` seconds on average, and a while longer."""
    steps, done, rows, lost = env.reset(), 0, 0, 0
    killed = 0
    due = time.monotonic()
    while killed < kills or time.monotonic() < due:
        actions = {}
        for name, step in steps.items():
            check_step(name, env.specs[name], step)
            rows += len(step.agent_ids)
            actions[name] = random_actions(generator, env.specs[name].actions, step)
        steps = env.step(actions)
        done += 1
        lost += sum(map(len, env.take_lost().values()))
        if killed < kills and time.monotonic() >= due:
            children = psutil.Process().children()
            alive = [child for child in children if is_environment(child)]
            if alive:
                alive[generator.integers(len(alive))].kill()
                killed += 1
            wait = generator.uniform(0.0, 2 * pause) if killed < kills else AFTERWARDS
            due = time.monotonic() + wait
    return {"kills": killed, "steps": done, "rows": rows, "lost_agents": lost}


def is_environment(process: psutil.Process) -> bool:
    """Whether a child is a worker's process, and alive."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def segments() -> set[Path]:
    """Names of shared memory that is in use."""
    return set(SEGMENTS.glob("psm_*")) if SEGMENTS.is_dir() else set()


if __name__ == "__main__":
    main()
