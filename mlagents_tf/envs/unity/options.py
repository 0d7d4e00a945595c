"""How players of Unity are started and listened to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlagents_tf.envs.unity.side_channel.engine_configuration_channel import EngineConfig

BUILD_ENDINGS = (".app", ".exe", ".x86_64", ".x86")
"""Of files and bundles, which may be left out."""
LOCAL = "127.0.0.1"
RECEIVE_BYTES = 256 << 20
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class UnityOptions:
    """What a player is started with.

    Attributes:
        worker_id: its number; it is told port `base_port + worker_id`.
        base_port: None = 5005 for builds, with the next free one if it is taken; the Editor
            always calls 5004.
        timeout: seconds to wait for each message, and for its end.
        args: of the command line, behind our own.
        no_graphics: no window and no rendering.
        log_folder: where `Player-<worker>.log` is written.
        listen: the address to listen at; others than this machine reach it only if it says so.
        receive_bytes: the largest message that is taken.
        engine: how it draws and how fast it runs; None = as it was built.
    """

    worker_id: int = 0
    base_port: int | None = None
    timeout: float = TIMEOUT_SECONDS
    args: tuple[str, ...] = ()
    no_graphics: bool = False
    log_folder: Path | None = None
    listen: str = LOCAL
    receive_bytes: int = RECEIVE_BYTES
    engine: EngineConfig | None = None
