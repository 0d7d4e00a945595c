"""SAC's update and Pendulum end to end beside the peers, in turn on one machine; writes medians.

    python benchmarks/sac_peers.py --torch-python TORCH/bin/python --jax-python JAX/bin/python

The two interpreters hold the peers (see the folder of their scripts); a peer whose interpreter is
not given is left out. Gradient steps per second include sampling, 64 to a call for those that can;
ML-Agents and Stable-Baselines3 make one after another.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

from peers import OURS, printed, rows, write

HERE = Path(__file__).parent
CRITICS = ("q_target", "value_target")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python")
    parser.add_argument("--jax-python")
    parser.add_argument("--peers", type=Path, default=Path("../shared/bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", choices=["updates", "pendulum"])
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    args = parser.parse_args()
    if args.only != "pendulum":
        write(args.out / "sac_updates.csv", shown(updates(args)))
    if args.only != "updates":
        write(args.out / "sac_speed.csv", shown(pendulum(args)))


def shown(lines: list[dict]) -> list[dict]:
    for line in lines:
        print(json.dumps(line), flush=True)
    return lines


def updates(args: argparse.Namespace) -> list[dict]:
    """Gradient steps per second by network and batch."""
    speeds: dict[tuple, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(args.rounds):
        for critic in CRITICS:
            ours = [sys.executable, str(HERE / "sac_update.py"), "--critic", critic]
            for line in printed([*ours, "--seconds", "2"], args.peers):
                speeds[line["net"], line["batch"], critic][OURS].append(line["updates_per_s"])
        for name, command in update_commands(args).items():
            for line in printed(command, args.peers):
                rate = line.get("updates_per_s") or line["sample_plus_update_per_s"]
                for critic in CRITICS:
                    speeds[line["net"], line["batch"], critic][name].append(rate)
    return [
        line
        for (net, batch, critic), found in speeds.items()
        for line in rows({"net": net, "batch": batch, "critic": critic}, found)
    ]


def update_commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """What each peer runs; ML-Agents has a value network, the others target Q networks."""
    found = {}
    if args.jax_python:
        found["sbx"] = [args.jax_python, "sb_run.py", "sbx", "sac_upd", "64"]
    if args.torch_python:
        found["sb3"] = [args.torch_python, "sb_run.py", "sb3", "sac_upd", "64"]
        found["mlagents"] = [args.torch_python, "mla_updates.py", "sac"]
    return found


def pendulum(args: argparse.Namespace) -> list[dict]:
    """Steps per second with a gradient step for each, one by one and 64 at a time."""
    lines = []
    for interval in (1, 64):
        speeds: dict[str, list[float]] = defaultdict(list)
        for _ in range(args.rounds):
            for name, command in pendulum_commands(args, interval).items():
                line = printed(command, args.peers)[-1]
                speeds[name].append(line.get("fps") or line["agent_steps_per_s"])
        lines += rows({"net": "2x256", "batch": 256, "interval": interval}, speeds)
    return lines


def pendulum_commands(args: argparse.Namespace, interval: int) -> dict[str, list[str]]:
    """What each library runs."""
    seconds = str(args.seconds)
    ours = [sys.executable, str(HERE / "sac_end_to_end.py"), "--seconds", seconds]
    found = {OURS: [*ours, "--interval", str(interval)]}
    turns = ["1", "256", "256", str(interval), str(interval), seconds]
    if args.jax_python:
        found["sbx"] = [args.jax_python, "sb_run.py", "sbx", "sac", *turns]
    if args.torch_python:
        found["sb3"] = [args.torch_python, "sb_run.py", "sb3", "sac", *turns]
        found["mlagents"] = [args.torch_python, "mla_sac_e2e.py", "1", "256", "256", seconds]
    return found


if __name__ == "__main__":
    main()
