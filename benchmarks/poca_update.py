"""POCA's update with three mates beside PPO's on as many rows.

    python benchmarks/poca_update.py

One line for each network: seconds of both updates, alternately, medians, and their ratio; then CPU
seconds, which count all threads and say more where others use the machine (`taskset -c 1`).

The floor of the ratio for rays is 4.3. With H units, X inputs and n agents in a group a row costs,
forward, so many multiply-adds: PPO 2 (X H + H^2); POCA X H + H^2 for the policy, 2 X H for the
embeddings, 6 H^2 for queries, keys and values of both, 2 H^2 for the output layer,
4 n H + 4 n (n + 1) H for the attention in four heads, and (n + 1) / n * 2 H^2 for the layers behind
it. Backward costs twice as much, and as much where inputs need no gradient.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mlagents_tf.rewards.check_signal import random_obs
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import make_step
from mlagents_tf.trainers.poca import POCATrainer
from mlagents_tf.trainers.ppo import PPOTrainer

MATES = 3
GROUPS = 16
SPECS = {
    "rays [210]": Spec((ObservationSpec((210,)),), ActionSpec(0, (7,))),
    "image [6, 20, 20]": Spec((ObservationSpec((6, 20, 20), dtype="uint8"),), ActionSpec(0, (7,))),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--buffer-size", type=int, default=10_240)
    parser.add_argument("--units", type=int, nargs="+", default=[256])
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")  # as a run does
    for name, spec in SPECS.items():
        for units in args.units:
            runs = [Run(kind, spec, units, args.buffer_size) for kind in (PPOTrainer, POCATrainer)]
            times = np.array([[run.update() for run in runs] for _ in range(args.repeats + 1)])
            line: dict[str, Any] = {"observation": name, "network": f"2x{units}"}
            # the first compiles
            for clock, (ppo, poca) in zip(
                ("", "cpu_"), np.median(times[1:], axis=0).T, strict=True
            ):
                line |= {
                    f"{clock}ppo_s": round(float(ppo), 3),
                    f"{clock}poca_s": round(float(poca), 3),
                    f"{clock}ratio": round(float(poca / ppo), 2),
                }
            print(json.dumps(line), flush=True)


class Run:
    """A trainer, and groups that all decide at every step."""

    def __init__(self, kind: type[PPOTrainer], spec: Spec, units: int, buffer: int) -> None:
        settings: dict[str, Any] = {
            "trainer_type": kind.__name__.removesuffix("Trainer").lower(),
            "hyperparameters": {"batch_size": 1024, "buffer_size": buffer, "num_epoch": 3},
            "network_settings": {"hidden_units": units, "num_layers": 2},
            "max_steps": 10**9,
        }
        self.spec = spec
        self.trainer = kind("benchmark", spec, BehaviorSettings.model_validate(settings), seed=0)
        self.rng = np.random.default_rng(0)
        self.ids = np.arange(GROUPS * (MATES + 1))

    def update(self) -> tuple[float, float]:
        """Fills the tape; seconds and CPU seconds of the update alone."""
        trainer, n = self.trainer, len(self.ids)
        while not trainer.ready():
            step = make_step(
                self.ids,
                random_obs(self.spec, n, self.rng),
                group_ids=1 + self.ids // (MATES + 1),
                group_rewards=self.rng.standard_normal(n).astype(np.float32),
            )
            trainer.observe(step)
            if not trainer.ready():
                trainer.act(step)
        began, used = time.perf_counter(), time.process_time()
        trainer.update()
        return time.perf_counter() - began, time.process_time() - used


if __name__ == "__main__":
    main()
