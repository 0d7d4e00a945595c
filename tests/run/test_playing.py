"""Exported models play as the policies they were made of."""

import json

import pytest

from mlagents_tf.cli.export import FORMATS
from mlagents_tf.cli.main import main
from tests.run.runs import learn

MODELS = {
    "onnx": "toy-discrete.onnx",
    "savedmodel": "toy-discrete/saved_model",
    "litert": "toy-discrete.tflite",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run and its policy in all formats."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        assert learn(folder, "--max-steps", "1000") == 0
    run_dir = folder / "results" / "r"
    assert main(["export", str(run_dir), "--format", "litert"]) == 0
    return run_dir


def figures(capsys, *arguments):
    capsys.readouterr()
    assert main([*map(str, arguments), "--episodes", "20", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["toy-discrete"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_model_earns_what_the_policy_earns(name, run, capsys):
    expected = figures(capsys, "evaluate", run)
    del expected["steps"]
    assert figures(capsys, "play", run, "--model", run / MODELS[name]) == expected


def test_a_model_can_draw_its_actions(run, capsys):
    model = run / MODELS["savedmodel"]
    played = figures(capsys, "play", run, "--model", model, "--stochastic")
    assert played["episodes"] == 20


def test_what_a_model_earns_is_printed_in_a_line(run, capsys):
    model = str(run / MODELS["onnx"])
    assert main(["play", str(run), "--model", model, "--episodes", "5"]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("toy-discrete: mean reward ")
    assert line.endswith(" 5 episodes")


@pytest.mark.parametrize("name", ["continuous", "sac_continuous"])
def test_models_of_ml_agents_play(name, run, shared, capsys):
    model = shared / "data" / "onnx" / f"{name}.onnx"
    if not model.is_file():
        pytest.skip(f"there is no {model.name} in the reference data")
    arguments = ["play", str(run), "--env", "3DBall", "--model", str(model), "--episodes", "2"]
    assert main([*arguments, "--max-episode-steps", "50"]) == 0
    assert capsys.readouterr().out.startswith("3DBall: mean reward ")


def test_a_model_of_another_behavior_is_refused(run, capsys):
    model = str(run / MODELS["onnx"])
    assert main(["play", str(run), "--env", "3DBall", "--model", model]) == 5
    error = capsys.readouterr().err
    assert "toy-discrete.onnx: does not fit the environment: its inputs are action_masks" in error
    assert "but must be obs_0 [8]" in error


def test_a_model_with_memory_is_refused(run, shared, capsys):
    model = shared / "data" / "onnx" / "continuous_lstm.onnx"
    if not model.is_file():
        pytest.skip(f"there is no {model.name} in the reference data")
    assert main(["play", str(run), "--env", "3DBall", "--model", str(model)]) == 5
    assert "recurrent_in [1, 16]" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_named(run, capsys):
    assert main(["play", str(run), "--model", "gone.onnx"]) == 5
    assert "gone.onnx: there is no such model" in capsys.readouterr().err


def test_a_behavior_that_the_environment_does_not_have_is_named(run, capsys):
    model = str(run / MODELS["onnx"])
    assert main(["play", str(run), "--model", model, "--behavior", "Walker"]) == 5
    assert "has no behavior 'Walker', only: toy-discrete" in capsys.readouterr().err
