import json
import math

import numpy as np
import pytest

from mlagents_tf.stats import REWARD, ForgivingWriters, Statistics, StatSummary


def test_a_summary_is_of_all_values_since_the_last_clear():
    stats = Statistics()
    stats.add("3DBall", "Losses/Policy Loss", 100.0)
    stats.clear("3DBall")
    stats.add("3DBall", "Losses/Policy Loss", 1.0)
    stats.add_many("3DBall", "Losses/Policy Loss", np.array([[2, 3], [4, 5]], np.int32))
    summary = stats.summary("3DBall")["Losses/Policy Loss"]
    assert summary == StatSummary(mean=3.0, std=math.sqrt(2), min=1.0, max=5.0, count=5, sum=15.0)


def test_behaviors_are_kept_apart():
    stats = Statistics()
    stats.add("A", "x", 1)
    stats.add("B", "x", 2)
    stats.clear("A")
    assert stats.summary("A") == {}
    assert stats.summary("B")["x"].mean == 2


def test_statistics_have_the_same_order_before_and_after_a_checkpoint():
    before, after = Statistics(), Statistics()
    before.add_all("A", {"z": 1.0, "a": 2.0, "m": 3.0})
    after.load_state(json.loads(json.dumps(before.state(), sort_keys=True)))
    assert list(before.summary("A")) == list(after.summary("A"))


def test_the_last_value_that_is_set_wins():
    stats = Statistics()
    stats.add("A", "x", 9)
    stats.set("A", "x", 1)
    stats.set("A", "x", 2)
    assert stats.summary("A")["x"] == StatSummary(2.0, 0.0, 2.0, 2.0, 1, 2.0)


def test_an_empty_array_makes_no_summary():
    stats = Statistics()
    stats.add_many("A", "x", [])
    stats.add_all("A", {"y": 1.0, "z": np.float32(2)})
    assert stats.summary("A").keys() == {"y", "z"}


def test_the_cumulative_reward_has_a_histogram():
    stats = Statistics()
    stats.add_many("A", REWARD, [1, 2])
    stats.add("A", "x", 1)
    histograms = stats.histograms("A")
    assert histograms.keys() == {f"{REWARD}_hist"}
    np.testing.assert_array_equal(histograms[f"{REWARD}_hist"], [1, 2])
    assert stats.histograms("B") == {}


def test_a_window_goes_on_exactly_after_a_round_trip_through_json():
    rng = np.random.default_rng(0)
    stats, resumed = Statistics(), Statistics()
    stats.add_many("A", "x", rng.normal(size=100) * 10.0 ** rng.integers(-300, 300, 100))
    stats.add_many("A", "y", [math.nan, math.inf, -math.inf, 1.0])
    resumed.add("B", "forgotten", 1)
    resumed.load_state(json.loads(json.dumps(stats.state(), allow_nan=False)))
    for window in (stats, resumed):
        window.add("A", "x", 0.1)
    assert resumed.summary("A")["x"] == stats.summary("A")["x"]
    assert str(resumed.summary("A")) == str(stats.summary("A"))
    assert resumed.summary("B") == {}


class FullDisk:
    def write(self, behavior, step, summaries, histograms):
        raise OSError(28, "No space left on device")

    def close(self):
        raise RuntimeError("cannot close")


class Recorder:
    def __init__(self):
        self.steps = []

    def write(self, behavior, step, summaries, histograms):
        self.steps.append(step)

    def close(self):
        self.steps.append("closed")


def test_a_writer_that_fails_costs_a_warning_now_and_then_and_stops_nobody():
    now, warnings, recorder = [0.0], [], Recorder()
    writers = ForgivingWriters(
        [FullDisk(), recorder], warnings.append, pause=10, clock=lambda: now[0]
    )
    for step in range(25):
        now[0] = float(step)
        writers.write("A", step, {}, {})
    assert recorder.steps == list(range(25))
    assert len(warnings) == 3
    assert "FullDisk could not write the statistics of A at step 0" in warnings[0]
    assert "(9 more since the last warning)" in warnings[1]


def test_every_writer_is_closed_even_after_one_that_fails():
    warnings, recorder = [], Recorder()
    ForgivingWriters([FullDisk(), recorder], warnings.append).close()
    assert recorder.steps == ["closed"]
    assert "cannot close" in warnings[0]


def test_a_key_press_is_not_swallowed():
    class Interrupted(Recorder):
        def write(self, behavior, step, summaries, histograms):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ForgivingWriters([Interrupted()], print).write("A", 1, {}, {})
