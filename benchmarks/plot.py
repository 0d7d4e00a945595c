"""Draws the training curves of docs/benchmarks/curves as one SVG.

python benchmarks/plot.py
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, default=Path("docs/benchmarks/curves"))
    args = parser.parse_args()
    thresholds = {}
    with (args.curves / "results.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            thresholds[row["name"]] = float(row["threshold"])
    figure, axes = plt.subplots(1, len(thresholds), figsize=(3.2 * len(thresholds), 2.8))
    for axis, (name, threshold) in zip(axes, thresholds.items(), strict=True):
        for steps, rewards in curves(args.curves / f"{name}.csv").values():
            axis.plot(steps, rewards, linewidth=1.2)
        axis.axhline(threshold, color="grey", linestyle=":", linewidth=1)
        axis.set_title(name, fontsize=10)
        axis.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
        axis.tick_params(labelsize=8)
    axes[0].set_ylabel("mean training reward", fontsize=9)
    figure.tight_layout()
    figure.savefig(args.curves / "curves.svg", metadata={"Date": None})


def curves(path: Path) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and rewards of each seed."""
    found: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            steps, rewards = found[row["seed"]]
            steps.append(int(row["step"]))
            rewards.append(float(row["mean_reward"]))
    return found


if __name__ == "__main__":
    main()
