"""Files that are no models are named in a sentence."""

import pytest

from mlagents_tf.errors import DataError
from mlagents_tf.export.formats import SUFFIXES, export_policy
from mlagents_tf.export.models import open_model
from tests.export.policies import make_policy


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite"])
@pytest.mark.parametrize("content", [b"", b"version 1\n" * 50])
def test_a_foreign_file_cannot_be_read(name, content, tmp_path):
    if name.endswith("onnx"):
        pytest.importorskip("onnxruntime")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}: cannot be read as a model: "):
        open_model(tmp_path / name)


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_half_a_file_cannot_be_read(name, tmp_path):
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    path = tmp_path / f"model{SUFFIXES[name]}"
    export_policy(make_policy("continuous"), name, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cannot be read as a model"):
        open_model(path)


def test_a_damaged_saved_model_cannot_be_read(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read as a model"):
        open_model(tmp_path)


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.onnx: there is no such model"):
        open_model(tmp_path / "gone.onnx")


def test_other_files_are_told_what_is_allowed(tmp_path):
    (tmp_path / "model.nn").touch()
    with pytest.raises(DataError, match=r"model\.nn: is no model .* give a \.onnx file"):
        open_model(tmp_path / "model.nn")
