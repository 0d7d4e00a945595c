"""The command line of `learn`: every flag of mlagents-learn, its meaning and precedence."""

import subprocess
import sys
import types

import pytest

from mlagents_tf.cli import learn as learn_command
from mlagents_tf.cli.main import learn_main, main


@pytest.fixture
def asked(monkeypatch):
    """Runs a command line up to the training, and returns what it would train with."""
    calls = []
    stand_in = types.ModuleType("mlagents_tf.run.learn")

    def learn(settings, notices, command, stop_at):
        calls.append((settings, notices))
        run.stop_at = stop_at
        return types.SimpleNamespace(exit_code=0)

    stand_in.learn = learn
    monkeypatch.setitem(sys.modules, "mlagents_tf.run.learn", stand_in)
    monkeypatch.setattr(learn_command, "import_tensorflow", lambda: None)

    def run(*argv):
        assert main(["learn", *argv]) == 0
        return calls[-1]

    return run


@pytest.mark.parametrize(
    ("argv", "path", "value"),
    [
        (["--env", "Basic"], "env_settings.env_path", "Basic"),
        (["--resume"], "checkpoint_settings.resume", True),
        (["--inference"], "checkpoint_settings.inference", True),
        (["--force"], "checkpoint_settings.force", True),
        (["--run-id", "first"], "checkpoint_settings.run_id", "first"),
        (["--initialize-from", "old"], "checkpoint_settings.initialize_from", "old"),
        (["--results-dir", "elsewhere"], "checkpoint_settings.results_dir", "elsewhere"),
        (["--seed", "7"], "env_settings.seed", 7),
        (["--base-port", "6000"], "env_settings.base_port", 6000),
        (["--env", "x", "--num-envs", "3"], "env_settings.num_envs", 3),
        (["--num-areas", "4"], "env_settings.num_areas", 4),
        (["--max-lifetime-restarts", "-1"], "env_settings.max_lifetime_restarts", -1),
        (["--restarts-rate-limit-n", "2"], "env_settings.restarts_rate_limit_n", 2),
        (["--restarts-rate-limit-period-s", "9"], "env_settings.restarts_rate_limit_period_s", 9),
        (["--timeout-wait", "30"], "env_settings.timeout_wait", 30),
        (["--debug"], "debug", True),
        (["--width", "100"], "engine_settings.width", 100),
        (["--height", "90"], "engine_settings.height", 90),
        (["--quality-level", "1"], "engine_settings.quality_level", 1),
        (["--time-scale", "1.5"], "engine_settings.time_scale", 1.5),
        (["--target-frame-rate", "60"], "engine_settings.target_frame_rate", 60),
        (["--capture-frame-rate", "30"], "engine_settings.capture_frame_rate", 30),
        (["--no-graphics"], "engine_settings.no_graphics", True),
        (["--no-graphics-monitor"], "engine_settings.no_graphics_monitor", True),
        (["--torch-device", "cpu"], "torch_settings.device", "cpu"),
        (["--deterministic"], "default_settings.network_settings.deterministic", True),
        (["--max-steps", "123"], "default_settings.max_steps", 123),
        (["--set", "default_settings.summary_freq=5"], "default_settings.summary_freq", 5),
        (["--load"], "checkpoint_settings.resume", True),
        (["--cpu"], "torch_settings.device", "cpu"),
    ],
)
def test_a_flag_reaches_its_setting(asked, argv, path, value):
    found = asked(*argv)[0]
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


def test_the_step_to_stop_at_is_no_setting(asked):
    with_it, _ = asked("--stop-at", "500")
    assert asked.stop_at == 500
    without, _ = asked()
    assert asked.stop_at is None
    assert with_it == without


def test_everything_behind_env_args_goes_to_the_player(asked):
    settings, _ = asked("--seed", "1", "--env-args", "--lang", "de", "--seed", "2")
    assert list(settings.env_settings.env_args) == ["--lang", "de", "--seed", "2"]
    assert settings.env_settings.seed == 1


def test_only_a_flag_that_was_given_beats_the_file(asked, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("env_settings: {seed: 5, base_port: 7000}\nbehaviors: {A: {max_steps: 10}}")
    settings, _ = asked(str(config), "--seed", "-1")
    assert settings.env_settings.seed == -1
    assert settings.env_settings.base_port == 7000
    assert settings.behaviors["A"].max_steps == 10


@pytest.mark.parametrize(
    "flag", [*learn_command.OLD_SWITCHES, *(f"{name} x" for name in learn_command.OLD_FLAGS)]
)
def test_a_flag_of_an_older_version_is_taken_with_a_hint(asked, flag):
    _, notices = asked(*flag.split())
    assert any(notice.startswith(flag.split()[0]) for notice in notices)


def test_the_second_program_is_the_same_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mlagents-tf-learn", "--help"])
    with pytest.raises(SystemExit) as stopped:
        learn_main()
    assert stopped.value.code == 0
    assert "--num-areas" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["learn", "--seed", "abc"], ["learn", "--no-such"], ["dance"]])
def test_a_wrong_command_line_exits_with_2(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    assert capsys.readouterr().err


def test_parsing_twice_remembers_nothing(asked):
    asked("--seed", "3", "--resume")
    settings, _ = asked()
    assert settings.env_settings.seed == -1
    assert settings.checkpoint_settings.resume is False


def test_help_imports_neither_tensorflow_nor_pydantic():
    code = (
        "from mlagents_tf.cli.main import build_parser; import sys; build_parser().format_help();"
        "assert not {'tensorflow', 'pydantic', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
