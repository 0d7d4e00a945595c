"""What a run writes for use elsewhere, and what `mlagents-tf export` adds."""

import pytest

from mlagents_tf.cli.export import FORMATS
from mlagents_tf.cli.main import main
from mlagents_tf.export import packages
from mlagents_tf.export.formats import SUFFIXES, WRITERS
from mlagents_tf.run.exporting import default_formats
from tests.run.runs import learn

MODELS = {
    "onnx": "toy-discrete.onnx",
    "savedmodel": "toy-discrete/saved_model",
    "litert": "toy-discrete.tflite",
}
HINT = "for one, install both with: pip install 'mlagents-tf[onnx]'."


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run that ended without the packages for ONNX."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        patch.setattr(packages, "ONNX_PACKAGES", ("no_such_package",))
        assert learn(folder, "--max-steps", "200") == 0
    return folder / "results" / "r"


def test_a_run_without_onnx_writes_a_saved_model_only(run):
    assert (run / MODELS["savedmodel"] / "saved_model.pb").is_file()
    assert not (run / MODELS["onnx"]).exists()


def test_without_a_format_export_writes_what_a_run_does(run, monkeypatch, capsys):
    monkeypatch.setattr(packages, "ONNX_PACKAGES", ("no_such_package",))
    assert main(["export", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert HINT in lines[0]
    assert lines[1:] == [f"Exported {run / MODELS['savedmodel']}."]


def test_with_its_packages_onnx_is_a_default(monkeypatch):
    monkeypatch.setattr(packages, "ONNX_PACKAGES", ("json",))
    notices = []
    assert default_formats(notices.append) == ("savedmodel", "onnx")
    assert not notices


def test_formats_can_be_repeated(run, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert main(["export", str(run), "--format", "litert", "--format", "onnx"]) == 0
    written = capsys.readouterr().out.splitlines()
    assert written == [f"Exported {run / MODELS[name]}." for name in ("litert", "onnx")]
    assert all((run / MODELS[name]).is_file() for name in ("litert", "onnx"))


def test_all_formats_can_be_had_at_once(run, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    assert main(["export", str(run), "--format", "all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_command_line_knows_every_format():
    assert set(FORMATS) == WRITERS.keys() == SUFFIXES.keys()


def test_an_export_that_needs_a_missing_package_fails(run, monkeypatch, capsys):
    monkeypatch.setattr(packages, "ONNX_PACKAGES", ("no_such_package",))
    assert main(["export", str(run), "--format", "onnx"]) == 2
    assert "ONNX needs the package no_such_package; install both" in capsys.readouterr().err


def test_a_model_that_differs_fails_the_command(run, monkeypatch, capsys):
    def write_nothing(_, path):
        path.mkdir()
        (path / "saved_model.pb").touch()

    monkeypatch.setitem(WRITERS, "savedmodel", write_nothing)
    assert main(["export", str(run), "--format", "savedmodel"]) == 5
    assert "saved_model: was not exported: " in capsys.readouterr().err
    assert (run / MODELS["savedmodel"] / "variables").is_dir()
