"""Draws the training curves of docs/benchmarks/curves, one picture for each kind of run.

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

VARIANTS = ("q_target", "value_target", "flat", "without", "lessons", "ppo", "longer", "goalie")
TEAMS = ("WallJump", "CooperativePushBlock", "DungeonEscape", "Tennis", "StrikersVsGoalie")
BESIDES_VECTORS = ("GridWorld-image", "Match3", "FoodCollector", "Sorter")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, default=Path("docs/benchmarks/curves"))
    args = parser.parse_args()
    thresholds: dict[str, str] = {}
    with (args.curves / "results.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            thresholds[row["name"]] = row["threshold"]
    pictures = defaultdict(list)
    for name in thresholds:
        pictures[picture(name)].append(name)
    for out, names in pictures.items():
        draw(args.curves, names, thresholds, out)


def picture(name: str) -> str:
    """The file that a run is drawn in."""
    if "gail" in name or name.startswith(("imitation-", "bc-ppo-", "ppo-")):
        return "imitation.svg"
    if name.startswith(("maze-", "curiosity-")):
        return "exploration.svg"
    if name.startswith(BESIDES_VECTORS):
        return "images.svg"
    if name.startswith(("memory-", "Hallway")):
        return "memory.svg"
    if name.startswith(TEAMS):
        return "teams.svg"
    return "sac.svg" if name.startswith("sac-") else "curves.svg"


def draw(folder: Path, names: list[str], thresholds: dict[str, str], out: str) -> None:
    """One panel for each environment; runs whose name ends in a variant join its panel, dashed."""
    panels = [name for name in names if not name.endswith(VARIANTS)]
    size = (3.2 * len(panels), 2.8)
    figure, (axes,) = plt.subplots(1, len(panels), figsize=size, squeeze=False)
    for axis, panel in zip(axes, panels, strict=True):
        for name in (panel, *(f"{panel}-{variant}" for variant in VARIANTS)):
            if name not in names:
                continue
            axis.set_prop_cycle(None)
            style, label = ("-", None) if name == panel else ("--", name.removeprefix(f"{panel}-"))
            heading, found = curves(folder / f"{name}.csv")
            for steps, values in found.values():
                axis.plot(steps, values, style, linewidth=1.2, label=label)
                label = None
            axis.set_ylabel("ELO" if heading == "elo" else "", fontsize=9)
            if name != panel:
                axis.legend(fontsize=7)
        if thresholds[panel]:
            axis.axhline(float(thresholds[panel]), color="grey", linestyle=":", linewidth=1)
        axis.set_title(panel.removeprefix("sac-"), fontsize=10)
        axis.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
        axis.tick_params(labelsize=8)
    axes[0].set_ylabel("mean training reward", fontsize=9)
    figure.tight_layout()
    plt.rcParams["svg.hashsalt"] = out  # the same ids each time
    figure.savefig(folder / out, metadata={"Date": None})


def curves(path: Path) -> tuple[str, dict[str, tuple[list[int], list[float]]]]:
    """What is drawn, and steps and values of each seed."""
    found: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    with path.open(newline="") as file:
        rows = csv.reader(file)
        heading = next(rows)[2]
        for seed, step, value in rows:
            steps, values = found[seed]
            steps.append(int(step))
            values.append(float(value))
    return heading, found


if __name__ == "__main__":
    main()
