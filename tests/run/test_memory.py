"""A replay is refused before it is killed."""

import psutil
import pytest

from mlagents_tf.data.replay import Replay
from mlagents_tf.errors import SettingsError
from mlagents_tf.run import memory
from mlagents_tf.run.memory import available_memory, check_fits, headroom
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from tests.data.replays import filled

IMAGES = Spec((ObservationSpec((3, 84, 84), dtype="uint8"),), ActionSpec(2))
VECTORS = Spec((ObservationSpec((8,)),), ActionSpec(2))
GB = 10**9


@pytest.fixture
def machine(monkeypatch):
    """Sets what is available."""
    return lambda size: monkeypatch.setattr(memory, "available_memory", lambda: size)


def test_a_replay_that_fits_is_announced():
    line = check_fits("Walker", Replay(VECTORS, 500_000))
    assert line == "behavior Walker: its replay of 500000 rows takes up to 25.0 MB"


def test_a_million_images_are_taken_or_refused_by_what_is_available(machine):
    replay = Replay(IMAGES, 1_000_000)
    machine(32 * GB)
    assert "takes up to 21.2 GB" in check_fits("Agent", replay)
    machine(22 * GB)
    with pytest.raises(SettingsError) as refused:
        check_fits("Agent", replay)
    assert str(refused.value) == (
        "behaviors.Agent.hyperparameters.buffer_size: a replay of 1000000 rows of 21186 bytes "
        "needs 21.2 GB, but of 22.0 GB of available memory, 2.2 GB are left to the rest of the "
        "run and 19.8 GB to it. Lower buffer_size to at most 934579."
    )
    assert "934579 rows takes" in check_fits("Agent", Replay(IMAGES, 934_579))
    assert not replay.columns


def test_replays_of_other_behaviors_count_with_what_they_have_not_taken_yet(machine):
    machine(30 * GB)
    other = Replay(IMAGES, 500_000)
    check_fits("Agent", Replay(IMAGES, 700_000), [other])
    with pytest.raises(SettingsError, match=r"10\.6 GB to other replays, 3\.0 GB are left"):
        check_fits("Agent", Replay(IMAGES, 800_000), [other])
    assert memory.bytes_to_come(filled(100, 29)) == 70 * filled(100, 29).layout.itemsize


@pytest.mark.parametrize(
    ("available", "left"), [(10**8, 5 * 10**7), (4 * GB, 1 << 30), (100 * GB, 10 * GB)]
)
def test_a_tenth_is_left_to_the_rest_of_the_run_or_more(available, left):
    assert headroom(available) == left


def cgroup(root, membership, **files):
    """A file system with control groups; names of files have __ for /."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(membership)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("memory_", "memory.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_limit_of_version_2_counts_and_file_cache_does_not(tmp_path):
    cgroup(
        tmp_path,
        "0::/box/inner\n",
        box__memory_max="5000\n",
        box__memory_current="3000\n",
        box__memory_stat="anon 2000\ninactive_file 700\n",
        box__inner__memory_max="max\n",
        box__inner__memory_current="1000\n",
    )
    assert available_memory(tmp_path) == 2700


def test_a_limit_of_version_1_counts_where_the_container_sees_it(tmp_path):
    cgroup(
        tmp_path,
        "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n",
        memory__memory_limit_in_bytes="5000\n",
        memory__memory_usage_in_bytes="6000\n",
        memory__memory_stat="inactive_file 5\ntotal_inactive_file 1500\n",
    )
    assert available_memory(tmp_path) == 500


def test_without_limits_the_machine_counts(tmp_path):
    cgroup(tmp_path, "0::/\n", memory_max="max\n", memory_current="5\n")
    total = psutil.virtual_memory().total
    assert total // 50 < available_memory(tmp_path) <= total
    assert available_memory(tmp_path / "nowhere") <= total
