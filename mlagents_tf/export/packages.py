"""Which optional packages a format needs, and how to get them."""

from __future__ import annotations

from importlib.util import find_spec

from mlagents_tf.errors import SettingsError

ONNX_PACKAGES = ("onnx", "onnxruntime")
ONNX_HINT = "install both with: pip install 'mlagents-tf[onnx]'"


def missing_packages() -> tuple[str, ...]:
    """Which of the packages for ONNX are not installed."""
    return tuple(name for name in ONNX_PACKAGES if find_spec(name) is None)


def require_onnx() -> None:
    """Raise SettingsError, with what to install, if an ONNX model cannot be written and run."""
    missing = missing_packages()
    if missing:
        raise SettingsError(f"ONNX needs the package {' and '.join(missing)}; {ONNX_HINT}")
