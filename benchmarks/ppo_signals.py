"""PPO's update with reward signals beside one without, in turn: milliseconds and their ratio.

    python benchmarks/ppo_signals.py --signals gail curiosity

Policy and signals have networks of the same size. `by_arithmetic` is what the ratio would be if the
multiplications of the dense layers were all that counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np
from ppo_update import AGENTS, EPOCHS
from rewards_update import step_flops, write_demo
from threadpoolctl import threadpool_limits

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.ppo import PPOTrainer

SPECS = {
    "continuous": Spec((ObservationSpec((8,)),), ActionSpec(2)),
    "pushblock": Spec((ObservationSpec((210,)),), ActionSpec(0, (7,))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", nargs="+", default=["gail", "curiosity"])
    parser.add_argument("--specs", nargs="+", choices=list(SPECS), default=list(SPECS))
    parser.add_argument("--units", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--buffer-size", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")  # as a run does
    with tempfile.TemporaryDirectory() as folder:
        demos = {name: write_demo(Path(folder), name, SPECS[name]) for name in args.specs}
        for name, units, batch in product(args.specs, args.units, args.batches):
            sizes = batch, args.buffer_size
            without, beside = (
                made_trainer(SPECS[name], units, sizes, signals, demos[name])
                for signals in ([], args.signals)
            )
            line = {"spec": name, "net": f"2x{units}", "batch": batch}
            line |= compared(without, beside, args.repeats)
            line["by_arithmetic"] = round(by_arithmetic(SPECS[name], units, args.signals), 2)
            print(json.dumps(line), flush=True)


def made_trainer(
    spec: Spec, units: int, sizes: tuple[int, int], signals: list[str], demo: Path
) -> PPOTrainer:
    """A trainer with these signals beside the environment's reward, all of two layers."""
    network = {"hidden_units": units, "num_layers": 2}
    files = {"gail": {"demo_path": str(demo)}}
    rewards = {key: {"network_settings": network, **files.get(key, {})} for key in signals}
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "ppo",
            "hyperparameters": {
                "batch_size": sizes[0],
                "buffer_size": sizes[1],
                "num_epoch": EPOCHS,
            },
            "network_settings": network,
            "reward_signals": {"extrinsic": {}, **rewards},
            "max_steps": 10**9,
            "time_horizon": 64,
        }
    )
    trainer = PPOTrainer("benchmark", spec, settings, seed=0)
    trainer.prepare()
    return trainer


def compared(without: PPOTrainer, beside: PPOTrainer, repeats: int) -> dict[str, float]:
    """Medians of updates that take turns, after two of each that compile and warm up."""
    rng = np.random.default_rng(0)
    seconds = np.array(
        [[update_seconds(t, rng) for t in (without, beside)] for _ in range(repeats + 2)]
    )[2:]
    ratios = seconds[:, 1] / seconds[:, 0]
    return {
        "without_ms": round(1e3 * float(np.median(seconds[:, 0])), 1),
        "beside_ms": round(1e3 * float(np.median(seconds[:, 1])), 1),
        "ratio": round(float(np.median(ratios)), 2),
        "ratio_min": round(float(ratios.min()), 2),
        "ratio_max": round(float(ratios.max()), 2),
    }


def update_seconds(trainer: PPOTrainer, rng: np.random.Generator) -> float:
    """Of one update, on a tape of random observations and rewards."""
    (observation,) = trainer.spec.observations
    ids = np.arange(AGENTS)
    while not trainer.ready():
        obs = (rng.standard_normal((AGENTS, *observation.shape), np.float32),)
        step = make_step(ids, obs, rng.standard_normal(AGENTS).astype(np.float32))
        trainer.observe(step)
        if not trainer.ready():
            trainer.act(step)
    began = time.perf_counter()
    trainer.update()
    seconds = time.perf_counter() - began
    trainer.abandon()
    return seconds


def by_arithmetic(spec: Spec, units: int, signals: list[str]) -> float:
    """The ratio of multiplications in gradient steps."""
    size = spec.observations[0].shape[0]
    policy = 2.0 * 2 * (2 * size * units + 3 * units**2)  # actor and critic, on one row
    return 1 + sum(step_flops(key, units, 1, spec) for key in signals) / policy


if __name__ == "__main__":
    main()
