"""`mlagents-tf validate FILE...`: is this configuration right, and can it be trained today?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlagents_tf.errors import SettingsError

if TYPE_CHECKING:
    from mlagents_tf.settings.behavior import BehaviorSettings
    from mlagents_tf.settings.load import Loaded


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("validate", help="check configuration files")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="configuration, YAML")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check every file; 2 if one of them is wrong."""
    from mlagents_tf.settings.load import load_settings

    code = 0
    for path in args.files:
        try:
            print("\n".join(report(path, load_settings(path))))
        except SettingsError as error:
            print(error, file=sys.stderr)
            code = error.exit_code
    return code


def report(path: Path, loaded: Loaded) -> list[str]:
    """What the file configures, one line for each behavior and remark."""
    settings = loaded.settings
    lines = [f"{path}: OK"]
    lines += [f"  {name}: {summary(b)}" for name, b in settings.behaviors.items()]
    if settings.default_settings is not None:
        lines.append(f"  all others: {summary(settings.default_settings)}")
    lines += [f"  note: {notice}" for notice in loaded.notices]
    return lines


def summary(behavior: BehaviorSettings) -> str:
    """One line about a behavior."""
    hyperparameters, network = behavior.hyperparameters, behavior.network_settings
    return (
        f"{behavior.trainer_type}, {behavior.max_steps:,} steps, "
        f"batch {hyperparameters.batch_size:,} of {hyperparameters.buffer_size:,}, "
        f"learning rate {hyperparameters.learning_rate:g} "
        f"{hyperparameters.learning_rate_schedule}, "
        f"network {network.num_layers} x {network.hidden_units}, "
        f"rewards {', '.join(behavior.reward_signals) or 'none'}"
    )
