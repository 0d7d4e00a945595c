"""SAC's update alone, sampling included: gradient steps per second, and the ratio to their floor.

    python benchmarks/sac_update.py --critic q_target

The floor counts the multiplications of the networks' dense layers, forward and backward, at the
speed a large matrix product reaches here. `--per-call` says how many gradient steps are due at
once: 64 of them are one compiled call.
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
from mlagents_tf.trainers.sac import SACTrainer

SPEC = Spec((ObservationSpec((8,)),), ActionSpec(continuous_size=2))
NETWORKS = {"2x128": (2, 128), "2x256": (2, 256), "3x512": (3, 512)}
AGENTS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--critic", choices=["value_target", "q_target"], default="value_target")
    parser.add_argument("--per-call", type=int, default=64)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--seconds", type=float, default=5.0)
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")  # as a run does
    peak = peak_flops()
    for name in args.networks:
        for batch in args.batches:
            trainer = filled_trainer(*NETWORKS[name], batch, args.critic)
            rate = steps_per_second(trainer, args.per_call, args.seconds)
            floor = update_flops(*NETWORKS[name], batch, args.critic) / peak
            line = {
                "library": "mlagents_tf",
                "critic": args.critic,
                "net": name,
                "batch": batch,
                "per_call": args.per_call,
                "updates_per_s": round(rate, 1),
                "over_floor": round(1.0 / rate / floor, 2),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
            print(json.dumps(line), flush=True)


def filled_trainer(layers: int, units: int, batch: int, critic: str) -> SACTrainer:
    """A trainer that remembers ten thousand random transitions."""
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "sac",
            "hyperparameters": {"batch_size": batch, "buffer_size": 50_000, "critic": critic},
            "network_settings": {"hidden_units": units, "num_layers": layers},
        }
    )
    trainer = SACTrainer("benchmark", SPEC, settings, seed=0)
    rng = np.random.default_rng(0)
    for _ in range(11):
        obs = (rng.standard_normal((AGENTS, 8), np.float32),)
        step = make_step(np.arange(AGENTS), obs, rng.standard_normal(AGENTS, np.float32))
        trainer.observe(step)
        trainer.act(step)
    return trainer


def steps_per_second(trainer: SACTrainer, per_call: int, seconds: float) -> float:
    """Gradient steps per second by the median call, after two that compile and warm up."""
    times: list[float] = []
    while len(times) < 5 or sum(times[2:]) < seconds:
        trainer.credit = per_call
        began = time.perf_counter()
        trainer.update()
        times.append(time.perf_counter() - began)
    return per_call / float(np.median(times[2:]))


def update_flops(layers: int, units: int, batch: int, critic: str) -> float:
    """Floating point operations of all dense layers in one gradient step."""
    body = (layers - 1) * units**2
    actor = 2.0 * batch * (8 * units + body + 4 * units)
    q = 2.0 * batch * (10 * units + body + units)
    value = 2.0 * batch * (8 * units + body + units)
    # trained on the data: forward and two backward products; judged for the policy: forward, and
    # one backward product to the actions where the policy listens
    if critic == "q_target":
        return 3 * actor + actor + 2 * 3 * q + 2 * 2 * q + 2 * q
    return 3 * actor + 2 * 3 * q + 2 * q + q + 3 * value + value


if __name__ == "__main__":
    main()
