"""Trains, evaluates and writes down what was learned: the source of docs/benchmarks/.

    python benchmarks/learning.py --config config/trainer_config.yaml --env 3DBall --seeds 0 1 2

For every seed it runs `mlagents-tf learn` and `mlagents-tf evaluate` as a user would, and adds
the curve to `<out>/<name>.csv` and the result to `<out>/results.csv`.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = ("-m", "mlagents_tf")
REWARD, ELO = "Environment/Cumulative Reward", "Self-play/ELO"
HEADINGS = {REWARD: "mean_reward", ELO: "elo"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--env", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--num-areas", type=int)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--max-episode-steps", type=int, default=10_000)
    parser.add_argument("--threshold", type=float, help="mean reward that counts as learned")
    parser.add_argument("--behavior", help="whose figures; the first by default")
    parser.add_argument("--elo", action="store_true", help="the curve is of ratings, not rewards")
    parser.add_argument("--name", help="of the curve's file; the environment's by default")
    parser.add_argument(
        "--program", nargs=1, default=PROGRAM, help="a script that stands for `mlagents-tf`"
    )
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/curves"))
    parser.add_argument("rest", nargs="*", help="further arguments of learn, after --")
    args = parser.parse_args()
    name = args.name or args.env.removeprefix("gym:")
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        run_dir = args.results_dir / f"{name}-{seed}"
        seconds = learn(args, run_dir, seed)
        result = evaluate(args, run_dir)
        column = ELO if args.elo else REWARD
        add_curve(args.out / f"{name}.csv", run_dir, seed, column, args.behavior or "*")
        add_result(args.out / "results.csv", name, seed, seconds, result, args.threshold)


def learn(args: argparse.Namespace, run_dir: Path, seed: int) -> float:
    """Trains; returns wall-clock seconds, imports and compilation included."""
    areas = ["--num-areas", str(args.num_areas)] if args.num_areas else []
    began = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, *args.program, "learn", args.config, "--env", args.env, *areas),
            *("--seed", str(seed), "--run-id", run_dir.name, "--force"),
            *("--results-dir", str(run_dir.parent), *args.rest),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.monotonic() - began


def evaluate(args: argparse.Namespace, run_dir: Path) -> dict[str, float]:
    """Figures of the deterministic policy of one behavior."""
    command = [sys.executable, *args.program, "evaluate", str(run_dir), "--json"]
    command += ["--episodes", str(args.episodes)]
    command += ["--max-episode-steps", str(args.max_episode_steps)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(printed)
    return found[args.behavior or next(iter(found))]


def add_curve(
    path: Path, run_dir: Path, seed: int, column: str = REWARD, behavior: str = "*"
) -> None:
    """Adds the run's summaries: seed, step, mean reward or rating."""
    table = next(run_dir.glob(f"{behavior}/statistics.csv"))
    with table.open(newline="") as file:
        rows = [(row["Step"], row[column]) for row in csv.DictReader(file) if row[column]]
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["seed", "step", HEADINGS[column]])
        writer.writerows((seed, step, f"{float(value):.4f}") for step, value in rows)


def add_result(
    path: Path,
    name: str,
    seed: int,
    seconds: float,
    result: dict[str, float],
    threshold: float | None,
) -> None:
    """Adds one line and prints it."""
    mean = result["mean_reward"]
    line = {
        "name": name,
        "seed": seed,
        "steps": int(result["steps"]),
        "seconds": round(seconds, 1),
        "episodes": int(result["episodes"]),
        "mean_reward": round(mean, 4),
        "std_reward": round(result["std_reward"], 4),
        "threshold": threshold,
        "reached": None if threshold is None else mean >= threshold,
    }
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, line)
        if new:
            writer.writeheader()
        writer.writerow(line)
    print(json.dumps(line), file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
