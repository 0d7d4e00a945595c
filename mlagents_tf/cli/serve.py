"""`mlagents-tf serve NAME --port P`: an environment as a Unity build serves its scene."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlagents_tf.cli.evaluate import positive
from mlagents_tf.errors import EnvError, MlagentsTfError, SettingsError, StorageError
from mlagents_tf.version import __version__

if TYPE_CHECKING:
    from mlagents_tf.envs.env import Env
    from mlagents_tf.protobuf.messages import Trainer

MOST_SEEDS = 1 << 32
"""Trainers may say negative ones, which generators do not take."""
INTERRUPTED = 130


def add_parser(subparsers: Any) -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "serve",
        help="serve an environment to a trainer, as a Unity build does",
        description="Connects to a trainer (ours, mlagents-learn, or a script with "
        "UnityEnvironment) and plays an environment for it, by Unity's protocol.",
        epilog="Example: mlagents-tf serve 3DBall --port 5004 serves a trainer that waits for the "
        "Editor.",
    )
    parser.add_argument("name", metavar="NAME", help="an embedded environment, or gym:ID")
    parser.add_argument("--port", "--mlagents-port", type=int, help="where the trainer listens")
    parser.add_argument("--host", default="127.0.0.1", help="and on which machine (this one)")
    parser.add_argument("--num-areas", type=positive, help="areas, whatever the trainer says")
    parser.add_argument("--seed", type=int, help="of all draws, whatever the trainer says")
    parser.add_argument(
        "--generation",
        type=int,
        choices=(1, 2, 3),
        default=3,
        help="of Unity's package (3)",
    )
    parser.add_argument(
        "--decision-period",
        type=positive,
        default=1,
        metavar="K",
        help="steps between decisions (1)",
    )
    parser.add_argument("--png", action="store_true", help="compress images of bytes")
    parser.add_argument(
        "--echo", action="store_true", help="send messages of unknown side channels back"
    )
    parser.add_argument(
        "--wait", type=float, default=60.0, metavar="S", help="seconds for a trainer to listen (60)"
    )
    parser.add_argument("-logFile", "--log-file", type=Path, metavar="PATH", help="the Player log")
    for flag in ("-nographics", "-batchmode"):
        parser.add_argument(flag, action="store_true", help="as Unity builds have it; no effect")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serves until the trainer ends it; what happens stands in the Player log, errors too."""
    with ExitStack() as stack:
        lines = [sys.stdout]
        if args.log_file is not None:
            lines.append(stack.enter_context(_opened(args.log_file)))

        def log(line: str) -> None:
            for file in lines:
                print(line, file=file, flush=True)

        try:
            log(f"mlagents-tf {__version__} serves {args.name}")
            log(f"{_play(args, log)}; good bye.")
        except KeyboardInterrupt:
            log("interrupted; good bye.")
            return INTERRUPTED
        except Exception as error:
            told = isinstance(error, MlagentsTfError)
            print(error if told else traceback.format_exc(), file=lines[-1])
            raise
    return 0


def _opened(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"-logFile {path}: it cannot be written ({error.strerror}).") from error


def _play(args: argparse.Namespace, log: Callable[[str], None]) -> str:
    """Plays, and returns how it ended."""
    if args.port is None:
        raise SettingsError(
            "serve: no port is given, with which a Unity build would play by its own heuristic. "
            "Say where the trainer listens: --port 5004 if it waits for the Editor."
        )
    from mlagents_tf.envs.registry import check_name, make_env

    check_name(args.name)
    try:
        from mlagents_tf.envs.unity.generations import GENERATIONS
        from mlagents_tf.envs.unity.player import PlayerOptions, UnityPlayer
    except ImportError as error:
        raise EnvError(f"serving needs gRPC ({error}): pip install grpcio") from error

    def open_env(trainer: Trainer) -> Env:
        """As the trainer wants it; one area is what trainers say who were not asked for any."""
        said = trainer.num_areas if trainer.num_areas > 1 else None
        num_areas = said if args.num_areas is None else args.num_areas
        seed = trainer.seed if args.seed is None else args.seed
        log(f"seed {seed}, areas {num_areas or 'as in the scene'}")
        return make_env(args.name, num_areas=num_areas, seed=seed % MOST_SEEDS)

    options = PlayerOptions(
        host=args.host,
        generation=GENERATIONS[args.generation],
        decision_period=args.decision_period,
        compresses=args.png,
        echoes=args.echo,
        wait_seconds=args.wait,
        log_path=str(args.log_file or ""),
    )
    return UnityPlayer(open_env, args.port, options, log).play()
