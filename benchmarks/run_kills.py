"""A training run whose worker processes are killed all the time: what it learns, what is left.

    python benchmarks/run_kills.py [--kills 200] [--workers 3]

Trains 3DBall with PPO while a thread kills a worker at random, as often as asked for; then plays
the policy. Prints the mean return, kills, steps, and what is left behind: processes, and
segments of shared memory.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from pathlib import Path

import psutil

import mlagents_tf
from mlagents_tf.cli.main import main as command

CONFIG = Path(__file__).parents[1] / "config" / "ppo" / "3DBall.yaml"
SEGMENTS = Path("/dev/shm")


def workers() -> list[psutil.Process]:
    """Worker processes of this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def segments() -> set[str]:
    """Names of segments of shared memory."""
    return set(os.listdir(SEGMENTS)) if SEGMENTS.is_dir() else set()


def kill(count: int, pause: float, done: threading.Event, killed: list[int]) -> None:
    """Kills `count` workers, one at a time."""
    chance = random.Random(0)
    while len(killed) < count and not done.wait(pause * chance.uniform(0.5, 1.5)):
        try:
            victim = chance.choice(workers())
            victim.kill()
            killed.append(victim.pid)
        except (IndexError, psutil.Error):
            pass  # none is there, or it has just gone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4_000_000, help="of the run")
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between kills")
    args = parser.parse_args()
    before, done, killed = segments(), threading.Event(), []
    settings = {
        "env_settings": {
            "num_envs": args.workers,
            "num_areas": 12,
            "max_lifetime_restarts": -1,
            "restarts_rate_limit_n": -1,
        }
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "kills.yaml"
        text = CONFIG.read_text(encoding="utf-8")
        text = text.replace("max_steps: 500000", f"max_steps: {args.steps}")
        lines = [f"  {key}: {value}" for key, value in settings["env_settings"].items()]
        config.write_text("\n".join([text, "env_settings:", *lines, ""]), encoding="utf-8")
        killer = threading.Thread(target=kill, args=(args.kills, args.pause, done, killed))
        began = time.monotonic()
        result = mlagents_tf.learn(
            config,
            "3DBall",
            run_id="kills",
            results_dir=Path(folder) / "results",
            seed=0,
            callbacks=[lambda _: None if killer.ident else killer.start()],
        )
        seconds = time.monotonic() - began
        done.set()
        killer.join()
        time.sleep(1.0)
        command(["evaluate", str(result.run_dir), "--episodes", "100"])
    print(f"kills: {len(killed)}, steps: {result.steps}, seconds: {seconds:.0f}")
    print(f"workers left: {len(workers())}, segments left: {len(segments() - before)}")


if __name__ == "__main__":
    main()
