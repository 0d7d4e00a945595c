"""PPO end to end beside the peers, in turn on one machine; prints and writes medians.

    python benchmarks/ppo_peers.py --torch-python TORCH/bin/python --jax-python JAX/bin/python

The two interpreters hold the peers (see the folder of their scripts); a peer whose interpreter is
not given is left out. Runs follow each other round by round, so that a machine that slows down
slows down everybody; the ratio is taken within a round.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SETUPS = {1: (64, 2048), 16: (64, 2048), 256: (1024, 20480), 2048: (1024, 20480)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python")
    parser.add_argument("--jax-python")
    parser.add_argument("--peers", type=Path, default=Path("../shared/bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--agents", type=int, nargs="+", default=list(SETUPS))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/ppo_speed.csv"))
    args = parser.parse_args()
    rows = []
    for agents in args.agents:
        batch, buffer = SETUPS[agents]
        speeds: dict[str, list[float]] = {}
        for _ in range(args.rounds):
            for name, command in commands(args, agents, batch, buffer).items():
                speeds.setdefault(name, []).append(measure(command, args.peers))
        rows += [row(agents, name, speeds) for name in speeds]
        for line in rows[-len(speeds) :]:
            print(json.dumps(line), flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def commands(
    args: argparse.Namespace, agents: int, batch: int, buffer: int
) -> dict[str, list[str]]:
    """What each library runs for one setup."""
    seconds = str(args.seconds)
    ours = [sys.executable, str(HERE / "ppo_end_to_end.py"), "--agents", str(agents)]
    found = {"mlagents_tf": [*ours, "--seconds", seconds, "--peers", str(args.peers)]}
    sizes = [str(agents), str(buffer), str(batch), "3", "128", seconds]
    if args.torch_python:
        found["mlagents"] = [
            *(args.torch_python, "mla_ppo_e2e.py", str(agents), str(batch), str(buffer), seconds)
        ]
        found["sb3"] = [args.torch_python, "sb_run.py", "sb3", "ppo_np", *sizes]
    if args.jax_python:
        found["sbx"] = [args.jax_python, "sb_run.py", "sbx", "ppo_np", *sizes]
    return found


def measure(command: list[str], peers: Path) -> float:
    """Agent-steps per second of one run."""
    place = None if command[0] == sys.executable else peers
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise RuntimeError(f"{' '.join(command)} printed no result:\n{done.stderr[-2000:]}")
    found = json.loads(lines[-1])
    return float(
        found.get("steps_per_s_update_to_update") or found.get("agent_steps_per_s") or found["fps"]
    )


def row(agents: int, name: str, speeds: dict[str, list[float]]) -> dict[str, object]:
    """Median, range, and the median of ours / theirs within a round."""
    mine, theirs = speeds["mlagents_tf"], speeds[name]
    return {
        "agents": agents,
        "library": name,
        "median": round(statistics.median(theirs)),
        "min": round(min(theirs)),
        "max": round(max(theirs)),
        "ours_over_theirs": round(
            statistics.median(a / b for a, b in zip(mine, theirs, strict=True)), 2
        ),
    }


if __name__ == "__main__":
    main()
