"""`mlagents-tf export RUN`: trained policies for inference elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlagents_tf.cli.quiet import import_tensorflow

FORMATS = ("savedmodel",)


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("export", help="export a trained policy for inference")
    parser.add_argument("run_dir", type=Path, metavar="RUN", help="such as results/first")
    parser.add_argument("--format", choices=FORMATS, default="savedmodel")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exports every behavior of the newest checkpoint."""
    import_tensorflow()
    from mlagents_tf.run.evaluate import load_run, load_trainers
    from mlagents_tf.run.exporting import export_trainer

    settings = load_run(args.run_dir)
    for trainer in load_trainers(args.run_dir, settings).values():
        print(f"Exported {export_trainer(args.run_dir, trainer)}.")
    return 0
