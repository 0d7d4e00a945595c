"""What Unity says about the agents of a behavior, as a step.

ListAgentInfoProto holds an AgentInfoProto for each agent that asks for a decision or has ended.
Agents whose messages have one layout are read as columns; the others, and all that see compressed
images, one by one. The first of each layout is read by itself too, with every check there is, so
that the others, and those of later steps, need only be like it.
"""

from __future__ import annotations

import math

import numpy as np

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.agents import (
    ACTION_MASK,
    DONE,
    GROUP_ID,
    GROUP_REWARD,
    ID,
    MAX_STEP_REACHED,
    REWARD,
    read_agent_info,
    read_forbidden,
)
from mlagents_tf.protobuf.layouts import (
    MOST_AGENTS,
    VALUE,
    WORTH_A_LAYOUT,
    Bytes,
    Layout,
    column,
    integers,
    make_layout,
)
from mlagents_tf.protobuf.observations import MOST_VALUES, ObservationReader, make_reader
from mlagents_tf.protobuf.wire import WireError, located, record_places
from mlagents_tf.specs import ActionSpec, Spec
from mlagents_tf.steps import BoolArray, IntArray, Step, make_step

MOST_STEP_BYTES = 1 << 28
"""Of images and masks of a step; other observations are bounded by the message they stand in."""
MOST_LAYOUTS = 64
"""New ones in one message, behind which agents are read one by one, and remembered ones."""


class StepReader:
    """Reads the steps of one behavior, whose first agent says what all of them see."""

    def __init__(self, behavior: str, actions: ActionSpec) -> None:
        self.behavior = behavior
        self.actions = actions
        self.spec: Spec | None = None
        self._readers: tuple[ObservationReader, ...] = ()
        self._layouts: dict[int, tuple[Layout, ...]] = {}  # by the size of their messages

    def read(self, message: bytes | memoryview) -> Step:
        """A step of the agents of a ListAgentInfoProto, in their order.

        Raises:
            EnvError: it is damaged, or an agent differs from the first that was ever read.
        """
        try:
            return self._read(memoryview(message))
        except WireError as error:
            raise EnvError(
                f"{self.behavior}: Unity's message about its agents cannot be read: {error}. All "
                "agents of a behavior must have the same sensors and actions."
            ) from error

    def _read(self, data: memoryview) -> Step:
        starts, sizes = record_places(data, VALUE, MOST_AGENTS)
        if self.spec is None and len(starts):
            with located("agent 0 of the message"):
                self._learn(data[starts[0] : starts[0] + sizes[0]])
        message = _Message(data, starts, sizes, self._readers, self.actions)
        if sum(map(len, self._layouts.values())) > MOST_LAYOUTS:
            self._layouts = {}
        order = np.argsort(sizes, kind="stable")
        ends = np.flatnonzero(np.diff(sizes[order])) + 1
        for rows in np.split(order, ends) if len(order) else ():
            size = int(sizes[rows[0]])
            if layouts := message.read(rows, self._layouts.get(size, ())):
                self._layouts[size] = layouts
        return message.checked()

    def _learn(self, data: memoryview) -> None:
        """What an agent of this behavior sees, from the first one."""
        info = read_agent_info(data)
        readers = []
        for index, observation in enumerate(info.observations):
            with located(f"observation {index}"):
                readers.append(make_reader(observation))
        values = sum(math.prod(reader.spec.shape) for reader in readers)
        if values > MOST_VALUES:
            raise WireError(f"{values} values of all observations; at most {MOST_VALUES} are read")
        self._readers = tuple(readers)
        self.spec = Spec(tuple(reader.spec for reader in readers), self.actions)


