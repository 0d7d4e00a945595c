"""PPO's update on images of 84x84x3 with `nature_cnn`, beside the peers, in turn on one machine.

    python benchmarks/image_update.py
    python benchmarks/image_update.py --torch-python TORCH/bin/python

All make the same number of gradient steps on the same number of rows, with two threads. Ours also
computes values and log-probabilities of all rows, which the peers do while they act. The floor is
the time of a minibatch's multiplications in all layers, forward and backward, at the speed a large
matrix product reaches here. `image_update_peers.py` says what differs between the networks.
Processor time is measured beside the time on the clock: it says more where others use the machine.
SBX, whose XLA takes minutes for what others do in seconds, has to be measured by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from image_update_peers import ACTIONS, BATCHES, BUFFER, EPOCHS, IMAGE, UNITS
from minibatches import in_turns, measured
from peers import OURS, write

HERE = Path(__file__).parent
AGENTS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", action="store_true", help="measure ours alone, once")
    parser.add_argument("--torch-python", help="Python that has Stable-Baselines3 and ML-Agents")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/image_speed.csv"))
    args = parser.parse_args()
    if args.ours:
        for line in our_lines(args.repeats):
            print(json.dumps(line), flush=True)
        return
    lines = in_turns(commands(args), args.rounds, ("critic", "batch"))
    for line in lines:
        print(json.dumps(line | {"ms": round(1e3 / line["median"], 1)}), flush=True)
    write(args.out, lines)


def commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """What each library runs."""
    repeats = ["--repeats", str(args.repeats)]
    found = {OURS: [sys.executable, str(HERE / "image_update.py"), "--ours", *repeats]}
    if args.torch_python:
        interpreter = str(Path(args.torch_python).absolute())
        for name in ("sb3", "mlagents"):
            found[name] = [interpreter, "image_update_peers.py", name, *repeats]
    return found


def our_lines(repeats: int) -> Iterator[dict[str, object]]:
    """Milliseconds of a minibatch of ours, for each setup."""
    import mlagents_tf.quiet

    mlagents_tf.quiet.import_tensorflow()  # with the switches of a run
    from machine import peak_flops
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")  # as a run does
    for critic in ("own", "shared"):
        for batch in BATCHES:
            floor = 1e3 * minibatch_flops(critic, batch) / peak_flops()
            prepare, update = our_update(critic, batch)
            line = measured(prepare, update, repeats, EPOCHS * (BUFFER // batch))
            over = {"over_floor": round(line["wall_ms"] / floor, 2)}
            yield {"critic": critic, "batch": batch} | line | over


def our_update(critic: str, batch: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Fills the tape, and trains on it."""
    import numpy as np

    from mlagents_tf.settings.behavior import BehaviorSettings
    from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
    from mlagents_tf.steps import make_step
    from mlagents_tf.trainers.ppo import PPOTrainer

    hyperparameters = {"batch_size": batch, "buffer_size": BUFFER, "num_epoch": EPOCHS}
    hyperparameters["shared_critic"] = critic == "shared"
    network = {"hidden_units": UNITS, "num_layers": 1, "vis_encode_type": "nature_cnn"}
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "ppo",
            "hyperparameters": hyperparameters,
            "network_settings": network,
            "max_steps": 10**9,
            "time_horizon": 64,
        }
    )
    spec = Spec((ObservationSpec(IMAGE, dtype="uint8"),), ActionSpec(0, (ACTIONS,)))
    trainer = PPOTrainer("benchmark", spec, settings, seed=0)
    rng, ids = np.random.default_rng(0), np.arange(AGENTS)

    def prepare() -> None:
        trainer.abandon()
        while not trainer.ready():
            obs = (rng.integers(0, 256, (AGENTS, *IMAGE), np.uint8),)
            step = make_step(ids, obs, rng.standard_normal(AGENTS).astype(np.float32))
            trainer.observe(step)
            if not trainer.ready():
                trainer.act(step)

    return prepare, trainer.update


def minibatch_flops(critic: str, batch: int) -> float:
    """Floating point operations of all layers for a minibatch, forward and backward."""
    channels, *_, size = IMAGE
    first, others = 0.0, 0.0
    for i, (filters, kernel, stride) in enumerate(((32, 8, 4), (64, 4, 2), (64, 3, 1))):
        size = (size - kernel) // stride + 1
        operations = 2.0 * size**2 * kernel**2 * channels * filters
        first, others = (operations, 0.0) if i == 0 else (first, others + operations)
        channels = filters
    others += 2.0 * UNITS * (size**2 * channels + UNITS)
    body = 2 * first + 3 * others  # nobody asks for the gradient of the image
    return batch * (body if critic == "shared" else 2 * body)


if __name__ == "__main__":
    main()
