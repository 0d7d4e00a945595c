"""Exported models play as the policies they were made of."""

import json

import numpy as np
import pytest

from mlagents_tf.cli.export import FORMATS
from mlagents_tf.cli.main import main
from mlagents_tf.envs.registry import EMBEDDED, make_env
from mlagents_tf.export.models import OnnxModel
from mlagents_tf.run.evaluate import load_run
from mlagents_tf.run.playing import players_with_model
from mlagents_tf.run.seats import Players
from tests.run import ml_agents_models
from tests.run.runs import arguments

MODELS = {
    "onnx": "toy-memory.onnx",
    "savedmodel": "toy-memory/saved_model",
    "litert": "toy-memory.tflite",
}
REMEMBERING = """
default_settings:
  trainer_type: ppo
  hyperparameters: {batch_size: 128, buffer_size: 512, num_epoch: 4, learning_rate: 0.003}
  network_settings:
    {hidden_units: 16, num_layers: 1, memory: {memory_size: 16, sequence_length: 8}}
  max_steps: 6000
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that has learned to remember, and its policy in all formats."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        command = arguments(folder, "--num-areas", "16", env="toy-memory", text=REMEMBERING)
        assert main(command) == 0
    run_dir = folder / "results" / "r"
    assert main(["export", str(run_dir), "--format", "litert"]) == 0
    return run_dir


def figures(capsys, *arguments):
    capsys.readouterr()
    assert main([*map(str, arguments), "--episodes", "50", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["toy-memory"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_model_earns_what_the_policy_earns(name, run, capsys):
    expected = figures(capsys, "evaluate", run)
    assert expected["mean_reward"] > 0.9  # not without memory: the side is shown but once
    del expected["steps"]
    assert figures(capsys, "play", run, "--model", run / MODELS[name]) == expected


def test_a_model_can_draw_its_actions(run, capsys):
    model = run / MODELS["savedmodel"]
    played = figures(capsys, "play", run, "--model", model, "--stochastic")
    assert played["episodes"] == 50


def test_what_a_model_earns_is_printed_in_a_line(run, capsys):
    model = str(run / MODELS["onnx"])
    assert main(["play", str(run), "--model", model, "--episodes", "5"]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("toy-memory: mean reward ")
    assert line.endswith(" 5 episodes")


@pytest.fixture
def their_model(shared):
    """Finds a model of ML-Agents' exporter by its name."""

    def find(name):
        path = shared / "data" / "onnx" / f"{name}.onnx"
        if not path.is_file():
            pytest.skip(f"there is no {path.name} in the reference data")
        return path

    return find


@pytest.mark.parametrize("chosen", ["", "--stochastic"])
@pytest.mark.parametrize("name", ml_agents_models.MODELS)
def test_models_of_ml_agents_play(name, chosen, run, their_model, monkeypatch, capsys):
    model, world = their_model(name), ml_agents_models.MODELS[name]
    env = world if isinstance(world, str) else "toy-noise"
    if env == "toy-noise":
        monkeypatch.setitem(EMBEDDED, env, world)
    asked = ["play", str(run), "--env", env, "--model", str(model), "--episodes", "4", "--json"]
    assert main([*asked, "--max-episode-steps", "50", *filter(None, [chosen])]) == 0
    (found,) = json.loads(capsys.readouterr().out).values()
    assert found["episodes"] == 4
    assert np.isfinite(found["mean_reward"])
    if env == "toy-noise":
        assert found["mean_length"] == 5
        if world.spec.actions.continuous_size:
            assert abs(found["mean_reward"]) <= 5  # each action is within 1
        else:
            assert found["min_reward"] >= 5  # option 0, which pays nothing, is forbidden


def test_the_list_of_models_of_ml_agents_is_complete(shared):
    directory = shared / "data" / "onnx"
    if not directory.is_dir():
        pytest.skip("there are no models in the reference data")
    assert {path.stem for path in directory.glob("*.onnx")} == set(ml_agents_models.MODELS)


def test_a_model_of_ml_agents_is_given_what_it_remembers(run, their_model):
    path = their_model("continuous_lstm")
    env = make_env("3DBall", num_areas=3, seed=1)
    players = players_with_model(path, "3DBall", env, run, load_run(run), deterministic=True)
    at_play, model = Players(players, np.random.default_rng(0)), OnnxModel(path)
    steps, memories = env.reset(), np.zeros((3, 1, 16), np.float32)
    for _ in range(4):  # no ball falls so soon
        given = {"obs_0": steps["3DBall"].obs[0], "recurrent_in": memories}
        expected = model.run(given)
        memories = expected["recurrent_out"]
        actions = at_play.act(steps)
        np.testing.assert_array_equal(
            actions["3DBall"].continuous, expected["deterministic_continuous_actions"]
        )
        steps = env.step(actions)
        assert not steps["3DBall"].ended.any()
    assert np.abs(memories).max() > 0


def test_a_model_of_another_behavior_is_refused(run, capsys):
    model = str(run / MODELS["onnx"])
    assert main(["play", str(run), "--env", "3DBall", "--model", model]) == 5
    error = capsys.readouterr().err
    assert "toy-memory.onnx: does not fit the environment: its inputs are action_masks" in error
    assert "but must be obs_0 [8], recurrent_in [1, 16]" in error


def test_a_model_that_is_not_there_is_named(run, capsys):
    assert main(["play", str(run), "--model", "gone.onnx"]) == 5
    assert "gone.onnx: there is no such model" in capsys.readouterr().err


def test_a_behavior_that_the_environment_does_not_have_is_named(run, capsys):
    model = str(run / MODELS["onnx"])
    assert main(["play", str(run), "--model", model, "--behavior", "Walker"]) == 5
    assert "has no behavior 'Walker', only: toy-memory" in capsys.readouterr().err