class _Message:
    """A message about N agents that is being read, and the step that it becomes."""

    def __init__(
        self,
        data: memoryview,
        starts: IntArray,
        sizes: IntArray,
        readers: tuple[ObservationReader, ...],
        actions: ActionSpec,
    ) -> None:
        self.data = data
        self.bytes = np.frombuffer(data, np.uint8)
        self.starts = starts
        self.sizes = sizes
        self.readers = readers
        self.actions = actions
        self.layouts_left = MOST_LAYOUTS
        self.allowed: BoolArray | None = None
        self.step = self._room(len(starts))

    def _room(self, count: int) -> Step:
        """A step of `count` agents to write into, unless the message is too small to fill it."""
        specs = [reader.spec for reader in self.readers]
        sizes = {"float32": 0, "uint8": count * self.actions.num_discrete}
        for spec in specs:
            sizes[spec.dtype] += count * math.prod(spec.shape)
        if 4 * sizes["float32"] > len(self.data):
            raise WireError(f"{len(self.data)} bytes for {sizes['float32']} floats")
        if sizes["uint8"] > MOST_STEP_BYTES:
            raise WireError(
                f"{count} agents have {sizes['uint8']} bytes of images and masks; at most "
                f"{MOST_STEP_BYTES} are read"
            )
        obs = tuple(np.zeros((count, *spec.shape), spec.dtype) for spec in specs)
        return make_step(np.zeros(count, np.int64), obs)

    def read(self, rows: IntArray, layouts: tuple[Layout, ...]) -> tuple[Layout, ...]:
        """Agents whose messages are of one size, of which some layouts are known and returned."""
        for layout in layouts:
            rows = self._read_fitting(rows, layout)
        while len(rows) >= WORTH_A_LAYOUT and self.layouts_left:
            self.layouts_left -= 1
            new = make_layout(self._read_one(int(rows[0])))
            rows = rows[1:]
            if new is None:
                break
            layouts = (*layouts, new)
            rows = self._read_fitting(rows, new)
        for index in rows.tolist():
            self._read_one(index)
        return layouts

    def _read_fitting(self, rows: IntArray, layout: Layout) -> IntArray:
        """Reads agents whose messages have a layout, and returns the others."""
        if len(rows) < WORTH_A_LAYOUT:
            return rows
        fits = layout.fits(self.bytes, self.starts[rows])
        if fits.any():
            self._read_alike(rows[fits], layout)
        return rows[~fits]

    def _read_one(self, index: int) -> memoryview:
        """Fills the row of one agent, and returns its message."""
        start = int(self.starts[index])
        record = self.data[start : start + int(self.sizes[index])]
        step = self.step
        with located(f"agent {index} of the message"):
            info = read_agent_info(record)
            count = len(info.observations)
            if count != len(self.readers):
                raise WireError(f"{count} observations, expected {len(self.readers)}")
            for place, reader in enumerate(self.readers):
                with located(f"observation {place} ('{reader.spec.name}')"):
                    reader.read(info.observations[place], step.obs[place][index])
            if len(info.forbidden):
                self._allow(index, read_forbidden(info.forbidden, self.actions))
        step.agent_ids[index] = info.agent_id
        step.group_ids[index] = info.group_id
        step.rewards[index] = info.reward
        step.group_rewards[index] = info.group_reward
        step.interrupted[index] = info.interrupted
        step.terminated[index] = info.ended and not info.interrupted
        return record

    def _read_alike(self, rows: IntArray, layout: Layout) -> None:
        """Fills the rows of agents whose messages have one layout."""
        data, starts, step = self.bytes, self.starts[rows], self.step
        for key, target in ((REWARD, step.rewards), (GROUP_REWARD, step.group_rewards)):
            if key in layout.fields:
                target[rows] = column(data, starts, layout.fields[key], "<f4")[:, 0]
        numbers = {
            key: integers(column(data, starts, layout.fields[key], np.uint8))
            for key in (ID, GROUP_ID, DONE, MAX_STEP_REACHED)
            if key in layout.fields
        }
        step.agent_ids[rows] = numbers.get(ID, 0)
        step.group_ids[rows] = numbers.get(GROUP_ID, 0)
        if DONE in numbers:
            ended, cut = numbers[DONE] != 0, numbers.get(MAX_STEP_REACHED, np.zeros(1)) != 0
            step.interrupted[rows] = ended & cut
            step.terminated[rows] = ended & ~cut
        start, end = layout.fields.get(ACTION_MASK, (0, 0))
        if start < end:
            self._allow(rows, column(data, starts, (start, end), np.uint8))
        for reader, obs, place in zip(self.readers, step.obs, layout.observations, strict=True):
            values = column(data, starts, place, "<f4").reshape(len(rows), *reader.sent_shape)
            obs[rows] = values.transpose(0, 3, 1, 2) if reader.channels_last else values

    def _allow(self, rows: int | IntArray, forbidden: Bytes | BoolArray) -> None:
        """What agents may do, by what they may not; who says nothing may do anything."""
        if (forbidden > 1).any():
            raise WireError("a mask of other values than 0 and 1")
        if self.allowed is None:
            self.allowed = np.ones((len(self.starts), self.actions.num_discrete), np.bool_)
        self.allowed[rows] = forbidden == 0

    def checked(self) -> Step:
        """The step, unless values of its columns cannot be."""
        step = self.step
        for name, values in (("reward", step.rewards), ("group reward", step.group_rewards)):
            self._check(np.isfinite(values), f"a {name} that is not finite")
        for reader, obs in zip(self.readers, step.obs, strict=True):
            if reader.spec.dtype == "float32":
                finite = np.isfinite(obs).all(axis=tuple(range(1, obs.ndim)))
                self._check(finite, f"observation '{reader.spec.name}' is not finite")
        ids = np.sort(step.agent_ids)
        if (ids[1:] == ids[:-1]).any():
            raise WireError("an agent stands in it twice")
        if self.allowed is not None:
            for branch, place in enumerate(self.actions.branch_slices()):
                free = self.allowed[:, place].any(axis=1) | step.ended
                self._check(free, f"no option of branch {branch} is allowed")
        return step._replace(allowed_actions=self.allowed)

    def _check(self, right: BoolArray, wrong: str) -> None:
        if not right.all():
            raise WireError(f"agent with id {self.step.agent_ids[~right][0]}: {wrong}")
