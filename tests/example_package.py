"""`examples/plugin_trainers` as pip would have installed it, without asking pip."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagents_tf.plugins import TRAINER_SETTINGS, TRAINERS

EXAMPLE = Path(__file__).parents[1] / "examples" / "plugin_trainers"


def installed_example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The body of a fixture: its entry points are found, its modules can be imported."""
    text = (EXAMPLE / "pyproject.toml").read_text()
    info = folder / "plugin_trainers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-trainers\nVersion: 1.0\n")
    groups = [
        f"[{group}]\n" + re.search(rf'^\[.*"{group}"\]\n(.*?)\n\n', text, re.M | re.S)[1]
        for group in (TRAINERS, TRAINER_SETTINGS)
    ]
    (info / "entry_points.txt").write_text("\n".join(groups).replace('"', "") + "\n")
    for place in (folder, EXAMPLE):
        monkeypatch.syspath_prepend(place)
    yield
    for module in [name for name in sys.modules if name.startswith("plugin_trainers")]:
        del sys.modules[module]
