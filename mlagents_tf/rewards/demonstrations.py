"""Demonstrations as minibatches inside compiled updates.

Updates draw from rows that are in memory, the *window*. Demonstrations of up to 1 GiB are in it as
a whole. Of larger ones there is as much as fits, evenly spread, and before each update the host
replaces as many rows as the update will learn from, the oldest first, by others drawn from the
files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.data.demo_file import DemoFile
from mlagents_tf.data.demo_index import Decisions, DemoIndex, rows_that_fit
from mlagents_tf.data.demo_records import record_bytes
from mlagents_tf.data.demos import RESIDENT_BYTES, fingerprint, load_demos, open_demos
from mlagents_tf.data.minibatches import rows_in_sequences
from mlagents_tf.errors import DataError
from mlagents_tf.ops.actions import one_hot_branches
from mlagents_tf.ops.seeds import integers
from mlagents_tf.settings.imitation import DemonstrationSettings
from mlagents_tf.specs import Spec

CHUNK_BYTES = 8 << 20
CHUNK_ROWS = 512
"""What is read and put into the window at once."""

NORMALIZED_ROWS = 1 << 16


class ExpertRows(NamedTuple):
    """Decisions of whoever was recorded.

    Attributes:
        obs: tuple of [B, *shape], in the dtype of the spec.
        continuous: [B, C] in the environment's scale.
        discrete: [B, D] int32.
        allowed: [B, sum of branch sizes] bool; what was done is always among it.
        terminated: [B] float, 1 where the episode ended by it.
        begins: [B] bool, True on the first decision of an episode.
    """

    obs: tuple[tf.Tensor, ...]
    continuous: tf.Tensor
    discrete: tf.Tensor
    allowed: tf.Tensor
    terminated: tf.Tensor
    begins: tf.Tensor


class Demonstrations:
    """What stands in `.demo` files, for a compiled update to draw from.

    Args:
        settings: where they are, and how their actions are aligned.
        spec: of the behavior; the files must fit it.
        most_bytes: what the window may take.

    Attributes:
        num_rows: decisions that can be drawn, those of the window.
        stories: [num_rows] numbers of the episodes they are part of, counted from 0.
        sequence_length: rows that stay together, in the order of the files; to be set before
            `load` by who learns from sequences. `num_rows` is a multiple of it.
        changed: whether they are others than those of the state that was loaded.
    """

    def __init__(
        self, settings: DemonstrationSettings, spec: Spec, most_bytes: int = RESIDENT_BYTES
    ) -> None:
        self.settings = settings
        self.spec = spec
        self.most_bytes = most_bytes
        self.num_rows = 0
        self.stories = np.zeros(0, np.int64)
        self.sequence_length = 1
        self.changed = False
        self._variables: ExpertRows | None = None
        self._index: DemoIndex | None = None  # of what is too large for memory
        self._window = np.zeros(0, np.int64)  # its rows by their numbers in the index
        self._oldest = 0  # the sequence of the window that is replaced next
        self._fingerprint = b""

    @property
    def source(self) -> tuple[Path, str]:
        """What is read, and how: the same for all who would hold the same rows."""
        return Path(self.settings.demo_path).absolute(), self.settings.demo_action_alignment

    @property
    def loaded(self) -> bool:
        """Whether there is something to draw from."""
        return self._variables is not None

    def load(self) -> list[str]:
        """Reads the files; returns remarks for the log, at least one for each file.

        Raises:
            DataError: damaged, foreign, of another spec, or without a single decision.
        """
        files = open_demos([Path(self.settings.demo_path)])
        self._fingerprint = fingerprint(files, self.settings.demo_action_alignment)
        if sum(file.num_records for file in files) * record_bytes(self.spec) > self.most_bytes:
            return self._load_window(files)
        return self._load_all()

    def _load_all(self) -> list[str]:
        path = Path(self.settings.demo_path)
        alignment = self.settings.demo_action_alignment
        demos = load_demos(path, self.spec, alignment, self.most_bytes)
        rows, real = demos.rows, demos.rows.real
        self.num_rows = self._whole_sequences(len(real))
        real = real[: self.num_rows]
        self.stories = (np.cumsum(rows.last) - rows.last)[real]
        decisions = Decisions(
            tuple(obs[real] for obs in rows.obs),
            rows.continuous[real],
            rows.discrete[real],
            rows.allowed[real],
            rows.terminated[real],
        )
        arrays = self._expert_rows(decisions, np.diff(self.stories, prepend=-1) != 0)
        self._variables = tf.nest.map_structure(lambda x: tf.Variable(x, trainable=False), arrays)
        return list(demos.remarks)

    def _load_window(self, files: list[DemoFile]) -> list[str]:
        index = DemoIndex(files, self.spec, self.settings.demo_action_alignment)
        self._index = index
        fitting = min(rows_that_fit(self.spec, self.most_bytes), index.num_rows)
        self.num_rows = self._whole_sequences(fitting)
        self._window = np.zeros(self.num_rows, np.int64)
        self.stories = np.zeros(self.num_rows, np.int64)
        first = self._expert_rows(index.read(np.zeros(1, np.int64)), np.ones(1, np.bool_))
        self._variables = tf.nest.map_structure(
            lambda x: tf.Variable(tf.zeros([self.num_rows, *x.shape[1:]], x.dtype), False), first
        )
        sequences = np.arange(self.num_rows // self.sequence_length)
        spread = sequences * self._num_in_files // len(sequences)
        self._show(self._rows_of(sequences), self._rows_of(spread))
        if not self._renews:
            return list(index.remarks)
        return [
            *index.remarks,
            f"{self.settings.demo_path}: {self.num_rows} of {index.num_rows} pairs are in memory "
            "at a time.",
        ]

    def _whole_sequences(self, count: int) -> int:
        """Rows that are learned from, of `count` there are."""
        length = self.sequence_length
        if not count:
            raise DataError(f"{self.settings.demo_path}: holds no decision to learn from.")
        if count < length:
            raise DataError(
                f"{self.settings.demo_path}: holds {count} decisions, fewer than a sequence of "
                f"memory.sequence_length {length}; record more, or lower it."
            )
        return count // length * length

    @property
    def _num_in_files(self) -> int:
        """Sequences that the files hold."""
        return 0 if self._index is None else self._index.num_rows // self.sequence_length

    def _rows_of(self, sequences: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows_in_sequences(sequences, self.sequence_length).astype(np.int64)

    @property
    def _renews(self) -> bool:
        return self.num_rows < self._num_in_files * self.sequence_length

    def batch(self, indices: tf.Tensor) -> ExpertRows:
        """The rows at `indices` [B] int32."""
        # not a constant: a compiled update would hold a copy of the whole file
        return tf.nest.map_structure(lambda x: tf.gather(x, indices), self._loaded())

    def _loaded(self) -> ExpertRows:
        if self._variables is None:
            raise RuntimeError("demonstrations are not loaded yet: call the trainer's prepare()")
        return self._variables

    def draw(self, size: int, seed: tf.Tensor) -> ExpertRows:
        """`size` rows, any of them with the same probability; seed [2] int32."""
        count = self._loaded().terminated.shape[0]
        return self.batch(integers([size], seed, count))

    def obs_chunks(self) -> Iterator[tuple[tf.Tensor, ...]]:
        """All observations in pieces, tuples of [N, *shape], so that no copy of them is made."""
        for start in range(0, self.num_rows, NORMALIZED_ROWS):
            yield self.batch(tf.range(start, min(start + NORMALIZED_ROWS, self.num_rows))).obs

    def renew(self, rng: np.random.Generator, count: int) -> None:
        """Replaces `count` rows of the window, or all there are; on the host, between updates.

        Whole sequences are replaced, as many as hold `count` rows.

        Nothing is drawn where the window holds all there is.

        Raises:
            DataError: an observation is damaged, or a file has changed.
        """
        if not self._renews:
            return
        held = self.num_rows // self.sequence_length
        count = min(-(-count // self.sequence_length), held)
        slots = (self._oldest + np.arange(count)) % held
        drawn = rng.integers(0, self._num_in_files, count)
        self._show(self._rows_of(slots), self._rows_of(drawn))
        self._oldest = (self._oldest + count) % held

    def _show(self, slots: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Puts rows of the files, by their numbers, into slots of the window."""
        if self._index is None:
            return
        size = max(min(CHUNK_BYTES // record_bytes(self.spec), CHUNK_ROWS, self.num_rows), 1)
        for start in range(0, len(slots), size):
            places, wanted = slots[start : start + size], numbers[start : start + size]
            stories = self._index.stories(wanted)
            begins = (wanted == 0) | (self._index.stories(np.maximum(wanted - 1, 0)) != stories)
            rows = self._expert_rows(self._index.read(wanted), begins)
            # of one size, so that it is compiled once; what comes twice is written twice
            cycle = np.resize(np.arange(len(places)), size)
            self._replace(places[cycle], tf.nest.map_structure(lambda x, c=cycle: x[c], rows))
            self._window[places] = wanted
            self.stories[places] = stories

    def _expert_rows(self, decisions: Decisions, begins: NDArray[np.bool_]) -> ExpertRows:
        """As arrays; `begins` [N], see `ExpertRows`."""
        branches = self.spec.actions.discrete_branches
        taken = one_hot_branches(decisions.discrete, branches).numpy() > 0
        return ExpertRows(
            decisions.obs,
            decisions.continuous,
            decisions.discrete,
            decisions.allowed | taken,
            decisions.terminated.astype(np.float32),
            begins,
        )

    @tf.function(jit_compile=True, autograph=False)
    def _replace(self, slots: tf.Tensor, rows: ExpertRows) -> None:
        """Writes rows [B] into slots [B], in place."""
        pairs = zip(tf.nest.flatten(self._variables), tf.nest.flatten(rows), strict=True)
        for variable, new in pairs:
            if new.shape.num_elements():
                variable.assign(tf.tensor_scatter_nd_update(variable, slots[:, None], new))

    def state(self) -> dict[str, NDArray[Any]]:
        """A fingerprint of the files, and which of their rows are in the window."""
        if not self._fingerprint:
            return {}
        files = {"fingerprint": np.frombuffer(self._fingerprint, np.uint8)}
        if not self._renews:
            return files
        return files | {"window": self._window.copy(), "oldest": np.array(self._oldest)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Puts the same rows into the window; if the files are others, they are only `changed`."""
        if not state:  # of a run that did not learn from these
            return
        self.changed = state["fingerprint"].tobytes() != self._fingerprint
        window = state.get("window", self._window)
        if self.changed or len(window) != self.num_rows:
            return
        different = np.flatnonzero(window != self._window)
        self._show(different, window[different])
        self._oldest = int(state.get("oldest", 0))
