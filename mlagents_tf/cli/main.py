"""`mlagents-tf`: reads the command line, calls one function, prints errors in a sentence."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import mlagents_tf
from mlagents_tf.cli import (
    demo,
    envs,
    evaluate,
    export,
    learn,
    play,
    plugins,
    record,
    schema,
    serve,
    upgrade_config,
    validate,
)
from mlagents_tf.errors import MlagentsTfError

COMMANDS = (
    learn,
    evaluate,
    record,
    export,
    play,
    serve,
    demo,
    envs,
    plugins,
    validate,
    upgrade_config,
    schema,
)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="mlagents-tf",
        description="Train Unity ML-Agents behaviors with TensorFlow.",
        epilog="Example: mlagents-tf learn config/trainer_config.yaml --env 3DBall --run-id first",
    )
    parser.add_argument("--version", action="version", version=mlagents_tf.__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `mlagents-tf`; returns the exit code."""
    return run_command(build_parser().parse_args(argv))


def learn_main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `mlagents-tf-learn`: `mlagents-tf learn` under a name of its own."""
    return main(["learn", *(sys.argv[1:] if argv is None else argv)])


def run_command(args: argparse.Namespace) -> int:
    """Runs the chosen command; its errors become a sentence and an exit code."""
    try:
        return int(args.run(args))
    except MlagentsTfError as error:
        print(f"mlagents-tf: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # whoever read our output has left; nothing more can be said to them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
