"""Reward signals beside those of ML-Agents, in turn on one machine; writes medians and ratios.

    python benchmarks/rewards_peers.py --torch-python TORCH/bin/python

The interpreter holds ML-Agents (see the folder of its scripts). Ours make 64 gradient steps to a
call, as SAC does and PPO with more; ML-Agents makes one after another.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

from peers import OURS, printed, rows, write

HERE = Path(__file__).parent
WHAT = ("update", "evaluate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--peers", type=Path, default=Path("../shared/bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    args = parser.parse_args()
    commands = {
        OURS: [sys.executable, str(HERE / "rewards_update.py"), "--per-call", "64"],
        # what it borrows from mla_updates.py wants the name of a trainer
        "mlagents": [args.torch_python, "mla_rewards.py", "ppo"],
    }
    speeds: dict[tuple, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(args.rounds):
        for library, command in commands.items():
            for line in printed(command, args.peers):
                for what in WHAT:
                    key = line["provider"], line["net"], line["batch"], what
                    speeds[key][library].append(1e3 / line[f"{what}_ms"])
    lines = []
    for (provider, net, batch, what), found in speeds.items():
        setup = {"signal": provider, "net": net, "batch": batch, "what": f"{what}s per second"}
        lines += rows(setup, found)
    for line in lines:
        print(json.dumps(line), flush=True)
    write(args.out / "rewards_speed.csv", lines)


if __name__ == "__main__":
    main()
