import csv
import signal

import pytest

from mlagents_tf.errors import StorageError
from mlagents_tf.run import csv_writer
from mlagents_tf.run.csv_writer import CsvWriter, cut_rows_after
from mlagents_tf.stats import StatSummary


def means(**values):
    return {name: StatSummary(mean, 0.0, mean, mean, 1, mean) for name, mean in values.items()}


def table(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "3DBall" / "statistics.csv"


def test_a_summary_is_a_row_and_a_statistic_a_column(tmp_path, path):
    writer = CsvWriter(tmp_path)
    writer.write("3DBall", 1000, means(reward=0.1, length=5.0), {})
    writer.write("3DBall", 2000, means(length=6.0, reward=float("nan")), {})
    assert table(path) == [
        ["Step", "reward", "length"],
        ["1000", "0.1", "5.0"],
        ["2000", "nan", "6.0"],
    ]


def test_a_statistic_that_comes_late_gets_its_column_and_loses_no_row(tmp_path, path):
    writer = CsvWriter(tmp_path)
    writer.write("3DBall", 1, means(a=1.0), {})
    writer.write("3DBall", 2, means(b=2.0, **{'odd, "name"': 3.0}), {})
    writer.write("3DBall", 3, means(a=4.0), {})
    assert table(path) == [
        ["Step", "a", "b", 'odd, "name"'],
        ["1", "1.0", "", ""],
        ["2", "", "2.0", "3.0"],
        ["3", "4.0", "", ""],
    ]


def test_what_is_only_for_the_console_is_left_out(tmp_path, path):
    CsvWriter(tmp_path).write("3DBall", 1, means(**{"Is Training": 1.0, "a": 2.0}), {})
    assert table(path)[0] == ["Step", "a"]


def test_a_resumed_run_goes_on_in_the_same_table(tmp_path, path):
    CsvWriter(tmp_path).write("3DBall", 1, means(a=1.0), {})
    CsvWriter(tmp_path).write("3DBall", 2, means(b=2.0), {})
    assert table(path) == [["Step", "a", "b"], ["1", "1.0", ""], ["2", "", "2.0"]]


@pytest.mark.parametrize("tail", [b"3,7", b"3,7.0,8.0\n4", b"\0\0\0\0"])
def test_rows_beyond_a_step_and_incomplete_rows_are_cut(tmp_path, path, tail):
    writer = CsvWriter(tmp_path)
    for step in (1, 2, 3):
        writer.write("3DBall", step, means(a=step / 3), {})
    path.write_bytes(path.read_bytes() + tail)
    assert cut_rows_after(path, 2) >= 1
    assert table(path) == [["Step", "a"], ["1", repr(1 / 3)], ["2", repr(2 / 3)]]
    assert cut_rows_after(path, 2) == 0


def test_a_row_cut_by_a_crash_is_not_glued_to_the_next(tmp_path, path):
    CsvWriter(tmp_path).write("3DBall", 1, means(a=1.0), {})
    path.write_bytes(path.read_bytes() + b"2,0.")
    CsvWriter(tmp_path).write("3DBall", 3, means(a=3.0), {})
    assert table(path) == [["Step", "a"], ["1", "1.0"], ["3", "3.0"]]


@pytest.mark.parametrize("content", [b"", b"Step,a"])
def test_a_table_without_even_a_header_begins_anew(tmp_path, path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    CsvWriter(tmp_path).write("3DBall", 1, means(a=1.0), {})
    assert table(path) == [["Step", "a"], ["1", "1.0"]]


def test_cutting_a_table_that_is_not_there_does_nothing(tmp_path):
    assert cut_rows_after(tmp_path / "statistics.csv", 3) == 0


def test_a_behavior_cannot_write_outside_of_its_run(tmp_path):
    CsvWriter(tmp_path / "run").write("../../evil", 1, means(a=1.0), {})
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_full_disk_leaves_the_table_as_it_was(tmp_path, path, monkeypatch):
    writer = CsvWriter(tmp_path)
    writer.write("3DBall", 1, means(a=1.0), {})
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(csv_writer, "replacing", full)
        with pytest.raises(OSError, match="No space"):
            writer.write("3DBall", 2, means(b=1.0), {})
    assert path.read_bytes() == before
    writer.write("3DBall", 3, means(b=1.0), {})
    assert len(table(path)) == 3


def test_a_row_that_does_not_fit_is_an_error_of_storage(tmp_path, path):
    resource = pytest.importorskip("resource", reason="needs a limit on file sizes")

    writer = CsvWriter(tmp_path)
    writer.write("3DBall", 1, means(a=1.0), {})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, limits[1]))
        with pytest.raises(StorageError, match=r"statistics\.csv: cannot write"):
            writer.write("3DBall", 2, means(a=1.0), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert path.read_bytes() == before
