"""Microseconds per agent of the wire protocol's messages, by number of agents.

Agents see what 3DBall's do, 8 numbers, and answer with 2. Messages have the layouts that a running
scene has: rewards that may be 0, ids of several lengths, and a few agents that have just ended.

python benchmarks/wire.py
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from mlagents_tf.protobuf.action_lists import ActionReader, encode_actions
from mlagents_tf.protobuf.messages import (
    Input,
    Output,
    encode_input,
    encode_output,
    read_input,
    read_output,
)
from mlagents_tf.protobuf.step_reader import StepReader
from mlagents_tf.protobuf.step_writer import StepWriter
from mlagents_tf.specs import ActionSpec, DimensionProperty, ObservationSpec, Spec
from mlagents_tf.steps import Actions, Step, make_step

NAME = "3DBall?team=0"
SEEN = ObservationSpec((8,), "VectorSensor_size8", (DimensionProperty.NONE,))
SPEC = Spec((SEEN,), ActionSpec(continuous_size=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[12, 256, 4096])
    parser.add_argument("--repeats", type=int, default=300)
    args = parser.parse_args()
    for count in args.agents:
        line: dict[str, object] = {"agents": count}
        for name, call in calls(count).items():
            median, best = microseconds(call, args.repeats)
            line[name] = {"median": round(median / count, 3), "best": round(best / count, 3)}
        print(json.dumps(line), flush=True)


def calls(count: int) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    rng = np.random.default_rng(0)
    step = some_step(rng, count)
    continuous = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    actions = Actions(continuous, np.zeros((count, 0), np.int32))
    reader, writer = StepReader(NAME, SPEC.actions), StepWriter(SPEC)
    action_reader = ActionReader(NAME, SPEC.actions)

    def write_step() -> bytes:
        return encode_output(Output(agents={NAME: writer.write(step)}))

    def write_actions() -> bytes:
        return encode_input(Input(actions={NAME: encode_actions(actions)}))

    output, answer = write_step(), write_actions()
    return {
        "read_step": lambda: reader.read(read_output(output).agents[NAME]),
        "write_step": write_step,
        "read_actions": lambda: action_reader.read(read_input(answer).actions[NAME]),
        "write_actions": write_actions,
    }


def some_step(rng: np.random.Generator, count: int) -> Step:
    """Most agents decide and earned 0.1; one in twenty has just fallen."""
    ended = rng.random(count) < 0.05
    return make_step(
        np.arange(100, 100 + count),
        (rng.standard_normal((count, 8), dtype=np.float32),),
        np.where(ended, -1, np.where(rng.random(count) < 0.95, 0.1, 0)).astype(np.float32),
        terminated=ended,
    )


def microseconds(call: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Of one call: the median, and the least, which is less disturbed by a busy machine."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1e6 * float(np.median(times)), 1e6 * min(times)


if __name__ == "__main__":
    main()
