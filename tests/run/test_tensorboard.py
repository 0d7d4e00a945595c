import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.run.tensorboard import TensorBoardWriter, cut_events_after
from mlagents_tf.stats import REWARD, StatSummary

LOSS = "Losses/Policy Loss"


def no_warning(text):
    raise AssertionError(text)


def write(run_dir, steps, behavior="3DBall"):
    writer = TensorBoardWriter(run_dir)
    writer.write_text(behavior, "Hyperparameters", "gamma: 0.99")
    for step in steps:
        summaries = {LOSS: StatSummary(step / 4, 0.0, 0.0, 1.0, 1, step / 4)}
        writer.write(behavior, step, summaries, {f"{REWARD}_hist": np.array([1.0, 2.0, 2.0])})
    writer.close()
    return sorted((run_dir / behavior).glob("events.out.tfevents.*"))[-1]


def events(*paths):
    records = (record for path in paths for record in tf.data.TFRecordDataset(str(path)))
    return [tf.compat.v1.Event.FromString(record.numpy()) for record in records]


def steps_of(*paths):
    return [event.step for event in events(*paths) if event.step]


def test_means_texts_and_histograms_are_events_of_their_step(tmp_path):
    version, text, first = events(write(tmp_path, [10]))
    assert version.file_version == "brain.Event:2"
    assert text.summary.value[0].tag == "Hyperparameters"
    assert text.summary.value[0].tensor.string_val == [b"gamma: 0.99"]
    assert first.step == 10
    scalar, histogram = first.summary.value
    assert (scalar.tag, scalar.simple_value) == (LOSS, 2.5)
    assert histogram.tag == "Environment/Cumulative Reward_hist"
    assert (histogram.histo.min, histogram.histo.max, histogram.histo.num) == (1, 2, 3)
    buckets = list(histogram.histo.bucket)
    assert (buckets[0], sum(buckets[1:-1]), buckets[-1]) == (1, 0, 2)


def test_what_is_only_for_the_console_is_left_out(tmp_path):
    writer = TensorBoardWriter(tmp_path)
    one = StatSummary(1.0, 0.0, 1.0, 1.0, 1, 1.0)
    writer.write("B", 1, {"Is Training": one, "Step": one, "x": one}, {})
    writer.close()
    (path,) = (tmp_path / "B").iterdir()
    assert [value.tag for value in events(path)[-1].summary.value] == ["x"]


def test_events_can_be_read_before_the_writer_is_closed(tmp_path):
    writer = TensorBoardWriter(tmp_path)
    writer.write("B", 7, {"x": StatSummary(1.0, 0.0, 1.0, 1.0, 1, 1.0)}, {})
    (path,) = (tmp_path / "B").iterdir()
    assert steps_of(path) == [7]
    writer.close()


def test_odd_behavior_names_stay_within_the_run(tmp_path):
    writer = TensorBoardWriter(tmp_path / "run")
    writer.write("../evil", 1, {}, {})
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_resumed_run_shows_each_step_once(tmp_path):
    first = write(tmp_path, [10, 20, 30, 40])
    assert cut_events_after(tmp_path, 20, no_warning) == 2
    second = write(tmp_path, [30, 40])
    assert steps_of(first, second) == [10, 20, 30, 40]
    assert first.name < second.name
    assert len(events(first)) == 4  # version and text are still there


def test_a_file_with_nothing_to_cut_is_left_alone(tmp_path):
    path = write(tmp_path, [10])
    before = path.stat()
    assert cut_events_after(tmp_path, 10, no_warning) == 0
    assert path.stat().st_ino == before.st_ino


@pytest.mark.parametrize("lost", [1, 15, 40])
def test_a_record_that_a_crash_cut_is_dropped_and_the_others_kept(tmp_path, lost):
    path = write(tmp_path, [10, 20, 30])
    path.write_bytes(path.read_bytes()[:-lost])
    warnings = []
    assert cut_events_after(tmp_path, 10, warnings.append) == 1
    assert steps_of(path) == [10]
    assert path.name in warnings[0]


def test_zeros_at_the_end_as_a_power_loss_leaves_them_are_dropped(tmp_path):
    path = write(tmp_path, [10])
    path.write_bytes(path.read_bytes() + bytes(100))
    cut_events_after(tmp_path, 99, lambda text: None)
    assert steps_of(path) == [10]
    assert cut_events_after(tmp_path, 99, no_warning) == 0


def test_an_empty_file_is_left_alone(tmp_path):
    path = write(tmp_path, [])
    path.write_bytes(b"")
    assert cut_events_after(tmp_path, 1, no_warning) == 0


def test_records_that_are_no_events_are_left_alone_with_a_warning(tmp_path):
    path = write(tmp_path, [10])
    with tf.io.TFRecordWriter(str(path)) as file:
        file.write(b"\xff\xff\xff")
    before = path.read_bytes()
    warnings = []
    assert cut_events_after(tmp_path, 1, warnings.append) == 0
    assert path.read_bytes() == before
    assert "stay in it" in warnings[0]


def test_a_disk_that_fills_up_while_cutting_loses_no_event(tmp_path, monkeypatch):
    path = write(tmp_path, [10, 20])
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    warnings = []
    with monkeypatch.context() as patch:
        patch.setattr("mlagents_tf.run.tensorboard.os.fsync", full)
        assert cut_events_after(tmp_path, 10, warnings.append) == 0
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert "No space left" in warnings[0]


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed"
)
def test_tensorboard_itself_reads_what_is_written_and_cut(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write(tmp_path, [10, 20, 30])
    cut_events_after(tmp_path, 20, no_warning)
    write(tmp_path, [30])
    reader = EventAccumulator(str(tmp_path / "3DBall"), size_guidance={"histograms": 0})
    reader.Reload()
    assert [(event.step, event.value) for event in reader.Scalars(LOSS)] == [
        (10, 2.5),
        (20, 5.0),
        (30, 7.5),
    ]
    assert [event.step for event in reader.Histograms(f"{REWARD}_hist")] == [10, 20, 30]
    assert "Hyperparameters" in reader.Tags()["tensors"]
