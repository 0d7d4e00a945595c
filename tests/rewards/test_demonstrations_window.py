"""Demonstrations that are larger than memory: a window on them that moves with the updates."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.data.demo_records import record_bytes
from mlagents_tf.data.demo_writer import writing_demo
from mlagents_tf.errors import DataError
from mlagents_tf.rewards import demonstrations as module
from mlagents_tf.rewards.demonstrations import Demonstrations
from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.check_trainer import RandomWorld
from tests.data.demo_files import SPECS, random_rows, write_rows
from tests.trainers.small import fill_and_update, small_trainer

SPEC = SPECS["hybrid"]
NUM_ROWS = 100
WINDOW = 20


def numbered(path, spec=SPEC, count=NUM_ROWS, **keys):
    """A file whose decisions are numbered from 0 by the first number they show."""
    rows = random_rows(spec, round(count * 1.5), **keys)
    end = np.flatnonzero(rows.mask)[count - 1] + 2
    rows = type(rows)(tuple(obs[:end] for obs in rows.obs), *(column[:end] for column in rows[1:]))
    rows.mask[-1] = False
    rows.obs[0].reshape(end, -1)[rows.real, 0] = np.arange(count)
    return write_rows(path, spec, rows)


def opened(path, window=WINDOW, spec=SPEC):
    """Demonstrations that keep `window` rows in memory."""
    settings = DemonstrationSettings(demo_path=str(path))
    demonstrations = Demonstrations(settings, spec, window * record_bytes(spec))
    demonstrations.load()
    return demonstrations


def shown(demonstrations):
    """Numbers of the rows in the window."""
    return next(demonstrations.obs_chunks())[0].numpy()[:, 0].astype(int).tolist()


def everything(demonstrations):
    return demonstrations.batch(tf.range(demonstrations.num_rows))


@pytest.fixture
def path(tmp_path):
    return numbered(tmp_path / "a.demo")


def test_a_window_begins_evenly_spread(path):
    demonstrations = opened(path)
    assert demonstrations.num_rows == WINDOW
    assert shown(demonstrations) == list(range(0, NUM_ROWS, NUM_ROWS // WINDOW))


def test_the_log_says_how_much_is_in_memory(path):
    settings = DemonstrationSettings(demo_path=str(path))
    remarks = Demonstrations(settings, SPEC, WINDOW * record_bytes(SPEC)).load()
    assert len(remarks) == 2
    assert remarks[1] == f"{path}: 20 of 100 pairs are in memory at a time."


def test_rows_of_a_window_are_those_of_the_whole(path):
    whole, window = everything(opened(path, 1000)), opened(path)
    window.renew(np.random.default_rng(0), 13)
    numbers = shown(window)
    for one, other in zip(tf.nest.flatten(everything(window)), tf.nest.flatten(whole), strict=True):
        np.testing.assert_array_equal(one, other.numpy()[numbers])
        assert one.dtype == other.dtype
    np.testing.assert_array_equal(window.stories, opened(path, 1000).stories[numbers])


def test_the_oldest_rows_are_replaced(path):
    demonstrations = opened(path)
    rng, twin = np.random.default_rng(3), np.random.default_rng(3)
    before = shown(demonstrations)
    demonstrations.renew(rng, 15)
    drawn = twin.integers(0, NUM_ROWS, 15).tolist()
    assert shown(demonstrations) == drawn + before[15:]
    demonstrations.renew(rng, 15)
    again = twin.integers(0, NUM_ROWS, 15).tolist()
    assert shown(demonstrations) == again[5:] + drawn[10:15] + again[:5]


def test_no_more_rows_are_replaced_than_there_are(path):
    demonstrations = opened(path)
    rng = np.random.default_rng(3)
    demonstrations.renew(rng, 1000)
    assert shown(demonstrations) == np.random.default_rng(3).integers(0, NUM_ROWS, 20).tolist()


@pytest.mark.parametrize("rows", [1, 7, 4096])
def test_pieces_make_no_difference(path, monkeypatch, rows):
    monkeypatch.setattr(module, "CHUNK_ROWS", rows)
    demonstrations = opened(path)
    assert shown(demonstrations) == list(range(0, 100, 5))
    demonstrations.renew(np.random.default_rng(3), 12)
    drawn = np.random.default_rng(3).integers(0, NUM_ROWS, 12).tolist()
    assert shown(demonstrations) == drawn + list(range(60, 100, 5))


def test_every_row_comes_up_equally_often(tmp_path):
    spec = SPECS["vector"]
    demonstrations = opened(numbered(tmp_path / "a.demo", spec), spec=spec)
    rng = np.random.default_rng(7)
    draw = tf.function(lambda seed: demonstrations.draw(16, seed).obs[0][:, 0], jit_compile=True)
    drawn = []
    for number in range(1000):
        demonstrations.renew(rng, 16)
        drawn.append(draw(tf.constant([1, number])).numpy())
    counts = np.bincount(np.concatenate(drawn).astype(int), minlength=NUM_ROWS)
    assert draw.experimental_get_tracing_count() == 1
    assert counts.sum() == 16_000
    # a row that is drawn into the window is seen about once, give or take one: variance doubles
    expected = 16_000 / NUM_ROWS
    assert (np.abs(counts - expected) < 5 * np.sqrt(2 * expected)).all()


def test_what_is_all_in_memory_draws_nothing(path):
    for window in (NUM_ROWS, 1000):  # too many pairs for memory but not decisions; all of it
        demonstrations = opened(path, window)
        rng = np.random.default_rng(0)
        before = rng.bit_generator.state
        demonstrations.renew(rng, 50)
        assert rng.bit_generator.state == before
        assert shown(demonstrations) == list(range(NUM_ROWS))
        assert set(demonstrations.state()) == {"fingerprint"}


def test_a_loaded_state_shows_the_same_rows_and_goes_on_alike(path):
    one, other = opened(path), opened(path)
    rng = np.random.default_rng(0)
    one.renew(rng, 15)
    state = one.state()
    other.load_state(state)
    assert not other.changed
    assert shown(other) == shown(one)
    np.testing.assert_array_equal(other.stories, one.stories)
    kept = {name: array.copy() for name, array in state.items()}
    one.renew(np.random.default_rng(1), 15)
    other.renew(np.random.default_rng(1), 15)
    assert shown(other) == shown(one)
    for name, array in state.items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_state_is_small(path):
    assert sum(array.nbytes for array in opened(path).state().values()) == 32 + 8 * WINDOW + 8


@pytest.mark.parametrize("window", [WINDOW, 1000])
def test_other_files_are_noticed_and_their_window_is_new(path, window):
    state = opened(path, window).state()
    numbered(path, seed=1)
    other = opened(path, window)
    other.load_state(state)
    assert other.changed
    assert shown(other) == shown(opened(path, window))


def test_another_alignment_is_another_demonstration(path):
    state = opened(path).state()
    settings = DemonstrationSettings(demo_path=str(path), demo_action_alignment="same")
    other = Demonstrations(settings, SPEC)
    other.load()
    other.load_state(state)
    assert other.changed


def test_the_same_files_elsewhere_have_not_changed(path, tmp_path):
    state = opened(path).state()
    other = opened(path.rename(tmp_path / "b.demo"))
    other.load_state(state)
    assert not other.changed


def test_a_run_that_did_not_learn_from_them_says_nothing(path):
    demonstrations = opened(path)
    demonstrations.load_state({})
    assert not demonstrations.changed


def test_a_damaged_image_ends_the_update_with_its_place(path):
    demonstrations = opened(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"IDAT", b"IDAX"))
    with pytest.raises(DataError, match=r"a\.demo: byte \d+: pair \d+ of 1\d\d has observation 1"):
        demonstrations.renew(np.random.default_rng(0), 1)


VECTOR = Spec((ObservationSpec((4,)),), ActionSpec(2, (3,)))


def learner(trainer_type, path, window=WINDOW, seed=0, **keys):
    """A trainer with GAIL and cloning on the same file, of which little is in memory."""
    trainer = small_trainer(
        VECTOR,
        seed,
        trainer_type=trainer_type,
        reward_signals={"gail": {"demo_path": str(path), "network_settings": {"hidden_units": 8}}},
        behavioral_cloning={"demo_path": str(path), "batch_size": 8, **keys},
    )
    for user in (*trainer.signals, trainer.cloning):
        user.demonstrations.most_bytes = window * record_bytes(VECTOR)
    return trainer


@pytest.fixture
def vectors(tmp_path):
    return numbered(tmp_path / "v.demo", VECTOR)


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_users_of_the_same_files_share_one_copy_and_its_remarks(vectors, trainer_type):
    trainer = learner(trainer_type, vectors)
    remarks = trainer.prepare()
    assert trainer.signals[0].demonstrations is trainer.cloning.demonstrations
    assert [remark.split(":")[0] for remark in remarks] == ["reward signal gail"] * 2
    assert list(trainer.expertise) == ["gail"]


def test_users_of_the_same_files_read_in_another_way_share_nothing(vectors):
    trainer = learner("ppo", vectors, demo_action_alignment="same")
    trainer.prepare()
    assert trainer.signals[0].demonstrations is not trainer.cloning.demonstrations
    assert list(trainer.expertise) == ["gail", "behavioral_cloning"]


@pytest.mark.parametrize("trainer_type", ["ppo", "sac"])
def test_updates_move_the_window_and_a_resume_goes_on_with_it(vectors, trainer_type):
    one, world = learner(trainer_type, vectors), RandomWorld(VECTOR, 0)
    one.prepare()
    one.observe(world.step)
    windows = [shown(one.cloning.demonstrations)]
    for _ in range(3):
        fill_and_update(one, world)
        windows.append(shown(one.cloning.demonstrations))
    assert all(before != after for before, after in itertools.pairwise(windows))
    updates = [one._compiled_update] if trainer_type == "ppo" else one._compiled_updates.values()
    assert max(update.experimental_get_tracing_count() for update in updates) == 1

    other = learner(trainer_type, vectors, seed=5)
    other.prepare()
    other.load_state(one.state())
    assert shown(other.cloning.demonstrations) == windows[-1]
    lessons = [trainer.cloning.draws(trainer.rng, trainer.steps, 3) for trainer in (one, other)]
    np.testing.assert_array_equal(*(lesson.indices for lesson in lessons))
    assert shown(other.cloning.demonstrations) == shown(one.cloning.demonstrations)


def test_cloning_that_is_over_reads_nothing(vectors):
    trainer = learner("ppo", vectors, steps=100)
    trainer.prepare()
    before = shown(trainer.cloning.demonstrations)
    trainer.cloning.passes(trainer.rng, 100)
    assert shown(trainer.cloning.demonstrations) == before


def test_an_epoch_of_cloning_is_the_window(vectors):
    trainer = learner("ppo", vectors, num_epoch=3)
    trainer.prepare()
    indices = trainer.cloning.passes(trainer.rng, 0).indices.numpy()
    assert indices.shape == (3 * (WINDOW // 8), 8)
    assert indices.max() < WINDOW


MEASURE = """
import resource, sys
from pathlib import Path
import numpy as np
from mlagents_tf.data.demo_records import record_bytes
from mlagents_tf.data.demos import open_demos
from mlagents_tf.rewards.demonstrations import Demonstrations
from mlagents_tf.settings.imitation import DemonstrationSettings

def opened(window):
    demonstrations = Demonstrations(settings, spec, window * record_bytes(spec))
    demonstrations.load()
    demonstrations.renew(rng, window)
    return demonstrations

settings, rng = DemonstrationSettings(demo_path=sys.argv[1]), np.random.default_rng(0)
spec = open_demos([Path(sys.argv[1])])[0].spec
small = opened(500)  # what is loaded to compile stays
now = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
large = opened(8000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - now) >> 20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_memory_is_bounded_by_the_window(tmp_path):
    """A file of 340 MB of which 8000 images, 161 MiB, are in memory."""
    image = Spec((ObservationSpec((3, 84, 84), dtype="uint8"),), ActionSpec(0, (5,)))
    rows, path = random_rows(image, 1000), tmp_path / "large.demo"
    with writing_demo(path, "Toy", image) as writer:
        for _ in range(16):
            writer.append(rows)
    assert path.stat().st_size > 320 << 20
    command = [sys.executable, "-c", MEASURE, path]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert 150 < int(output) < 161 + 100  # the window, and what is read and compiled at once
