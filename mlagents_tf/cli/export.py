"""`mlagents-tf export RUN`: trained policies for inference elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlagents_tf.cli.evaluate import add_encoder_argument
from mlagents_tf.quiet import import_tensorflow

FORMATS = ("onnx", "savedmodel", "litert")


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "export", help="export a trained policy as ONNX, SavedModel or LiteRT"
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN", help="such as results/first")
    parser.add_argument(
        "--format",
        action="append",
        choices=(*FORMATS, "all"),
        default=[],
        help="may be repeated (what a finished run has written: savedmodel, and onnx if installed)",
    )
    add_encoder_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exports every behavior of the newest checkpoint."""
    import_tensorflow()
    from mlagents_tf.run.evaluate import load_run, load_trainers
    from mlagents_tf.run.exporting import default_formats, export_trainer

    formats = FORMATS if "all" in args.format else tuple(dict.fromkeys(args.format))
    settings = load_run(args.run_dir, args.encoders)
    formats = formats or default_formats(print)
    for trainer in load_trainers(args.run_dir, settings).values():
        for name in formats:
            print(f"Exported {export_trainer(args.run_dir, trainer, name)}.")
    return 0
