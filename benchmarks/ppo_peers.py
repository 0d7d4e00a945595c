"""PPO end to end beside the peers, in turn on one machine; prints and writes medians.

    python benchmarks/ppo_peers.py --torch-python TORCH/bin/python --jax-python JAX/bin/python

The two interpreters hold the peers (see the folder of their scripts); a peer whose interpreter is
not given is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from peers import OURS, printed, rows, write

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
    lines = []
    for agents in args.agents:
        batch, buffer = SETUPS[agents]
        speeds: dict[str, list[float]] = {}
        for _ in range(args.rounds):
            for name, command in commands(args, agents, batch, buffer).items():
                speeds.setdefault(name, []).append(measure(command, args.peers))
        lines += rows({"agents": agents}, speeds)
        for line in lines[-len(speeds) :]:
            print(json.dumps(line), flush=True)
    write(args.out, lines)


def commands(
    args: argparse.Namespace, agents: int, batch: int, buffer: int
) -> dict[str, list[str]]:
    """What each library runs for one setup."""
    seconds = str(args.seconds)
    ours = [sys.executable, str(HERE / "ppo_end_to_end.py"), "--agents", str(agents)]
    found = {OURS: [*ours, "--seconds", seconds, "--peers", str(args.peers)]}
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
    found = printed(command, peers)[-1]
    return float(
        found.get("steps_per_s_update_to_update") or found.get("agent_steps_per_s") or found["fps"]
    )


if __name__ == "__main__":
    main()
