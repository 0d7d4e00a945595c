"""PPO's update with memory, sequences of 64, beside the peers, in turn on one machine.

    python benchmarks/lstm_update.py
    python benchmarks/lstm_update.py --torch-python TORCH/bin/python --contrib-python SB3/bin/python

All make the same number of gradient steps on the same number of rows, with two threads. Ours also
computes values and log-probabilities of all rows, which the peers do while they act. The floor is
the processor time of a minibatch's multiplications in all layers, forward and backward, at the
speed of a large matrix product. `lstm_update_peers.py` says what differs between the networks.
Processor time is measured beside the time on the clock: it says more where others use the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lstm_update_peers import (
    AGENTS,
    BATCHES,
    BUFFER,
    CELLS,
    CONTINUOUS,
    EPOCHS,
    LAYERS,
    SEQUENCE,
    UNITS,
    WIDTHS,
)
from minibatches import in_turns, measured
from peers import OURS, write

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", action="store_true", help="measure ours alone, once")
    parser.add_argument("--torch-python", help="Python that has ML-Agents")
    parser.add_argument("--contrib-python", help="Python that has sb3-contrib")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/lstm_speed.csv"))
    args = parser.parse_args()
    if args.ours:
        for line in our_lines(args.repeats):
            print(json.dumps(line), flush=True)
        return
    lines = in_turns(commands(args), args.rounds, ("width", "batch"))
    for line in lines:
        print(json.dumps(line | {"ms": round(1e3 / line["median"], 2)}), flush=True)
    write(args.out, lines)


def commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """What each library runs."""
    repeats = ["--repeats", str(args.repeats)]
    found = {OURS: [sys.executable, str(HERE / "lstm_update.py"), "--ours", *repeats]}
    pythons = {"mlagents": args.torch_python, "sb3-contrib": args.contrib_python}
    for name, python in pythons.items():
        if python:
            interpreter = str(Path(python).absolute())
            found[name] = [interpreter, "lstm_update_peers.py", name, *repeats]
    return found


def our_lines(repeats: int) -> Iterator[dict[str, object]]:
    """Milliseconds of a minibatch of ours, for each setup."""
    import mlagents_tf.quiet

    mlagents_tf.quiet.import_tensorflow()  # with the switches of a run
    from machine import peak_flops
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")  # as a run does
    for width in WIDTHS:
        for batch in BATCHES:
            floor = 1e3 * minibatch_flops(width, batch) / peak_flops(time.process_time)
            prepare, update = our_update(width, batch)
            line = measured(prepare, update, repeats, EPOCHS * (BUFFER // batch))
            over = {"over_floor": round(line["processor_ms"] / floor, 2)}
            yield {"width": width, "batch": batch} | line | over


def our_update(width: int, batch: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Fills the tape, and trains on it."""
    import numpy as np

    from mlagents_tf.settings.behavior import BehaviorSettings
    from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
    from mlagents_tf.steps import make_step
    from mlagents_tf.trainers.ppo import PPOTrainer

    memory = {"memory_size": 2 * CELLS, "sequence_length": SEQUENCE}
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "ppo",
            "hyperparameters": {"batch_size": batch, "buffer_size": BUFFER, "num_epoch": EPOCHS},
            "network_settings": {"hidden_units": UNITS, "num_layers": LAYERS, "memory": memory},
            "max_steps": 10**9,
            "time_horizon": SEQUENCE,
        }
    )
    spec = Spec((ObservationSpec((width,)),), ActionSpec(CONTINUOUS))
    trainer = PPOTrainer("benchmark", spec, settings, seed=0)
    rng, ids = np.random.default_rng(0), np.arange(AGENTS)

    def prepare() -> None:
        trainer.abandon()
        while not trainer.ready():
            obs = (rng.standard_normal((AGENTS, width), np.float32),)
            step = make_step(ids, obs, rng.standard_normal(AGENTS).astype(np.float32))
            trainer.observe(step)
            if not trainer.ready():
                trainer.act(step)

    return prepare, trainer.update


def minibatch_flops(width: int, batch: int) -> float:
    """Floating point operations of both bodies for a minibatch, forward and backward."""
    first = width * UNITS  # nobody asks for the gradient of the observations
    others = (LAYERS - 1) * UNITS**2 + 4 * CELLS * (UNITS + CELLS)
    return batch * 2 * 2.0 * (2 * first + 3 * others)


if __name__ == "__main__":
    main()
