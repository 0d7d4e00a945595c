"""SAC on Pendulum-v1 from observation to update: steps per second after the first thousand.

    python benchmarks/sac_end_to_end.py --interval 1
    python benchmarks/sac_end_to_end.py --interval 64

One gradient step per environment step, made one by one or 64 at a time.
"""

from __future__ import annotations

import argparse
import json
import time

from threadpoolctl import threadpool_limits

from mlagents_tf.envs.registry import make_env
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.trainers.sac import SACTrainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--critic", choices=["value_target", "q_target"], default="q_target")
    parser.add_argument("--interval", type=int, default=1)
    parser.add_argument("--hidden-units", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=15.0)
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")
    env = make_env("gym:Pendulum-v1", num_areas=1, seed=0)
    steps = env.reset()
    (behavior,) = env.specs
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "sac",
            "hyperparameters": {
                "batch_size": args.batch_size,
                "buffer_size": 100_000,
                "buffer_init_steps": 1000,
                "train_interval": args.interval,
                "critic": args.critic,
            },
            "network_settings": {"hidden_units": args.hidden_units, "num_layers": 2},
            "max_steps": 10**9,
        }
    )
    trainer = SACTrainer(behavior, env.specs[behavior], settings, 0)
    trainer.observe(steps[behavior])
    warm = 1000 + 4 * args.interval
    began = updating = 0.0
    while not began or time.perf_counter() - began < args.seconds:
        steps = env.step({behavior: trainer.act(steps[behavior])})
        trainer.observe(steps[behavior])
        if trainer.ready():
            before = time.perf_counter()
            trainer.update()
            updating += time.perf_counter() - before
            if not began and trainer.steps >= warm:
                began, begun, updating = time.perf_counter(), trainer.steps, 0.0
    elapsed = time.perf_counter() - began
    line = {
        "library": "mlagents_tf",
        "critic": args.critic,
        "net": f"2x{args.hidden_units}",
        "batch": args.batch_size,
        "interval": args.interval,
        "fps": round((trainer.steps - begun) / elapsed, 1),
        "share_of_updates": round(updating / elapsed, 3),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
