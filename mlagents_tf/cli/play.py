"""`mlagents-tf play RUN --model FILE`: how good an exported model is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlagents_tf.cli.evaluate import add_policy_arguments, open_env, positive, print_results


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("play", help="play an exported model and measure it")
    add_policy_arguments(parser)
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="FILE",
        help="a .onnx or .tflite file, or the directory of a SavedModel",
    )
    parser.add_argument("--behavior", help="which one the model plays, if there are several")
    parser.add_argument("--episodes", type=positive, default=100, help="of each behavior (100)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plays as `evaluate` does, with a model in the place of a policy."""
    from contextlib import closing

    env, settings = open_env(args)
    from mlagents_tf.run.evaluate import evaluate, figures
    from mlagents_tf.run.playing import players_with_model
    from mlagents_tf.run.policy import choose_behavior

    with closing(env):
        behavior = choose_behavior(args.run_dir, list(env.specs), args.behavior)
        players = players_with_model(
            args.model, behavior, env, args.run_dir, settings, deterministic=not args.stochastic
        )
        logs = evaluate(
            env,
            players,
            args.episodes,
            seed=args.seed,
            max_episode_steps=args.max_episode_steps,
        )
    print_results({name: figures(log) for name, log in logs.items()}, args.json)
    return 0
