"""SAC's update with memory, sequences of 64, sampling included: ours, or ML-Agents'.

    python benchmarks/lstm_sac.py
    TORCH/bin/python benchmarks/lstm_sac.py --mlagents

Both learn from ten thousand rows with a value network and two Q networks, each with two dense
layers of 128 and an LSTM of 64 cells. Ours makes 64 gradient steps in a call.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable

from lstm_update_peers import AGENTS, CELLS, CONTINUOUS, LAYERS, SEQUENCE, THREADS, UNITS
from minibatches import measured

WIDTH, ROWS, STEPS = 8, 10_240, 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlagents", action="store_true")
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    for batch in args.batches:
        update = mlagents_update(batch) if args.mlagents else our_update(batch)
        line = measured(lambda: None, update, args.repeats, STEPS)
        library = "mlagents" if args.mlagents else "mlagents_tf"
        print(json.dumps({"library": library, "batch": batch} | line), flush=True)


def our_update(batch: int) -> Callable[[], object]:
    """Fills the replay; the function makes all steps in one call."""
    import mlagents_tf.quiet

    mlagents_tf.quiet.import_tensorflow()  # with the switches of a run
    import numpy as np
    from threadpoolctl import threadpool_limits

    from mlagents_tf.settings.behavior import BehaviorSettings
    from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
    from mlagents_tf.steps import make_step
    from mlagents_tf.trainers.sac import SACTrainer

    threadpool_limits(1, user_api="blas")  # as a run does
    memory = {"memory_size": 2 * CELLS, "sequence_length": SEQUENCE}
    hyperparameters = {"batch_size": batch, "buffer_size": 50_000, "critic": "value_target"}
    settings = BehaviorSettings.model_validate(
        {
            "trainer_type": "sac",
            "hyperparameters": hyperparameters,
            "network_settings": {"hidden_units": UNITS, "num_layers": LAYERS, "memory": memory},
        }
    )
    spec = Spec((ObservationSpec((WIDTH,)),), ActionSpec(CONTINUOUS))
    trainer = SACTrainer("benchmark", spec, settings, seed=0)
    rng = np.random.default_rng(0)
    for _ in range(ROWS // AGENTS + 1):
        obs = (rng.standard_normal((AGENTS, WIDTH), np.float32),)
        step = make_step(np.arange(AGENTS), obs, rng.standard_normal(AGENTS, np.float32))
        trainer.observe(step)
        trainer.act(step)

    def update() -> None:
        trainer.credit = STEPS
        trainer.update()

    return update


def mlagents_update(batch: int) -> Callable[[], object]:
    """Fills ML-Agents' buffer; the function makes one step after another, as its trainer does."""
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    # threads that spin while they wait take many times as long where others use the machine
    os.environ["OMP_WAIT_POLICY"] = "passive"
    import numpy as np
    import torch
    from mlagents.plugins import trainer_type

    trainer_type.register_trainer_plugins()
    from mlagents.trainers.buffer import (
        AgentBuffer,
        BufferKey,
        ObservationKeyPrefix,
        RewardSignalUtil,
    )
    from mlagents.trainers.policy.torch_policy import TorchPolicy
    from mlagents.trainers.sac.optimizer_torch import SACSettings, TorchSACOptimizer
    from mlagents.trainers.settings import NetworkSettings, TrainerSettings
    from mlagents.trainers.torch_entities.networks import SimpleActor
    from mlagents_envs.base_env import (
        ActionSpec,
        BehaviorSpec,
        DimensionProperty,
        ObservationSpec,
        ObservationType,
    )

    torch.set_num_threads(THREADS)
    memory = NetworkSettings.MemorySettings(sequence_length=SEQUENCE, memory_size=2 * CELLS)
    settings = TrainerSettings(
        trainer_type="sac",
        hyperparameters=SACSettings(batch_size=batch),
        network_settings=NetworkSettings(hidden_units=UNITS, num_layers=LAYERS, memory=memory),
    )
    seen = ObservationSpec((WIDTH,), (DimensionProperty.NONE,), ObservationType.DEFAULT, "numbers")
    policy = TorchPolicy(
        0,
        BehaviorSpec([seen], ActionSpec(CONTINUOUS, ())),
        settings.network_settings,
        SimpleActor,
        {"conditional_sigma": True, "tanh_squash": True},
    )
    optimizer = TorchSACOptimizer(policy, settings)
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return rng.standard_normal((ROWS, *shape), np.float32)

    columns = {
        (ObservationKeyPrefix.OBSERVATION, 0): drawn(WIDTH),
        (ObservationKeyPrefix.NEXT_OBSERVATION, 0): drawn(WIDTH),
        BufferKey.CONTINUOUS_ACTION: np.tanh(drawn(CONTINUOUS)),
        BufferKey.MEMORY: drawn(2 * CELLS),
        BufferKey.CRITIC_MEMORY: drawn(2 * CELLS),
        BufferKey.MASKS: np.ones(ROWS, np.float32),
        BufferKey.DONE: np.zeros(ROWS, np.float32),
        RewardSignalUtil.rewards_key("extrinsic"): drawn(),
    }
    buffer = AgentBuffer()
    for key, column in columns.items():
        buffer[key].extend(list(column))

    def update() -> None:
        for _ in range(STEPS):
            minibatch = buffer.sample_mini_batch(batch, sequence_length=SEQUENCE)
            optimizer.update(minibatch, batch // SEQUENCE)

    return update


if __name__ == "__main__":
    main()
