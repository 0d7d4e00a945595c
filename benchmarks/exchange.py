"""Exchanges per second with a player: our side of the wire, and ML-Agents' if it is there.

`mlagents-tf serve 3DBall` plays for each of them in turn, in one run, several times over. An
exchange is what a trainer waits for: actions are drawn and sent, and the next step is read.

The environment variable MLAGENTS_ENVS_PYTHON names a Python that has mlagents_envs 1.1.0:

MLAGENTS_ENVS_PYTHON=peer/bin/python python benchmarks/exchange.py --agents 12 256 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys

OURS = """
import json, sys, time
import numpy as np
from mlagents_tf.envs.unity.connection import Connection
from mlagents_tf.envs.unity.server import ExchangeServer
from mlagents_tf.steps import Actions

port, exchanges, agents = map(int, sys.argv[1:])
connection = Connection(ExchangeServer(port), seed=1, num_areas=agents)
generator = np.random.default_rng(0)

def play(steps, exchanges):
    for _ in range(exchanges):
        rows = steps["3DBall"].num_deciding
        continuous = generator.uniform(-1, 1, (rows, 2)).astype(np.float32)
        actions = Actions(continuous, np.zeros((rows, 0), np.int32))
        steps = connection.step({"3DBall": actions}).steps
    return steps

steps = play(connection.reset().steps, 100)
began = time.perf_counter()
play(steps, exchanges)
seconds = time.perf_counter() - began
connection.close()
print(json.dumps({"rate": exchanges / seconds, "protobuf": "none"}))
"""

THEIRS = """
import json, sys, time
from google.protobuf.internal import api_implementation
from mlagents_envs.environment import UnityEnvironment

port, exchanges, agents = map(int, sys.argv[1:])
env = UnityEnvironment(None, base_port=port, seed=1, num_areas=agents)
env.reset()
spec = env.behavior_specs["3DBall"].action_spec

def play(exchanges):
    for _ in range(exchanges):
        decisions, _ = env.get_steps("3DBall")
        env.set_actions("3DBall", spec.random_action(len(decisions)))
        env.step()

play(100)
began = time.perf_counter()
play(exchanges)
seconds = time.perf_counter() - began
env.close()
print(json.dumps({"rate": exchanges / seconds, "protobuf": api_implementation.Type()}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[12, 256])
    parser.add_argument("--exchanges", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    sides = {"mlagents_tf": (sys.executable, OURS)}
    if peer := os.environ.get("MLAGENTS_ENVS_PYTHON"):
        sides["mlagents_envs"] = (peer, THEIRS)
    for agents in args.agents:
        found: dict[str, list[dict[str, object]]] = {name: [] for name in sides}
        for _ in range(args.rounds):
            for name, (python, script) in sides.items():
                found[name].append(measure(python, script, args.exchanges, agents))
        for name, results in found.items():
            print(json.dumps({"agents": agents, "trainer": name, **summary(results)}), flush=True)


def measure(python: str, script: str, exchanges: int, agents: int) -> dict[str, object]:
    """One trainer and one player, from their beginning to their end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    player = subprocess.Popen(
        [sys.executable, "-m", "mlagents_tf", "serve", "3DBall", "--port", port],
        stdout=subprocess.DEVNULL,
    )
    trainer = subprocess.run(
        [python, "-W", "ignore", "-c", script, port, str(exchanges), str(agents)],
        capture_output=True,
        text=True,
        check=True,
    )
    player.wait()
    result: dict[str, object] = json.loads(trainer.stdout.splitlines()[-1])
    return result


def summary(results: list[dict[str, object]]) -> dict[str, object]:
    """Median, spread, and the implementation of protocol buffers."""
    rates = sorted(round(float(str(each["rate"]))) for each in results)
    return {
        "exchanges_per_second": round(statistics.median(rates)),
        "lowest": rates[0],
        "highest": rates[-1],
        "protobuf": results[0]["protobuf"],
    }


if __name__ == "__main__":
    main()
