"""Statistics as TensorBoard event files, one directory per behavior.

Values are written in the plain form (`simple_value`, `histo`) that every reader of event files
understands, ML-Agents' users' scripts included.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mlagents_tf.run.storage import (
    TEMPORARY_PREFIX,
    make_directory,
    safe_name,
    storage_errors,
    sync_directory,
)
from mlagents_tf.stats import NOT_WRITTEN, Histograms, StatSummary

FILE_PATTERN = "events.out.tfevents.*"
FILE_VERSION = "brain.Event:2"
NUM_BUCKETS = 30
HEADER_STEP = 0  # of what is written once and survives every cut


class TensorBoardWriter:
    """Writes `<run_dir>/<behavior>/events.out.tfevents.*`, a new file for each start of a run."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._files: dict[str, tf.io.TFRecordWriter] = {}

    def write(
        self,
        behavior: str,
        step: int,
        summaries: Mapping[str, StatSummary],
        histograms: Histograms,
    ) -> None:
        """Write the means as scalars under their own names, and the histograms."""
        values = [
            tf.compat.v1.Summary.Value(tag=name, simple_value=summary.mean)
            for name, summary in summaries.items()
            if name not in NOT_WRITTEN
        ]
        values += [
            tf.compat.v1.Summary.Value(tag=name, histo=_histogram(values_of))
            for name, values_of in histograms.items()
            if np.isfinite(values_of).all() and len(values_of)
        ]
        self._add(behavior, step, values)

    def write_text(self, behavior: str, tag: str, text: str) -> None:
        """Show a text, such as `Hyperparameters`, in TensorBoard's text page."""
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "text"
        tensor = tf.make_tensor_proto([text], dtype=tf.string)
        self._add(
            behavior,
            HEADER_STEP,
            [tf.compat.v1.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)],
        )

    def close(self) -> None:
        """Close every file."""
        files, self._files = self._files, {}
        for file in files.values():
            file.close()

    def _add(self, behavior: str, step: int, values: list[tf.compat.v1.Summary.Value]) -> None:
        if behavior not in self._files:
            self._files[behavior] = self._open(behavior)
        summary = tf.compat.v1.Summary(value=values)
        self._files[behavior].write(_event(step=step, summary=summary))
        self._files[behavior].flush()

    def _open(self, behavior: str) -> tf.io.TFRecordWriter:
        directory = self._run_dir / safe_name(behavior)
        make_directory(directory)
        # readers take the files of a directory in the order of their names
        name = f"events.out.tfevents.{time.time():017.6f}.{os.getpid()}.{socket.gethostname()}"
        file = tf.io.TFRecordWriter(str(directory / name))
        file.write(_event(file_version=FILE_VERSION))
        return file


def cut_events_after(directory: Path, step: int, warn: Callable[[str], None]) -> int:
    """Drop events beyond `step` below a directory: a resumed run shows each step once.

    A record that a crash left incomplete is dropped as well, with a warning. A file is replaced
    only when its successor is on the disk, and left alone where nothing is to be dropped.

    Returns:
        the number of events dropped.
    """
    dropped = 0
    for path in sorted(directory.rglob(FILE_PATTERN)):
        try:
            dropped += _cut(path, step, warn)
        except Exception as error:  # foreign files fail in many ways, and are not worth a run
            warn(f"{path}: events beyond step {step} stay in it: {error}")
    return dropped


def _cut(path: Path, step: int, warn: Callable[[str], None]) -> int:
    records = list(_good_records(path))
    kept = [record for record in records if tf.compat.v1.Event.FromString(record).step <= step]
    incomplete = _size_of(records) < path.stat().st_size
    if incomplete:
        warn(f"{path}: its end is damaged, as a crash leaves it; what came before is kept.")
    if incomplete or len(kept) < len(records):
        _replace(path, kept)
    return len(records) - len(kept)


def _good_records(path: Path) -> Iterator[bytes]:
    """The records before the first damaged one."""
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError:
        return


def _size_of(records: list[bytes]) -> int:
    """Bytes of a file of these records: each has a length and two checksums around it."""
    return sum(len(record) + 16 for record in records)


def _replace(path: Path, records: list[bytes]) -> None:
    aside = path.with_name(
        f"{TEMPORARY_PREFIX}{os.getpid()}-cut"
    )  # a name that no reader takes for events
    try:
        with tf.io.TFRecordWriter(str(aside)) as file:
            for record in records:
                file.write(record)
        with storage_errors(path, "shorten"):
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(aside, path)
            sync_directory(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _event(step: int = HEADER_STEP, **content: Any) -> bytes:
    event = tf.compat.v1.Event(wall_time=time.time(), step=step, **content)
    record: bytes = event.SerializeToString()
    return record


def _histogram(values: np.ndarray) -> tf.compat.v1.HistogramProto:
    """Counts of [n] finite values in equal buckets between the smallest and the largest."""
    counts, edges = np.histogram(values, NUM_BUCKETS)
    return tf.compat.v1.HistogramProto(
        min=values.min(),
        max=values.max(),
        num=len(values),
        sum=values.sum(),
        sum_squares=np.square(values).sum(),
        bucket_limit=edges[1:],
        bucket=counts,
    )
