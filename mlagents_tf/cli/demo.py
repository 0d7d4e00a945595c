"""`mlagents-tf demo`: demonstrations looked at, checked, joined and recorded."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from mlagents_tf.cli.evaluate import add_policy_arguments, open_policy, positive
from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.demonstrations import ALIGNMENTS, AUTO


def add_parser(subparsers: Any) -> None:
    """Adds the command and the four under it."""
    parser = subparsers.add_parser("demo", help="look at, check, join and record demonstrations")
    commands = parser.add_subparsers(dest="demo", required=True, metavar="COMMAND")
    _add_info(commands)
    _add_check(commands)
    _add_merge(commands)
    _add_record(commands)


def _add_info(commands: Any) -> None:
    parser = commands.add_parser("info", help="what .demo files hold")
    _add_files(parser)
    _add_alignment(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=info)


def _add_check(commands: Any) -> None:
    parser = commands.add_parser("check", help="whether .demo files fit an environment")
    _add_files(parser)
    parser.add_argument("--env", required=True, help="such as 3DBall or gym:CartPole-v1")
    _add_behavior(parser)
    parser.set_defaults(run=check)


def _add_merge(commands: Any) -> None:
    parser = commands.add_parser("merge", help="join .demo files to one")
    _add_files(parser)
    _add_out(parser)
    _add_alignment(parser)
    parser.set_defaults(run=merge)


def _add_record(commands: Any) -> None:
    parser = commands.add_parser("record", help="record a trained policy")
    add_policy_arguments(parser)
    _add_out(parser)
    parser.add_argument("--episodes", type=positive, default=20, help="to record (20)")
    _add_behavior(parser)
    parser.set_defaults(run=record)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help=".demo files, or directories of them"
    )


def _add_alignment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alignment",
        choices=ALIGNMENTS,
        default=AUTO,
        help="the record that holds the action of an observation (auto: by who wrote the file)",
    )


def _add_behavior(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--behavior", help="which one, where the environment has several")


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.demo")
    parser.add_argument("--force", action="store_true", help="replace OUT.demo if it exists")


def info(args: argparse.Namespace) -> int:
    """Prints spec, episodes, alignment and why, after reading all of every file."""
    from mlagents_tf.cli.demo_info import lines_of, report_of
    from mlagents_tf.data.demo_file import DemoFile
    from mlagents_tf.data.demos import find_demos

    files = [DemoFile(path) for given in args.files for path in find_demos(given)]
    reports = {str(file.path): report_of(file, args.alignment) for file in files}
    if args.json:
        print(json.dumps(reports, indent=2))
        return 0
    for name, report in reports.items():
        print(name)
        for key, text in lines_of(report).items():
            print(f"  {key:9}  {text}")
    return 0


def check(args: argparse.Namespace) -> int:
    """Compares specs, then reads all of every file."""
    from mlagents_tf.data.demo_rows import choose_alignment
    from mlagents_tf.data.demos import check_fit, open_demos, summarize
    from mlagents_tf.envs.registry import make_env

    with closing(make_env(args.env, num_areas=1)) as env:
        env.reset()
        behavior = _one_behavior(env.specs, args)
        spec = env.specs[behavior]
    files = open_demos(args.files)
    for file in files:
        check_fit(file, spec, behavior)
    for file in files:
        summarize(file, choose_alignment(file))
        print(f"{file.path}: fits {behavior}; all {file.num_records} pairs can be read.")
    return 0


def _one_behavior(names: Any, args: argparse.Namespace) -> str:
    """The behavior that is asked for, or the only one."""
    found = list(names)
    if args.behavior is None and len(found) == 1:
        return str(found[0])
    if args.behavior not in found:
        asked = "" if args.behavior is None else f"has no behavior '{args.behavior}'; "
        raise SettingsError(f"this environment {asked}name one with --behavior: {', '.join(found)}")
    return str(args.behavior)


def _check_free(args: argparse.Namespace) -> None:
    if args.out.exists() and not args.force:
        raise SettingsError(f"{args.out} exists: choose another name, or add --force to replace it")


def merge(args: argparse.Namespace) -> int:
    """Writes the rows of all files to one, as Unity's recorder would."""
    from mlagents_tf.data.demo_rows import aligned_chunks, choose_alignment
    from mlagents_tf.data.demo_writer import writing_demo
    from mlagents_tf.data.demos import open_demos, remark

    _check_free(args)
    files = open_demos(args.files)
    with writing_demo(args.out, files[0].behavior, files[0].spec) as writer:
        for file in files:
            chosen = choose_alignment(file, args.alignment)
            num_real = 0
            for rows in aligned_chunks(file, chosen):
                writer.append(rows)
                num_real += len(rows.real)
            print(remark(file, chosen, num_real))
    print(f"Wrote {args.out} ({writer.num_records} pairs, {writer.num_episodes} episodes).")
    return 0


def record(args: argparse.Namespace) -> int:
    """Plays a trained policy and writes whole episodes."""
    _check_free(args)
    env, trainers = open_policy(args)
    from mlagents_tf.run.demonstrate import record_demo

    with closing(env):
        rows = record_demo(
            env,
            trainers,
            _one_behavior(env.specs, args),
            args.out,
            episodes=args.episodes,
            seed=args.seed,
            max_episode_steps=args.max_episode_steps,
        )
    mean = rows.rewards.sum(dtype=float) / args.episodes
    print(
        f"Wrote {args.out} ({len(rows.mask)} pairs, {args.episodes} episodes, "
        f"mean reward {mean:.3f})."
    )
    return 0
