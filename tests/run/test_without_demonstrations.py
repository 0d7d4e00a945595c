"""What was learned from demonstrations acts without them; `learn` says how they were read."""

import io
import signal
from contextlib import redirect_stdout

import numpy as np
import pytest

import mlagents_tf
from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.toy import HybridLine
from tests.rewards.signals import write_demo
from tests.run.exact import run_until
from tests.run.runs import CONFIG, arguments

NETWORK = "network_settings: {hidden_units: 8, num_layers: 1, normalize: true}"
LEARNED = f"""
  reward_signals: {{gail: {{demo_path: DEMO, {NETWORK}}}}}
  behavioral_cloning: {{demo_path: DEMO, steps: 1000}}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The arguments of a run, its directory and what it printed; its demonstrations are gone."""
    folder = tmp_path_factory.mktemp("trained")
    demo = write_demo(folder, HybridLine.spec)
    text = (
        (CONFIG + LEARNED).replace("DEMO", str(demo)).replace("max_steps: 1000", "max_steps: 300")
    )
    command = arguments(folder, env="toy-hybrid", text=text)
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setenv("MLAGENTS_TF_MODE", "eager")
        assert main(command) == 0
    demo.unlink()
    return command, folder / "results" / "r", demo, printed.getvalue()


def test_learn_says_what_it_learns_from_and_how_it_is_aligned(trained):
    _, _, demo, printed = trained
    line = next(line for line in printed.splitlines() if str(demo) in line)
    assert f"behavior toy-hybrid: reward signal gail: {demo}: 60 pairs" in line
    assert "action alignment 'next', the metadata stands at its end again" in line


def test_a_policy_is_loaded(trained):
    policy = mlagents_tf.load_policy(trained[1])
    acted = policy.act(np.zeros((3, 2), np.float32))
    assert acted.continuous.shape == (3, 1)


@pytest.mark.parametrize(
    "command",
    [("evaluate", "--episodes", "4"), ("export",), ("demo", "record", "--episodes", "2")],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_command_does_without(trained, tmp_path, command):
    run = str(trained[1])
    words = {
        "evaluate": ["evaluate", run, *command[1:]],
        "export": ["export", run],
        "demo": ["demo", "record", run, str(tmp_path / "new.demo"), *command[2:]],
    }[command[0]]
    assert main(words) == 0


def test_inference_does_without(trained):
    # it acts until it is stopped
    assert run_until(signal.SIGTERM, 20, [*trained[0], "--inference"]) == 143


def test_going_on_does_not(trained, capsys):
    command, _, demo, _ = trained
    assert main([*command, "--resume"]) == 5
    error = capsys.readouterr().err
    assert f"reward_signals.gail.demo_path: {demo}: there is no such file or directory." in error
