"""Unity's own recordings, which lie beside the repository if they are there at all."""

from pathlib import Path

import pytest

RECORDINGS = Path(__file__).parents[2] / "shared" / "data" / "demos"

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="Unity's recordings are not beside the repository"
)
