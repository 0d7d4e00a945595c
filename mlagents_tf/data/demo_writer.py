"""Writes `.demo` files as Unity's recorder does, so that Unity's tools and ours read them.

With an observation goes the action that led to it, and what that earned. Behind the last pair
stands a copy of the metadata, which is how readers know.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mlagents_tf.data.demo_format import BEHAVIOR_AT, Meta, encode_meta
from mlagents_tf.data.demo_rows import DemoRows, empty_rows
from mlagents_tf.errors import StorageError
from mlagents_tf.protobuf.agents import AgentInfo, encode_action, encode_agent_info, encode_behavior
from mlagents_tf.protobuf.observations import encode_observation
from mlagents_tf.protobuf.wire import bytes_field, delimited
from mlagents_tf.specs import Spec


@contextmanager
def writing_demo(path: Path, behavior: str, spec: Spec) -> Iterator[DemoWriter]:
    """A writer whose file takes the place of `path` only when all of it is on the disk.

    Raises:
        StorageError: the file cannot be written.
    """
    aside = path.with_name(f".tmp-{os.getpid()}-{path.name[-40:]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            writer = DemoWriter(file, behavior, spec, path.stem)
            yield writer
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        raise StorageError(f"{path}: cannot write: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


class DemoWriter:
    """Writes rows to a file that can be sought.

    Attributes:
        num_records: pairs so far.
        num_episodes: stories so far; one that a file cut short counts as interrupted.
    """

    def __init__(self, file: BinaryIO, behavior: str, spec: Spec, name: str) -> None:
        self._file, self._spec, self._name = file, spec, name
        self._before = empty_rows(Spec((), spec.actions), 1)  # what led to the first observation
        self.num_records = self.num_episodes = 0
        self._earned = 0.0
        self._agent_id = 1  # a new one for each story, even of a single observation
        file.write(bytes(BEHAVIOR_AT))
        file.write(delimited(encode_behavior(behavior, spec.actions)))

    def append(self, rows: DemoRows) -> None:
        """Writes consecutive rows; the story of the last one may go on with the next call."""
        if not len(rows.mask):
            return
        led_to = _one_later(self._before, rows)
        finals = ~rows.mask
        agent_ids = self._agent_id + np.cumsum(finals) - finals
        for number in range(len(rows.mask)):
            info = self._info(rows, led_to, number, int(agent_ids[number]))
            action = encode_action(led_to.continuous[number], led_to.discrete[number])
            pair = bytes_field(1, encode_agent_info(info)) + bytes_field(2, action)
            self._file.write(delimited(pair))
        self._before = DemoRows((), *(column[-1:].copy() for column in rows[1:]))
        self._agent_id += int(np.count_nonzero(finals))
        self.num_records += len(rows.mask)
        self.num_episodes += int(np.count_nonzero(led_to.last))
        self._earned += float(led_to.rewards.sum(dtype=np.float64))

    def finish(self) -> None:
        """Writes the metadata behind the last pair, and then where its place is."""
        mean = self._earned / max(self.num_episodes, 1)
        meta = encode_meta(Meta(self._name, self.num_records, self.num_episodes, mean))
        self._file.write(meta)
        self._file.seek(0)
        self._file.write(delimited(meta))

    def _info(self, rows: DemoRows, led_to: DemoRows, number: int, agent_id: int) -> AgentInfo:
        pairs = zip(self._spec.observations, rows.obs, strict=True)
        allowed, ended = rows.allowed[number], not rows.mask[number]
        return AgentInfo(
            observations=[memoryview(encode_observation(spec, obs[number])) for spec, obs in pairs],
            reward=float(led_to.rewards[number]),
            group_reward=0.0,
            ended=ended,
            interrupted=ended and not led_to.terminated[number],
            forbidden=memoryview(b"" if allowed.all() else (~allowed).tobytes()),
            agent_id=agent_id,
            group_id=0,
        )


def _one_later(before: DemoRows, rows: DemoRows) -> DemoRows:
    """For each row the one before it, without observations; `before` is that of the first."""
    pairs = zip(before[1:], rows[1:], strict=True)
    return DemoRows((), *(np.concatenate([one[-1:], more[:-1]]) for one, more in pairs))
