import os
import subprocess
import sys
import time

import psutil
import pytest

from mlagents_tf.cli.main import main
from mlagents_tf.envs.unity.env import UnityEnv
from mlagents_tf.envs.unity.exception import (
    UnityEnvironmentException,
    UnityTimeOutException,
    UnityWorkerInUseException,
)
from mlagents_tf.envs.unity.launch import UnityOptions, connect, find_executable
from mlagents_tf.envs.unity.server import ExchangeServer
from mlagents_tf.steps import no_actions

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the build is a script of the shell")
COMMAND = f"exec {sys.executable} -m mlagents_tf serve"


@pytest.fixture
def build(tmp_path):
    """Makes a script that stands where a build stands; returns its path without the ending."""

    def make(command=f"{COMMAND} 3DBall"):
        script = tmp_path / "Game.x86_64"
        script.write_text(f'#!/bin/sh\n{command} "$@"\n')
        script.chmod(0o755)
        return str(tmp_path / "Game")

    return make


@pytest.fixture
def options(tmp_path):
    return UnityOptions(log_folder=tmp_path / "logs", no_graphics=True, timeout=20)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_an_environment_stands_where_a_build_stands(build, options):
    path = build()
    assert find_executable(path).name == "Game.x86_64"
    env = UnityEnv(connect(path, options, seed=4, num_areas=3))
    step = env.reset({"scale": 1.0})["3DBall"]
    assert step.agent_ids.tolist() == [0, 1, 2]
    for _ in range(20):
        step = env.step({"3DBall": no_actions(env.specs["3DBall"].actions, step.num_deciding)})
        step = step["3DBall"]
    pid = env.player_pid
    env.close()
    assert gone(pid)
    log = (options.log_folder / "Player-0.log").read_text()
    assert "seed 4, areas 3" in log
    assert "behavior 3DBall: obs [8]; continuous 2" in log
    assert log.endswith("the trainer has ended the conversation; good bye.\n")


def test_areas_as_in_the_scene_unless_somebody_says_otherwise(build, options):
    for command, areas in ((f"{COMMAND} 3DBall", 12), (f"{COMMAND} 3DBall --num-areas 1", 1)):
        env = UnityEnv(connect(build(command), options))
        assert len(env.reset()["3DBall"].agent_ids) == areas
        env.close()


def test_a_build_that_dies_at_once_shows_its_log(build, options):
    with pytest.raises(UnityEnvironmentException) as caught:
        connect(build(f"{COMMAND} 3DBal"), options)
    text = str(caught.value)
    assert "the Unity build Game.x86_64 has ended (return code 3)" in text
    assert "Player-0.log" in text
    assert "Did you mean '3DBall'?" in text


@pytest.mark.parametrize("delay", [0, 0.5])
def test_a_build_that_dies_later_shows_its_log(build, options, delay):
    env = UnityEnv(connect(build(), options))
    env.reset()
    psutil.Process(env.player_pid).kill()
    time.sleep(delay)  # with it the end is noticed before the next message, without it after
    with pytest.raises(UnityEnvironmentException, match=r"SIGKILL(.|\n)*behavior 3DBall"):
        env.step({"3DBall": no_actions(env.specs["3DBall"].actions, 12)})
    env.close()


def test_a_silent_build_is_ended_and_its_log_shown(build, options, tmp_path):
    folder = tmp_path / "logs"
    path = build(f"echo $$ > {tmp_path}/pid; echo loading > {folder}/Player-0.log; exec sleep 60 #")
    quiet = UnityOptions(log_folder=folder, timeout=1)
    with pytest.raises(UnityTimeOutException, match=r"within 1 s(.|\n)*loading"):
        connect(path, quiet)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_build_that_does_not_end_is_ended(build, tmp_path):
    path = build(f"trap '' TERM; {COMMAND.removeprefix('exec ')} 3DBall \"$@\"; sleep 60 #")
    env = UnityEnv(connect(path, UnityOptions(timeout=20)))
    env.reset()
    family = psutil.Process(env.player_pid).children(recursive=True)
    assert family
    env._connection._timeout = 0.5
    began = time.monotonic()
    env.close()
    assert time.monotonic() - began < 10
    assert all(gone(each.pid) for each in [*family, psutil.Process(os.getpid())][:-1])


def test_builds_take_the_next_free_port_unless_one_is_asked_for(build):
    taken = ExchangeServer(0)
    with pytest.raises(UnityWorkerInUseException, match="is taken"):
        connect(build(), UnityOptions(base_port=taken.port))
    taken.close()


def test_a_player_does_not_outlive_its_trainer(build):
    script = (
        "import sys; from mlagents_tf.envs.unity.env import UnityEnv\n"
        "from mlagents_tf.envs.unity.launch import UnityOptions, connect\n"
        f"env = UnityEnv(connect({build()!r}, UnityOptions(timeout=20))); env.reset()\n"
        "print(env.player_pid, flush=True); sys.stdin.read()"
    )
    trainer = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    pid = int(trainer.stdout.readline())
    assert not gone(pid)
    trainer.kill()
    trainer.communicate()
    for _ in range(100):
        if gone(pid):
            return
        time.sleep(0.1)
    raise AssertionError("the player lives on")


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["3DBall"], 2, "no port is given"),
        (["3DBal", "--port", "1"], 3, "Did you mean '3DBall'?"),
        (["3DBall", "--port", "1", "--wait", "0.1"], 3, "no trainer listens at 127.0.0.1:1"),
        (["3DBall", "-logFile", "/dev/null/log", "--port", "1"], 4, "cannot be written"),
    ],
)
def test_what_cannot_be_served(capsys, arguments, code, what):
    assert main(["serve", *arguments]) == code
    assert what in capsys.readouterr().err


def test_serving_does_not_import_tensorflow():
    script = (
        "import sys; from mlagents_tf.cli.main import main\n"
        "main(['serve', 'Basic', '--port', '1', '--wait', '0.1'])\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_serving_without_grpc_says_what_to_install():
    script = (
        "import sys; sys.modules['grpc'] = None; from mlagents_tf.cli.main import main\n"
        "sys.exit(main(['serve', 'Basic', '--port', '1']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 3
    assert "serving needs gRPC" in done.stderr
    assert "pip install grpcio" in done.stderr
