"""Microseconds of one call of a policy in each exported format, beside the function in process.

python benchmarks/export.py
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from mlagents_tf.export.formats import SUFFIXES, export_policy
from mlagents_tf.export.models import open_model
from mlagents_tf.export.savedmodel import ServedPolicy
from mlagents_tf.export.signature import input_shapes
from mlagents_tf.nn.bodies import NetworkShape
from mlagents_tf.nn.critics import ActorCritic
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec

SPEC = Spec((ObservationSpec((8,)),), ActionSpec(continuous_size=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[12])
    parser.add_argument("--hidden-units", type=int, default=128)
    parser.add_argument("--memory-size", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=2000)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = NetworkShape(args.hidden_units, 2, normalize=True, memory_size=args.memory_size)
    policy = ActorCritic(SPEC, 1, shape, rng).policy
    in_process = ServedPolicy(policy).act.get_concrete_function()
    with tempfile.TemporaryDirectory() as directory:
        models = {}
        for name, suffix in SUFFIXES.items():
            path = Path(directory) / f"{name}{suffix}"
            export_policy(policy, name, path)
            models[name] = open_model(path)
        for agents in args.agents:
            shapes = input_shapes(SPEC, args.memory_size)
            inputs = {
                name: rng.standard_normal((agents, *sizes), dtype=np.float32)
                for name, sizes in shapes.items()
            }
            calls = {name: lambda m=model, x=inputs: m.run(x) for name, model in models.items()}
            calls["in_process"] = lambda x=inputs: [
                y.numpy() for y in in_process(*map(tf.constant, x.values())).values()
            ]
            times = {name: [] for name in calls}
            for _ in range(args.repeats):
                for name, call in calls.items():  # alternately: a busy machine slows all alike
                    began = time.perf_counter()
                    call()
                    times[name].append(time.perf_counter() - began)
            medians = {f"{k}_us": round(1e6 * float(np.median(v)), 1) for k, v in times.items()}
            print(json.dumps({"agents": agents, **medians}), flush=True)


if __name__ == "__main__":
    main()
