"""Runs whose environment is a player over the wire, or lives in processes of workers."""

import csv
import socket
import sys

import psutil
import pytest

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.envs.registry import make_env
from mlagents_tf.errors import DataError
from mlagents_tf.protobuf.messages import STATUS_END, Output
from mlagents_tf.run.state import CONFIGURATION
from tests.envs.unity.players import ThreadPlayer
from tests.run.runs import CONFIG, write_config

SEED = 3


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def workers():
    """Processes of workers of this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def rows_of(folder, behavior="toy-discrete"):
    with (folder / "results" / "r" / behavior / "statistics.csv").open() as file:
        return list(csv.DictReader(file))


class StoppedPlayer(ThreadPlayer):
    """Ends by itself after so many steps, as the Editor does when Play is stopped."""

    steps = None

    def says(self, output):
        over = self.steps is not None and len(self.inputs) > self.steps
        return Output(STATUS_END) if over else output


@pytest.fixture
def editor(tmp_path):
    """Plays a scene and trains in it; returns the exit code, and the player that has ended."""

    def play(name, *more, steps=None):
        port = free_port()
        player = StoppedPlayer(make_env(name, num_areas=4, seed=SEED), port)
        player.steps = steps
        player.start()
        config = write_config(tmp_path, CONFIG + f"env_settings: {{base_port: {port}}}\n")
        results = str(tmp_path / "results")
        code = main(["learn", str(config), "--run-id", "r", "--results-dir", results, *more])
        player.join(20)
        assert not player.is_alive()
        return code, player

    return play


def test_a_scene_of_the_editor_is_trained_and_resumed(editor, tmp_path, capsys):
    assert editor("toy-discrete", "--stop-at", "400")[0] == 0
    assert "press Play" in capsys.readouterr().out
    code, _ = editor("toy-discrete", "--resume")
    out = capsys.readouterr().out
    assert code == 0
    assert "Resuming from step 400" in out
    assert "faithful" in out
    assert (tmp_path / "results" / "r" / "toy-discrete.onnx").is_file()
    assert [int(row["Step"]) for row in rows_of(tmp_path)] == list(range(100, 1001, 100))


def test_a_scene_that_is_stopped_ends_the_run_in_good_order(editor, tmp_path, capsys):
    code, _ = editor("toy-discrete", steps=30)
    out = capsys.readouterr().out
    assert code == 0
    assert "Unity ended the conversation" in out
    assert "Stopped at step" in out
    assert (tmp_path / "results" / "r" / "checkpoints").is_dir()


def test_another_scene_than_the_runs_is_refused(editor, tmp_path, capsys):
    assert editor("toy-discrete", "--stop-at", "100")[0] == 0

    world = make_env("toy-continuous", num_areas=4)
    world.behavior = "toy-discrete"
    code, _ = editor_with(world, tmp_path)
    assert code == DataError.exit_code
    assert "was trained for" in capsys.readouterr().err


def editor_with(world, folder):
    """Resumes the run of `folder` in a scene that plays `world`."""
    port = free_port()
    specs = {"toy-discrete": next(iter(world.specs.values()))}

    class Renamed:
        def reset(self, parameters=None):
            return {"toy-discrete": next(iter(world.reset(parameters).values()))}

        def close(self):
            world.close()

    scene = Renamed()
    scene.specs = specs
    player = ThreadPlayer(scene, port)
    player.start()
    config = write_config(folder, CONFIG + f"env_settings: {{base_port: {port}}}\n")
    results = str(folder / "results")
    code = main(["learn", str(config), "--run-id", "r", "--results-dir", results, "--resume"])
    player.join(20)
    return code, player


def test_two_processes_train_one_behavior(tmp_path):
    result = mlagents_tf.learn(
        write_config(tmp_path, CONFIG + "env_settings: {num_envs: 2, num_areas: 3}\n"),
        "toy-discrete",
        run_id="r",
        results_dir=tmp_path / "results",
        seed=SEED,
    )
    assert result.finished
    assert result.steps >= 1000
    assert not workers()


def test_a_process_that_is_killed_costs_its_episodes_only(tmp_path):
    killed = []

    def kill_one(progress):
        if progress.steps >= 300 and not killed:
            killed.append(workers()[0])
            killed[0].kill()

    result = mlagents_tf.learn(
        write_config(tmp_path, CONFIG + "env_settings: {num_envs: 2, num_areas: 3}\n"),
        "toy-discrete",
        run_id="r",
        results_dir=tmp_path / "results",
        seed=SEED,
        callbacks=[kill_one],
    )
    assert killed
    assert result.finished
    told = [row["Environment/Worker Restarts"] for row in rows_of(tmp_path)]
    assert any(value and float(value) == 1 for value in told)


@pytest.mark.skipif(sys.platform == "win32", reason="the build is a shell script")
def test_a_build_that_dies_is_started_again(tmp_path):
    build = tmp_path / "game.x86_64"
    build.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mlagents_tf serve toy-discrete "$@"\n')
    build.chmod(0o755)
    killed = []

    def players():
        children = psutil.Process().children(recursive=True)
        return [child for child in children if "serve" in child.cmdline()]

    def kill_one(progress):
        if progress.steps >= 300 and not killed:
            killed.append(players()[0])
            killed[0].kill()

    result = mlagents_tf.learn(
        write_config(
            tmp_path, CONFIG + f"env_settings: {{num_areas: 4, base_port: {free_port()}}}"
        ),
        str(tmp_path / "game"),
        run_id="r",
        results_dir=tmp_path / "results",
        seed=SEED,
        callbacks=[kill_one],
    )
    assert killed
    assert result.finished
    assert not players()
    assert "good bye" in (result.run_dir / "run_logs" / "Player-0.log").read_text()
    told = [row["Environment/Worker Restarts"] for row in rows_of(tmp_path)]
    assert sum(float(value or 0) for value in told) == 1


def test_a_build_that_only_the_record_of_a_run_names_is_not_started(tmp_path, capsys):
    assert main(["learn", str(write_config(tmp_path)), "--env", "toy-discrete", "--run-id", "r",
                 "--results-dir", str(tmp_path / "results"), "--stop-at", "100"]) == 0  # fmt: skip
    record = tmp_path / "results" / "r" / CONFIGURATION
    record.write_text(record.read_text().replace("toy-discrete", "./a_game"))
    code = main(["learn", str(record), "--run-id", "r", "--resume"])
    assert code == 2
    assert "nothing is started or imported because a file of a run names it" in (
        capsys.readouterr().err
    )


def test_listening_beyond_this_machine_is_warned_of(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    port = str(free_port())
    args = ["learn", str(write_config(tmp_path)), "--listen", "127.0.0.2", "--base-port", port]
    code = main([*args, "--timeout-wait", "1"])
    told = capsys.readouterr()
    assert code == 3
    assert "can pose as the player" in told.out + told.err
    assert "no message from Unity within 1 s at 127.0.0.2" in told.err
