"""What players that learn nothing earn in Match3: any move that matches, and the greedy one.

python benchmarks/match3_players.py --episodes 200
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.check import random_actions
from mlagents_tf.envs.embedded.match3 import Match3, greedy_moves
from mlagents_tf.steps import Actions, Step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=12_345)
    args = parser.parse_args()
    generator = np.random.default_rng(args.seed)
    players = {
        "any": lambda step: random_actions(generator, Match3.spec.actions, step),
        "greedy": lambda step: greedy_moves(step, generator),
    }
    for name, player in players.items():
        returns = episodes(Match3(args.episodes, args.seed), player)
        error = returns.std(ddof=1) / len(returns) ** 0.5
        line = {"player": name, "mean": round(returns.mean(), 3), "standard_error": round(error, 3)}
        print(json.dumps(line))


def episodes(env: Match3, player: Callable[[Step], Actions]) -> NDArray[np.float64]:
    """[A] return of one episode in each area."""
    step = env.reset()[env.behavior]
    returns = np.zeros(env.num_areas)
    for _ in range(env.max_decisions):
        step = env.step({env.behavior: player(step.deciding())})[env.behavior]
        # ended agents come first, so these are each area's, also in the last step
        returns += step.rewards[: env.num_areas]
    return returns


if __name__ == "__main__":
    main()
