"""What a `.demo` file holds, for programs and for people."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_rows import choose_alignment
from mlagents_tf.data.demos import describe, summarize


def report_of(file: DemoFile, alignment: str) -> dict[str, Any]:
    """Plain values, after reading all of the file."""
    chosen = choose_alignment(file, alignment)
    summary = summarize(file, chosen)
    return {
        "behavior": file.behavior,
        "spec": describe(file.spec),
        "pairs": file.num_records,
        "actions": int(summary.lengths.sum()),
        "masked_pairs": summary.num_masked,
        "episodes": len(summary.returns),
        "terminated": summary.num_terminated,
        "interrupted": summary.num_interrupted,
        "open": summary.num_open,
        "length": _spread(summary.lengths),
        "return": _spread(summary.returns),
        "alignment": chosen.kind,
        "reason": chosen.reason,
    }


def _spread(values: Any) -> dict[str, float]:
    if not len(values):
        return {}
    found = {"mean": np.mean(values), "min": np.min(values), "max": np.max(values)}
    return {name: float(value) for name, value in found.items()}


def lines_of(report: dict[str, Any]) -> dict[str, str]:
    """The same for people."""
    ends = {
        "terminated": report["terminated"],
        "interrupted": report["interrupted"],
        "open where the file ends": report["open"],
    }
    spread = "mean {mean:.3f}, {min:.3f} to {max:.3f}"
    lines = {
        "behavior": report["behavior"],
        "spec": report["spec"],
        "pairs": f"{report['pairs']}, {report['actions']} to learn from",
        "episodes": ", ".join(
            [str(report["episodes"]), *(f"{count} {end}" for end, count in ends.items() if count)]
        ),
        "length": spread.format(**report["length"]) if report["length"] else "none",
        "return": spread.format(**report["return"]) if report["return"] else "none",
        "alignment": f"{report['alignment']}: {report['reason']}",
    }
    if report["masked_pairs"]:
        lines["masks"] = f"options are forbidden in {report['masked_pairs']} pairs"
    return lines
