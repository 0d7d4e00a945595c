"""`mlagents-tf evaluate RUN`: how good a trained policy is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlagents_tf.errors import SettingsError
from mlagents_tf.quiet import import_tensorflow

if TYPE_CHECKING:
    from mlagents_tf.envs.env import Env
    from mlagents_tf.settings.run import RunSettings
    from mlagents_tf.trainers.trainer import Trainer


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("evaluate", help="play a trained policy and measure it")
    add_policy_arguments(parser)
    parser.add_argument("--episodes", type=positive, default=100, help="of each behavior (100)")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="RUN",
        help="another run, or a checkpoint, that plays the other teams",
    )
    parser.add_argument("--games", type=positive, default=200, help="with --against (200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all commands that play a trained policy."""
    parser.add_argument("run_dir", type=Path, metavar="RUN", help="such as results/first")
    parser.add_argument("--env", help="another environment than the run's")
    parser.add_argument("--num-areas", type=positive, help="areas stepped together")
    parser.add_argument("--seed", type=int, default=12_345, help="of environment and noise")
    parser.add_argument("--stochastic", action="store_true", help="draw actions as in training")
    parser.add_argument(
        "--max-episode-steps",
        type=int,
        default=10_000,
        help="decisions after which an episode counts as it stands (10000; 0 = no bound)",
    )
    add_encoder_argument(parser)


def add_encoder_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of all commands that read a run which may be somebody else's."""
    parser.add_argument(
        "--encoder",
        dest="encoders",
        action="append",
        default=[],
        metavar="PATH",
        help="import path of an encoder of yours that the run names; may be repeated",
    )


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def open_policy(args: argparse.Namespace, **env_options: Any) -> tuple[Env, dict[str, Trainer]]:
    """The environment and trained behaviors that the arguments name."""
    env, settings = open_env(args, **env_options)
    from mlagents_tf.run.evaluate import trainers_for

    return env, trainers_for(env, args.run_dir, settings, deterministic=not args.stochastic)


def open_env(args: argparse.Namespace, **env_options: Any) -> tuple[Env, RunSettings]:
    """The environment that the arguments name, with the run's parameters, and its settings."""
    import_tensorflow()
    from mlagents_tf.envs.registry import make_env
    from mlagents_tf.run.encoders import refuse_strange_env
    from mlagents_tf.run.environments import unity_options
    from mlagents_tf.run.evaluate import latest_parameters, load_run
    from mlagents_tf.run.state import CONFIGURATION

    settings = load_run(args.run_dir, args.encoders)
    name = args.env or settings.env_settings.env_path
    if not args.env:
        refuse_strange_env(name, args.run_dir / CONFIGURATION)
    if name is None:
        raise SettingsError(
            f"{args.run_dir}: was trained without an environment, or on one of a script that has "
            "no name; name one with --env"
        )
    areas = args.num_areas or settings.env_settings.num_areas
    env = make_env(
        name, num_areas=areas, seed=args.seed, unity=unity_options(settings, 0), **env_options
    )
    if settings.environment_parameters or not env.specs:  # Unity says them with its first agents
        env.reset(
            latest_parameters(args.run_dir, settings)
        )  # whoever resets it again leaves them as they are
    return env, settings


def run(args: argparse.Namespace) -> int:
    """Plays and prints mean, spread and confidence of the returns, or who wins."""
    from contextlib import closing

    env, trainers = open_policy(args)
    if args.against is not None:
        with closing(env):
            compete(args, env, trainers)
        return 0
    from mlagents_tf.run.evaluate import evaluate, figures

    with closing(env):
        logs = evaluate(
            env,
            trainers,
            args.episodes,
            seed=args.seed,
            max_episode_steps=args.max_episode_steps,
        )
    results = {name: {"steps": trainers[name].steps, **figures(log)} for name, log in logs.items()}
    print_results(results, args.json)
    return 0


def compete(args: argparse.Namespace, env: Env, ours: Mapping[str, Trainer]) -> None:
    """Plays `--games` games against another run and prints what came of them."""
    import numpy as np

    from mlagents_tf.run import versus
    from mlagents_tf.run.evaluate import load_run, trainers_for

    settings = load_run(args.against, args.encoders)
    theirs = trainers_for(env, args.against, settings, deterministic=not args.stochastic)
    scores = versus.compete(
        env,
        ours,
        theirs,
        args.games,
        seed=args.seed,
        max_episode_steps=args.max_episode_steps,
    )
    by_team = {team: versus.match_figures(found) for team, found in scores.items()}
    results = versus.match_figures(np.concatenate(list(scores.values())))
    if args.json:
        print(json.dumps({**results, "teams": by_team}, indent=2))
        return
    print(f"{args.run_dir} against {args.against}: {versus.told(results)}")
    for team, found in by_team.items():
        print(f"  as team {team}: {versus.told(found)}")


def print_results(results: Mapping[str, Mapping[str, Any]], as_json: bool) -> None:
    """Prints `figures` by behavior, and how long it was trained if that is known."""
    if as_json:
        print(json.dumps(results, indent=2))
        return
    for name, result in results.items():
        trained = f", trained {result['steps']} steps" if "steps" in result else ""
        print(
            f"{name}: mean reward {result['mean_reward']:.3f} ± {result['ci95']:.3f} (95 %), "
            f"std {result['std_reward']:.3f}, min {result['min_reward']:.3f}, "
            f"max {result['max_reward']:.3f}, mean length {result['mean_length']:.1f}, "
            f"{result['episodes']} episodes{trained}"
        )
