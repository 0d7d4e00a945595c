"""The environment that settings ask for: in this process, in others, or in Unity."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mlagents_tf.envs.env import Env
from mlagents_tf.envs.registry import check_name, is_build, make_env
from mlagents_tf.envs.unity.options import UnityOptions
from mlagents_tf.envs.unity.side_channel.engine_configuration_channel import EngineConfig
from mlagents_tf.envs.workers.restarts import RestartLimits
from mlagents_tf.envs.workers.workers import Workers
from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.run import RunSettings

LONGER = 5.0
"""Seconds by which a worker may be silent longer than its player, which can say why."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_env_path(settings: RunSettings, warn: Callable[[str], None]) -> None:
    """Looks at what can be known before anything is started.

    Raises:
        EnvError: nothing has this name.
        SettingsError: something is asked for that only builds have.
    """
    chosen = settings.env_settings
    name = chosen.env_path
    if name is not None:
        check_name(name)
    unity = name is None or is_build(name)
    if chosen.env_args and not unity:
        raise SettingsError(f"--env-args is for Unity builds; '{name}' takes no arguments")
    if chosen.listen not in LOOPBACK and unity:
        warn(
            f"listening on {chosen.listen}: whoever reaches this address can pose as the player. "
            "Nothing is encrypted; use it in networks that you trust."
        )


def open_env(settings: RunSettings, notify: Callable[[str], None], *, areas: int | None) -> Env:
    """The environment of the settings.

    Unity builds run in processes of workers even if there is one, so that one that dies is started
    again.

    Args:
        settings: with a seed.
        notify: called with each one-line remark for the user.
        areas: areas of each environment; None = as many as there usually are.
    """
    chosen = settings.env_settings
    name = chosen.env_path
    if name is None:
        notify("Listening for the Unity Editor: press Play. Other scenes are named with --env.")
    makers = [
        partial(
            make_env,
            name,
            num_areas=areas,
            seed=chosen.seed + worker,
            unity=unity_options(settings, worker),
        )
        for worker in range(chosen.num_envs)
    ]
    if name is None or (chosen.num_envs == 1 and not is_build(name)):
        return makers[0]()
    limits = RestartLimits(
        chosen.max_lifetime_restarts,
        chosen.restarts_rate_limit_n,
        chosen.restarts_rate_limit_period_s,
    )
    return Workers(makers, step_timeout=chosen.timeout_wait + LONGER, limits=limits, notify=notify)


def unity_options(settings: RunSettings, worker: int) -> UnityOptions:
    """How a worker starts its player."""
    env, engine = settings.env_settings, settings.engine_settings
    return UnityOptions(
        worker_id=worker,
        base_port=env.base_port,
        timeout=env.timeout_wait,
        args=env.env_args or (),
        no_graphics=engine.no_graphics or (engine.no_graphics_monitor and worker > 0),
        log_folder=settings.checkpoint_settings.run_logs_dir,
        listen=env.listen,
        receive_bytes=env.receive_limit_mib << 20,
        engine=EngineConfig(
            engine.width,
            engine.height,
            engine.quality_level,
            engine.time_scale,
            engine.target_frame_rate,
            engine.capture_frame_rate,
        ),
    )
