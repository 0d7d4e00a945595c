"""PPO on CartPole from observation to update: agent-steps per second, beside the peers' setup.

python benchmarks/ppo_end_to_end.py --agents 16 --peers ../shared/bench
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

from cartpole import BEHAVIOR, PeerEnv
from threadpoolctl import threadpool_limits

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.trainers.ppo import PPOTrainer


def settings(batch_size: int, buffer_size: int, hidden_units: int) -> BehaviorSettings:
    """The peers' hyperparameters."""
    return BehaviorSettings.model_validate(
        {
            "trainer_type": "ppo",
            "hyperparameters": {
                "batch_size": batch_size,
                "buffer_size": buffer_size,
                "learning_rate_schedule": "constant",
                "num_epoch": 3,
            },
            "network_settings": {"hidden_units": hidden_units, "num_layers": 2},
            "time_horizon": 64,
            "max_steps": 10**9,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=16)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--buffer-size", type=int)
    parser.add_argument("--hidden-units", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--peers", type=Path, default=Path("../shared/bench"))
    args = parser.parse_args()
    large = args.agents > 64
    batch = args.batch_size or (1024 if large else 64)
    buffer = args.buffer_size or (20480 if large else 2048)

    threadpool_limits(1, user_api="blas")
    env = PeerEnv(args.peers, "cartpole", args.agents)
    trainer = PPOTrainer(
        BEHAVIOR, env.specs[BEHAVIOR], settings(batch, buffer, args.hidden_units), 0
    )
    spent = dict.fromkeys(("act", "env", "observe", "update"), 0.0)
    clock = time.perf_counter
    steps = env.reset()
    trainer.observe(steps[BEHAVIOR])
    updates, began, first = 0, clock(), 0.0
    while True:
        t0 = clock()
        actions = {BEHAVIOR: trainer.act(steps[BEHAVIOR])}
        t1 = clock()
        steps = env.step(actions)
        t2 = clock()
        trainer.observe(steps[BEHAVIOR])
        t3 = clock()
        spent["act"] += t1 - t0
        spent["env"] += t2 - t1
        spent["observe"] += t3 - t2
        if trainer.ready():
            trainer.update()
            spent["update"] += clock() - t3
            updates += 1
            if updates == 2:  # compiled and warm
                first = clock() - began
                spent = dict.fromkeys(spent, 0.0)
                began, begun, counted = clock(), trainer.steps, updates
            elif updates > 2 and clock() - began > args.seconds:
                break
    elapsed = clock() - began
    done = trainer.steps - begun
    print(
        json.dumps(
            {
                "lib": "mlagents_tf",
                "agents": args.agents,
                "batch": batch,
                "buffer": buffer,
                "agent_steps_per_s": round(done / elapsed, 1),
                "us_per_agent_step": round(1e6 * elapsed / done, 2),
                "update_ms": round(1e3 * spent["update"] / (updates - counted), 1),
                "us_per_env_step": {
                    name: round(1e6 * spent[name] * args.agents / done, 1)
                    for name in ("act", "env", "observe")
                },
                "warm_up_s": round(first, 1),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
