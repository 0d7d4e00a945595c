"""Exported models, run as whoever gets them would: in onnxruntime, LiteRT and TensorFlow."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.errors import DataError, SettingsError
from mlagents_tf.export.packages import require_onnx
from mlagents_tf.export.savedmodel import SIGNATURE

Arrays = dict[str, NDArray[Any]]


class Model(Protocol):
    """A file that was opened.

    Attributes:
        path: of the file or directory.
        inputs: shapes by name, without the batch axis.
        outputs: names.
    """

    path: Path
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> Arrays:
        """Outputs by name for inputs [N, *shape] by name."""


class OnnxModel:
    """A `.onnx` file in onnxruntime, on one core: a policy is too small for more."""

    def __init__(self, path: Path) -> None:
        require_onnx()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised as well
        self.path = path
        self._session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = {node.name: tuple(node.shape[1:]) for node in self._session.get_inputs()}
        self.outputs = tuple(node.name for node in self._session.get_outputs())

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> Arrays:
        """Outputs by name for inputs [N, *shape] by name."""
        outputs = self._session.run(None, dict(feeds))
        return dict(zip(self.outputs, map(np.asarray, outputs), strict=True))


class LiteRTModel:
    """A `.tflite` file in TensorFlow's interpreter; its one signature says what is what."""

    def __init__(self, path: Path) -> None:
        self.path = path
        resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        with warnings.catch_warnings():
            # the interpreter is to move into a package of its own, whose name it advertises
            warnings.simplefilter("ignore", UserWarning)
            self._interpreter = tf.lite.Interpreter(
                model_content=path.read_bytes(), experimental_op_resolver_type=resolver
            )
        self._run = self._interpreter.get_signature_runner()
        details = self._run.get_input_details()
        self.inputs = {name: tuple(map(int, d["shape"][1:])) for name, d in details.items()}
        self.outputs = tuple(self._run.get_output_details())

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> Arrays:
        """Outputs by name for inputs [N, *shape] by name."""
        return {name: np.array(array) for name, array in self._run(**feeds).items()}


class SavedModel:
    """A directory in TensorFlow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loaded = tf.saved_model.load(str(path))  # owns the variables of the function
        self._run = self._loaded.signatures[SIGNATURE]
        specs = self._run.structured_input_signature[1]
        self.inputs = {name: tuple(spec.shape[1:]) for name, spec in specs.items()}
        self.outputs = tuple(self._run.structured_outputs)

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> Arrays:
        """Outputs by name for inputs [N, *shape] by name."""
        outputs = self._run(**{name: tf.constant(array) for name, array in feeds.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}


def open_model(path: Path) -> Model:
    """The model in a `.onnx` file, a `.tflite` file or the directory of a SavedModel.

    Raises:
        DataError: there is nothing that can be run.
        SettingsError: a package is missing.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such model")
    kind = kind_of(path)
    try:
        return kind(path)
    except SettingsError:
        raise
    except Exception as error:  # each library raises classes of its own
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise DataError(f"{path}: cannot be read as a model: {reason}") from error


def kind_of(path: Path) -> Callable[[Path], Model]:
    """What opens `path`."""
    if path.suffix == ".onnx":
        return OnnxModel
    if path.suffix == ".tflite":
        return LiteRTModel
    if (path / "saved_model.pb").is_file():
        return SavedModel
    raise DataError(
        f"{path}: is no model that can be run; give a .onnx file, a .tflite file or the "
        "directory of a SavedModel"
    )
