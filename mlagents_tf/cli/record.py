"""`mlagents-tf record RUN OUT.gif`: a trained policy as moving pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlagents_tf.cli.evaluate import add_policy_arguments, open_policy, positive


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("record", help="record a trained policy as a GIF")
    add_policy_arguments(parser)
    parser.add_argument("out", type=Path, metavar="OUT.gif")
    parser.add_argument("--steps", type=positive, default=200, help="decisions to record (200)")
    parser.add_argument("--fps", type=positive, default=10, help="decisions per second (10)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plays the first area and writes the GIF."""
    from contextlib import closing

    args.num_areas = args.num_areas or 1
    env, trainers = open_policy(args, drawable=True)
    from mlagents_tf.run.evaluate import record

    with closing(env):
        frames = record(env, trainers, args.out, steps=args.steps, fps=args.fps, seed=args.seed)
    print(f"Wrote {args.out} ({frames} frames).")
    return 0
