"""Microseconds of one decision (normalise, forward, sample, log-probability) by number of agents.

python benchmarks/act.py
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from threadpoolctl import threadpool_limits

from mlagents_tf.nn.bodies import NetworkShape
from mlagents_tf.nn.critics import ActorCritic
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.trainers.actor import Actor

SPEC = Spec((ObservationSpec((8,)),), ActionSpec(continuous_size=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[1, 12, 100, 1000, 4096])
    parser.add_argument("--hidden-units", type=int, default=128)
    parser.add_argument("--memory-size", type=int, default=0, help="0: no LSTM")
    parser.add_argument("--repeats", type=int, default=2000)
    args = parser.parse_args()
    threadpool_limits(1, user_api="blas")
    rng = np.random.default_rng(0)
    shape = NetworkShape(args.hidden_units, 2, normalize=True, memory_size=args.memory_size)
    network = ActorCritic(SPEC, 1, shape, rng)
    # as in training, where the critic's memory goes along
    actor = Actor(network.policy, critic=network.critic_body)
    for agents in args.agents:
        obs = (rng.standard_normal((agents, 8), dtype=np.float32),)
        memories = rng.standard_normal((agents, actor.memory_size), dtype=np.float32)
        line: dict[str, object] = {"agents": agents}
        for name, with_log_probs in (("act_us", False), ("act_with_log_probs_us", True)):
            times = []
            for _ in range(args.repeats if agents < 500 else args.repeats // 10):
                began = time.perf_counter()
                actor.decide(obs, None, rng, memories, with_log_probs)
                times.append(time.perf_counter() - began)
            line[name] = round(1e6 * float(np.median(times)), 1)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
