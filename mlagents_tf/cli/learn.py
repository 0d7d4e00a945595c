"""`mlagents-tf learn`: every flag of mlagents-learn 1.1.0, with its meaning and precedence."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mlagents_tf.cli.evaluate import add_encoder_argument
from mlagents_tf.quiet import import_tensorflow

FLAGS: dict[str, tuple[str, type, str]] = {
    # flag: (path in the resolved settings, type, help)
    "--env": (
        "env_settings.env_path",
        str,
        "an embedded environment (see: mlagents-tf envs), gym:ID, or a Unity build; "
        "without it the scene in the Unity Editor",
    ),
    "--run-id": ("checkpoint_settings.run_id", str, "name of the run and its directory"),
    "--initialize-from": ("checkpoint_settings.initialize_from", str, "run to take weights from"),
    "--results-dir": ("checkpoint_settings.results_dir", str, "where runs are written"),
    "--seed": ("env_settings.seed", int, "of everything random; -1 = a random one"),
    "--max-steps": ("max_steps", int, "of every behavior"),
    "--num-areas": ("env_settings.num_areas", int, "areas an environment holds"),
    "--num-envs": ("env_settings.num_envs", int, "environment processes"),
    "--base-port": ("env_settings.base_port", int, "first port for Unity builds"),
    "--listen": ("env_settings.listen", str, "address for Unity players (127.0.0.1)"),
    "--timeout-wait": ("env_settings.timeout_wait", int, "seconds to wait for the environment"),
    "--max-lifetime-restarts": ("env_settings.max_lifetime_restarts", int, "-1 = no limit"),
    "--restarts-rate-limit-n": ("env_settings.restarts_rate_limit_n", int, "-1 = no limit"),
    "--restarts-rate-limit-period-s": (
        "env_settings.restarts_rate_limit_period_s",
        int,
        "seconds of the rate limit",
    ),
    "--width": ("engine_settings.width", int, "of a Unity build's window"),
    "--height": ("engine_settings.height", int, "of a Unity build's window"),
    "--quality-level": ("engine_settings.quality_level", int, "of a Unity build"),
    "--time-scale": ("engine_settings.time_scale", float, "of a Unity build"),
    "--target-frame-rate": ("engine_settings.target_frame_rate", int, "of a Unity build"),
    "--capture-frame-rate": ("engine_settings.capture_frame_rate", int, "of a Unity build"),
    "--torch-device": ("torch_settings.device", str, "as in ML-Agents: cpu or cuda"),
}
METAVARS = {str: "NAME", int: "N", float: "X"}
SWITCHES: dict[str, tuple[str, str]] = {
    "--resume": ("checkpoint_settings.resume", "go on where the run stopped"),
    "--strict-resume": (
        "checkpoint_settings.strict_resume",
        "refuse a resume that loses the replay or the episodes",
    ),
    "--force": ("checkpoint_settings.force", "begin again, discarding the run of this id"),
    "--inference": ("checkpoint_settings.inference", "act only, with the weights of the run"),
    "--deterministic": ("deterministic", "the likeliest action instead of a draw"),
    "--no-graphics": ("engine_settings.no_graphics", "of a Unity build"),
    "--no-graphics-monitor": ("engine_settings.no_graphics_monitor", "draw worker 0 only"),
    "--debug": ("debug", "say more"),
}
OLD_SWITCHES: dict[str, str] = {
    "--load": "--load is now --resume",
    "--train": "--train is not needed: training is the default",
    "--torch": "--torch has no meaning here: TensorFlow trains",
    "--tensorflow": "--tensorflow is not needed: TensorFlow always trains",
    "--cpu": "--cpu is now --torch-device cpu",
    "--slow": "--slow is ignored: set --time-scale 1",
}
OLD_FLAGS: dict[str, str] = {
    "--curriculum": "convert it: mlagents-tf upgrade-config CONFIG OUT --curriculum FILE",
    "--sampler": "convert it: mlagents-tf upgrade-config CONFIG OUT --sampler FILE",
    "--lesson": "there are no curricula yet",
    "--keep-checkpoints": "use --set behaviors.NAME.keep_checkpoints=N",
    "--save-freq": "use --set behaviors.NAME.checkpoint_interval=N",
    "--num-runs": "start one command for each run",
    "--docker-target-name": "use --results-dir",
}


def add_parser(subparsers: Any) -> None:
    """Adds the command; flags have no defaults, so that only what was given overrides the file."""
    parser = subparsers.add_parser(
        "learn",
        help="train the behaviors of an environment",
        description="Train the behaviors of an environment, or resume a run.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument(
        "trainer_config_path",
        nargs="?",
        type=Path,
        default=None,
        help="run configuration, YAML; without it every behavior has the defaults of PPO",
    )
    for flag, (path, kind, text) in FLAGS.items():
        parser.add_argument(flag, dest=path, type=kind, metavar=METAVARS[kind], help=text)
    for flag, (path, text) in SWITCHES.items():
        parser.add_argument(flag, dest=path, action="store_true", help=text)
    for flag in OLD_SWITCHES:
        parser.add_argument(flag, dest=f"old {flag}", action="store_true", help=argparse.SUPPRESS)
    for flag in OLD_FLAGS:
        parser.add_argument(flag, dest=f"old {flag}", help=argparse.SUPPRESS)
    parser.add_argument(
        "--stop-at",
        type=int,
        metavar="STEPS",
        help="save and leave at this step of the run; no schedule changes, --resume goes on",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        metavar="PATH=VALUE",
        help="any value of the resolved settings, behaviors.3DBall.summary_freq=1000",
    )
    add_encoder_argument(parser)
    parser.add_argument(
        "--env-args",
        dest="env_settings.env_args",
        nargs=argparse.REMAINDER,
        help="everything behind it goes to the Unity build",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Loads the settings and trains."""
    from mlagents_tf.settings.load import load_settings

    given = vars(args).copy()
    paths = {path for path, *_ in (*FLAGS.values(), *SWITCHES.values())} | {"env_settings.env_args"}
    flags = {path: value for path, value in given.items() if path in paths}
    hints = [
        f"{flag}: {hint}"
        for flag, hint in (OLD_SWITCHES | OLD_FLAGS).items()
        if f"old {flag}" in given
    ]
    if "old --cpu" in given:
        flags.setdefault("torch_settings.device", "cpu")
    if "old --load" in given:
        flags["checkpoint_settings.resume"] = True
    loaded = load_settings(args.trainer_config_path, flags, given.get("overrides", ()))

    import_tensorflow()
    from mlagents_tf.run.encoders import is_of_a_run, refuse_strange_env, refuse_strangers
    from mlagents_tf.run.learn import learn

    config = args.trainer_config_path
    if config is not None and is_of_a_run(config):
        refuse_strangers(loaded.settings, config, args.encoders)
        if "env_settings.env_path" not in flags:
            refuse_strange_env(loaded.settings.env_settings.env_path, config)
    notices = (*hints, *loaded.notices)
    return learn(loaded.settings, notices, sys.argv, stop_at=given.get("stop_at")).exit_code
