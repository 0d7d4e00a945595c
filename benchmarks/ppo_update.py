"""PPO's update alone: minibatches per second, and the ratio to the floor of its matrix products.

    python benchmarks/ppo_update.py

The floor counts the multiplications of the networks' dense layers, forward and backward, for all
epochs and for the pass that values the tape, at the speed a large matrix product reaches here.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
from machine import peak_flops
from threadpoolctl import threadpool_limits

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.ppo import PPOTrainer

SPEC = Spec((ObservationSpec((8,)),), ActionSpec(continuous_size=2))
AGENTS, EPOCHS = 64, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--buffer-size", type=int, default=8192)
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")  # as a run does
    peak = peak_flops()
    for layers, units in ((2, 128), (2, 256), (3, 512)):
        for batch in (64, 512, 2048):
            seconds = update_seconds(layers, units, batch, args.buffer_size, args.repeats)
            minibatches = EPOCHS * (args.buffer_size // batch)
            floor = update_flops(layers, units, args.buffer_size) / peak
            line = {
                "network": f"{layers}x{units}",
                "batch": batch,
                "minibatches_per_s": round(minibatches / seconds, 1),
                "update_ms": round(1e3 * seconds, 1),
                "over_floor": round(seconds / floor, 2),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
            print(json.dumps(line), flush=True)


def update_seconds(layers: int, units: int, batch: int, buffer: int, repeats: int) -> float:
    """Median seconds of a whole update, after two that compile and warm up."""
    hyperparameters = {"batch_size": batch, "buffer_size": buffer, "num_epoch": EPOCHS}
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "ppo",
            "hyperparameters": hyperparameters,
            "network_settings": {"hidden_units": units, "num_layers": layers},
            "max_steps": 10**9,
            "time_horizon": 64,
        }
    )
    trainer = PPOTrainer("benchmark", SPEC, settings, seed=0)
    rng = np.random.default_rng(0)
    ids = np.arange(AGENTS)
    times = []
    for _ in range(repeats + 2):
        while not trainer.ready():
            obs = (rng.standard_normal((AGENTS, 8), dtype=np.float32),)
            step = make_step(ids, obs, rng.standard_normal(AGENTS).astype(np.float32))
            trainer.observe(step)
            if not trainer.ready():
                trainer.act(step)
        began = time.perf_counter()
        trainer.update()
        times.append(time.perf_counter() - began)
        trainer.abandon()
    return float(np.median(times[2:]))


def update_flops(layers: int, units: int, buffer: int) -> float:
    """Floating point operations of all dense layers in one update."""
    body = 8 * units + (layers - 1) * units**2
    forward = 2.0 * (2 * body + 3 * units)  # actor and critic, two actions and a value
    return buffer * forward * (1 + 3 * EPOCHS)  # backward costs twice the forward pass


if __name__ == "__main__":
    main()
