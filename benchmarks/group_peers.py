"""POCA and self-play end to end beside ML-Agents, in turn; prints and writes medians.

    python benchmarks/group_peers.py --torch-python TORCH/bin/python

Self-play is compared with runs of ours without it, too: of the same two teams, each training for
itself, and of as many agents of one behavior.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from peers import OURS, printed, rows, write
from synthetic import POCA, PPO, SELF_PLAY, TEAMS_ALONE

HERE = Path(__file__).parent
MEASURES = ("steps_per_s", "steps_per_cpu_s", "learned_per_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", help="which holds ML-Agents; else it is left out")
    parser.add_argument("--games", nargs="+", default=[POCA, SELF_PLAY])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=3, help="updates before the first window")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--hidden-units", type=int, default=128)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of PyTorch")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/group_speed.csv"))
    args = parser.parse_args()
    # threads that spin while they wait take many times as long where others use the machine
    os.environ["OMP_WAIT_POLICY"] = "passive"
    lines = []
    for game in args.games:
        speeds: dict[str, dict[str, list[float]]] = {measure: {} for measure in MEASURES}
        for _ in range(args.rounds):
            for library, command in commands(args, game).items():
                found = printed(command, HERE)[-1]
                print(json.dumps(found), flush=True)
                for measure, by_library in speeds.items():
                    by_library.setdefault(library, []).append(found[measure])
        for measure, by_library in speeds.items():
            setup = {"game": game, "hidden_units": args.hidden_units, "measure": measure}
            lines += rows(setup, by_library)
    for line in lines:
        print(json.dumps(line))
    write(args.out, lines)


def commands(args: argparse.Namespace, game: str) -> dict[str, list[str]]:
    """What each library runs for one game."""
    ours = [sys.executable, str(HERE / "group_end_to_end.py")]
    sizes = ["--seconds", str(args.seconds), "--windows", str(args.windows)]
    sizes += ["--hidden-units", str(args.hidden_units), "--warm-up", str(args.warm_up)]
    found = {OURS: [*ours, game, *sizes]}
    if game == SELF_PLAY:
        found |= {f"{OURS}, {g}": [*ours, g, *sizes] for g in (TEAMS_ALONE, PPO)}
    if args.torch_python:
        theirs = [args.torch_python, str(HERE / "group_end_to_end_peers.py"), game, *sizes]
        for threads in args.threads:
            found[f"mlagents, threads {threads}"] = [*theirs, "--threads", str(threads)]
    return found


if __name__ == "__main__":
    main()
