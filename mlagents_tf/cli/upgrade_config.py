"""`mlagents-tf upgrade-config TRAINER_YAML OUT`: rewrite an old configuration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlagents_tf.errors import StorageError


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "upgrade-config", help="rewrite an old configuration in the current layout"
    )
    parser.add_argument("trainer_yaml", type=Path, help="old trainer configuration")
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--curriculum", type=Path, default=argparse.SUPPRESS, help="old curricula")
    parser.add_argument("--sampler", type=Path, default=argparse.SUPPRESS, help="old samplers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the upgraded file and say what changed."""
    from mlagents_tf.settings.convert import upgrade
    from mlagents_tf.settings.load import load_settings

    text = upgrade(
        args.trainer_yaml, getattr(args, "curriculum", None), getattr(args, "sampler", None)
    )
    for notice in load_settings(args.trainer_yaml).notices:
        print(f"note: {notice}")
    try:
        args.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{args.out}: cannot be written: {error.strerror}.") from None
    print(f"wrote {args.out}")
    return 0
