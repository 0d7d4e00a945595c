"""What all tests share: quiet and single-threaded numerics, oracles, hypothesis' profiles."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do: the same last bits
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# after the environment variables, which are read at import
import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def shared():
    """The directory of reference data that lies beside the repository."""
    directory = Path(__file__).parents[2] / "shared"
    if not directory.is_dir():
        pytest.skip(f"the reference data is not beside the repository ({directory.name}/)")
    return directory


@pytest.fixture(scope="session")
def golden(shared):
    """Inputs and outputs of ML-Agents' own functions, by name."""
    path = shared / "data" / "golden" / "golden.npz"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} in the reference data")
    with np.load(path) as arrays:
        return dict(arrays)
