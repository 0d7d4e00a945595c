"""`mlagents-tf envs`: what can be trained without Unity."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("envs", help="list the embedded environments")
    parser.add_argument("--toys", action="store_true", help="also those made for tests")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints one line for each environment."""
    from mlagents_tf.envs.registry import list_envs

    rows = list_envs(toys=args.toys)
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:{width}}  areas {row.default_areas:<3} {row.spec}")
        print(f"{'':{width}}  {row.summary}")
    print("\ngym:ID trains a Gymnasium environment, for example --env gym:CartPole-v1.")
    return 0
