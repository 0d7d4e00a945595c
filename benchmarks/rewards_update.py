"""Reward signals alone: milliseconds of a gradient step and of paying one minibatch.

    python benchmarks/rewards_update.py --per-call 64

Transitions come as NumPy arrays, packed as SAC does it, and 20 000 demonstrated decisions are in
memory. `--per-call` says how many minibatches are due at once, in one compiled call. The floor
counts the multiplications of the dense layers, forward and backward, at the speed a large matrix
product reaches here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from machine import peak_flops
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlagents_tf.data.demo_rows import empty_rows
from mlagents_tf.data.demo_writer import writing_demo
from mlagents_tf.ops.seeds import folded
from mlagents_tf.rewards.curiosity import HIDDEN_UNITS
from mlagents_tf.rewards.gail import CODE_SIZE
from mlagents_tf.rewards.signal import RewardSignal, Transitions
from mlagents_tf.settings.registry import reward_signal_settings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.compiled import CompiledOnce
from mlagents_tf.trainers.packing import Packing
from mlagents_tf.trainers.signals import make_signals

OBS, ACTIONS = 8, 2
SPEC = Spec((ObservationSpec((OBS,)),), ActionSpec(ACTIONS))
NUM_DECISIONS = 20_000
SIGNALS: dict[str, tuple[str, dict[str, Any]]] = {
    "gail": ("gail", {}),
    "gail_actions": ("gail", {"use_actions": True}),
    "gail_vail": ("gail", {"use_vail": True}),
    "curiosity": ("curiosity", {}),
    "rnd": ("rnd", {}),
}
"""Names of the peer's script -> key of the signal, settings."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-call", type=int, nargs="+", default=[64, 1])
    parser.add_argument("--signals", nargs="+", choices=list(SIGNALS), default=list(SIGNALS))
    parser.add_argument("--units", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 1024])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")  # as a run does
    peak = peak_flops()
    with tempfile.TemporaryDirectory() as folder:
        demo = write_demo(Path(folder), "expert", SPEC)
        for units, name, batch, count in product(
            args.units, args.signals, args.batches, args.per_call
        ):
            line = {"provider": name, "net": f"2x{units}", "batch": batch, "per_call": count}
            line |= measured(made_signal(name, units, demo), batch, count, args.seconds)
            floor = 1e3 * step_flops(name, units, batch) / peak
            line["over_floor"] = round(line["update_ms"] / floor, 2)
            print(json.dumps(line), flush=True)


def write_demo(folder: Path, name: str, spec: Spec) -> Path:
    """A file of random decisions in one episode."""
    rng, count = np.random.default_rng(0), NUM_DECISIONS
    rows = empty_rows(spec, count + 1)
    for obs in rows.obs:
        obs[:] = rng.standard_normal(obs.shape)
    rows.continuous[:-1] = rng.uniform(-1, 1, (count, spec.actions.continuous_size))
    branches = np.array(spec.actions.discrete_branches, np.int32)
    rows.discrete[:-1] = rng.integers(0, branches, (count, len(branches)))
    rows.allowed[:] = True
    rows.mask[:-1] = True
    rows.last[-2] = rows.interrupted[-2] = True
    path = folder / f"{name}.demo"
    with writing_demo(path, "benchmark", spec) as writer:
        writer.append(rows)
    return path


def made_signal(name: str, units: int, demo: Path) -> RewardSignal:
    """A signal with two layers of `units`, ready to learn."""
    key, keys = SIGNALS[name]
    own = {"network_settings": {"hidden_units": units, "num_layers": 2}, **keys}
    files = {"demo_path": str(demo)} if key == "gail" else {}
    settings = reward_signal_settings(key)(**own, **files)
    (signal,) = make_signals({key: settings}, SPEC, np.random.default_rng(0))
    signal.prepare()
    return signal


def measured(signal: RewardSignal, batch: int, count: int, seconds: float) -> dict[str, float]:
    """Medians of one gradient step and of paying one minibatch, of `count` in a call."""
    batches = random_batches(count, batch)
    packing = Packing(batches)

    def train(packed: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        def step(i: tf.Tensor, totals: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = packing.unpack(packed[i], [])
            return i + 1, totals + signal.train(rows, folded(seed, i))

        start = (0, tf.zeros(len(signal.tags_of_step)))
        return tf.while_loop(lambda i, _: i < count, step, start, maximum_iterations=count)[1]

    def pay(packed: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(lambda part: signal.rewards(packing.unpack(part, [])), packed)

    def packed() -> tf.Tensor:
        return tf.convert_to_tensor(packing.pack(batches)[0])

    update, evaluate = CompiledOnce(train), CompiledOnce(pay)
    seed = tf.constant([1, 2])
    update_ms = median_ms(lambda: update(packed(), seed).numpy(), seconds)
    evaluate_ms = median_ms(lambda: evaluate(packed()).numpy(), seconds)
    return {
        "update_ms": round(update_ms / count, 4),
        "evaluate_ms": round(evaluate_ms / count, 4),
    }


def random_batches(count: int, batch: int) -> Transitions:
    """Arrays [count, batch, ...]."""
    rng = np.random.default_rng(1)
    shape = (count, batch)

    def normal(*more: int) -> NDArray[np.float32]:
        return rng.standard_normal((*shape, *more), np.float32)

    zeros, ones = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    none = np.zeros((*shape, 0), np.int32)
    actions = np.tanh(normal(ACTIONS))
    return Transitions((normal(OBS),), actions, none, normal(), zeros, (normal(OBS),), ones)


def median_ms(call: Callable[[], object], seconds: float) -> float:
    """Milliseconds of the median call, after two that compile and warm up."""
    times: list[float] = []
    while len(times) < 7 or sum(times[2:]) < seconds:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1e3 * float(np.median(times[2:]))


def step_flops(name: str, units: int, batch: int, spec: Spec = SPEC) -> float:
    """Floating point operations of all dense layers in one gradient step."""
    square, actions = units**2, spec.actions.vector_size
    size = sum(observation.shape[0] for observation in spec.observations)
    if name == "rnd":  # predictor and target
        products = (2 * size * units + 3 * square) + (size * units + square)
    elif name == "curiosity":  # both encodings, forward model, inverse model
        products = 2 * (2 * size * units + 3 * square)
        products += HIDDEN_UNITS * (3 * units + 2 * actions + 3 * units)
        products += HIDDEN_UNITS * 3 * (2 * units + actions)
    else:
        size += actions + 1 if name == "gail_actions" else 0
        code = units * CODE_SIZE if name == "gail_vail" else 0
        products = 2 * (2 * size * units + 3 * (square + code))  # policy's and expert's
        # the penalty: forward, the slope back to the inputs, and back through both
        products += 6 * (square + code) + 5 * size * units
    return 2.0 * batch * products


if __name__ == "__main__":
    main()
