"""A replay in which everything has happened, and its file."""

import shutil

import pytest

from mlagents_tf.data.replay_file import save_replay
from tests.data.replays import played


@pytest.fixture(scope="session")
def original():
    return played()


@pytest.fixture(scope="session")
def saved(original, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "replay.hdf5"
    save_replay(path, original)
    return path


@pytest.fixture
def path(saved, tmp_path):
    """A copy of the file, to be damaged."""
    return shutil.copy(saved, tmp_path / "replay.hdf5")
