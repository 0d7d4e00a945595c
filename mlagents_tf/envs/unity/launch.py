"""Starting Unity builds: finding the file, its port, its arguments, its log and its end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from mlagents_tf.envs.unity.connection import Connection
from mlagents_tf.envs.unity.exception import UnityEnvironmentException, UnityWorkerInUseException
from mlagents_tf.envs.unity.options import BUILD_ENDINGS, UnityOptions
from mlagents_tf.envs.unity.server import ExchangeServer

EDITOR_PORT = 5004
BUILD_PORT = 5005
PORTS_TO_TRY = 16
LOG_LINES = 20
LOG_BYTES = 1 << 16


def connect(
    path: str | None, options: UnityOptions, *, seed: int = 0, num_areas: int | None = None
) -> Connection:
    """Starts the build at `path`, or waits for the Editor if it is None, and greets it.

    Raises:
        UnityException: the file is missing, the port is taken, or nobody comes.
    """
    if path is None and options.worker_id:
        raise UnityEnvironmentException(
            f"worker_id is {options.worker_id} without a build; there is one Editor, worker 0."
        )
    executable = None if path is None else find_executable(path)
    server = open_server(options, editor=executable is None)
    process = None
    try:
        if executable is not None:
            process = Build(executable, server.port, options)
    except BaseException:
        server.close()
        raise
    return Connection(
        server,
        process,
        seed=seed,
        num_areas=1 if num_areas is None else num_areas,
        timeout=options.timeout,
    )


def open_server(options: UnityOptions, *, editor: bool) -> ExchangeServer:
    """Listens where the player will call; at the next free port if none was asked for."""
    if editor or options.base_port is not None:
        base = EDITOR_PORT if options.base_port is None else options.base_port
        return ExchangeServer(base + options.worker_id, options.listen, options.receive_bytes)
    first = BUILD_PORT + options.worker_id
    for port in range(first, first + PORTS_TO_TRY):
        try:
            return ExchangeServer(port, options.listen, options.receive_bytes)
        except UnityWorkerInUseException:
            pass
    raise UnityWorkerInUseException(
        f"ports {first} to {first + PORTS_TO_TRY - 1} of {options.listen} are all taken; "
        "choose another one with --base-port."
    )


def find_executable(path: str) -> Path:
    """The file to start for a build that is named with or without its ending.

    Raises:
        UnityEnvironmentException: there is none.
    """
    given = Path(path)
    stem = given.with_suffix("") if given.suffix in BUILD_ENDINGS else given
    candidates = {
        "darwin": [*_inside(stem.with_name(stem.name + ".app")), *_inside(given)],
        "win32": [stem.with_name(stem.name + ".exe")],
    }.get(sys.platform, [stem.with_name(stem.name + end) for end in (".x86_64", ".x86")])
    for candidate in (*candidates, given, stem):
        if candidate.is_file():
            return candidate.resolve()
    raise UnityEnvironmentException(
        f"'{path}': there is no Unity build here; give the path of the executable, with or "
        f"without its ending ({', '.join(BUILD_ENDINGS)})."
    )


def _inside(app: Path) -> list[Path]:
    """Executables of a bundle of macOS."""
    return sorted((app / "Contents" / "MacOS").glob("*"))


class Build:
    """The process of a Unity build."""

    def __init__(self, executable: Path, port: int, options: UnityOptions) -> None:
        self.executable = executable
        self.log = None
        if options.log_folder is not None:
            options.log_folder.mkdir(parents=True, exist_ok=True)
            self.log = options.log_folder.resolve() / f"Player-{options.worker_id}.log"
        try:
            self._process = subprocess.Popen(
                command_line(executable, port, options, self.log),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the trainer's; it ends the player in order
            )
        except OSError as error:
            raise UnityEnvironmentException(
                f"'{executable}' cannot be started: {error.strerror}. Is it built for this "
                "machine, and may it be executed (chmod +x)?"
            ) from error

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def check(self) -> None:
        """Raises UnityEnvironmentException, with the end of its log, if it has ended."""
        code = self._process.poll()
        if code is None:
            return
        ended = signal.Signals(-code).name if code < 0 else f"return code {code}"
        raise UnityEnvironmentException(
            f"the Unity build {self.executable.name} has ended ({ended}).{self.log_tail()}"
        )

    def log_tail(self) -> str:
        """The last lines of the Player log, behind a line that says where it is."""
        if self.log is None or not self.log.is_file():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-LOG_LINES:]
        return "".join(f"\n  {line}" for line in (f"The end of {self.log}:", *lines))

    def end(self, seconds: float) -> None:
        """Waits for its end for so long, then makes an end of it and of what it has started."""
        family = _family(self._process.pid)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for each in family:
            if each.is_running() and each.pid != self._process.pid:
                each.kill()
        self._process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def command_line(
    executable: Path, port: int, options: UnityOptions, log: Path | None
) -> Sequence[str]:
    """How Unity builds with ML-Agents are started."""
    return [
        str(executable),
        *(["-nographics", "-batchmode"] if options.no_graphics else []),
        "--mlagents-port",
        str(port),
        *(["-logFile", str(log)] if log else []),
        *options.args,
    ]
