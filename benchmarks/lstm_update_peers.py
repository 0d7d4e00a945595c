"""PPO's update of a peer with memory, run by the Python that has it; see `lstm_update.py`.

    TORCH/bin/python benchmarks/lstm_update_peers.py mlagents
    SB3/bin/python benchmarks/lstm_update_peers.py sb3-contrib

Actor and critic have two dense layers of 128 and an LSTM of 64 cells each. ML-Agents and ours have
the LSTM behind the dense layers; sb3-contrib's stands before them, on what is observed, so that it
multiplies fewer numbers where observations are narrow. Its sequences are as long as the stories of
its environments, here 64, and no episode ends: where one does, it takes step after step in Python.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable

from minibatches import measured

WIDTHS, CONTINUOUS = (8, 105), 2
LAYERS, UNITS, CELLS, SEQUENCE = 2, 128, 64, 64
EPOCHS, BUFFER, BATCHES = 3, 2048, (128, 512)
AGENTS, THREADS = BUFFER // SEQUENCE, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=("mlagents", "sb3-contrib"))
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    # threads that spin while they wait take many times as long where others use the machine
    os.environ["OMP_WAIT_POLICY"] = "passive"
    make_update = mlagents_update if args.library == "mlagents" else contrib_update
    for width in WIDTHS:
        for batch in BATCHES:
            prepare, update = make_update(width, batch)
            line = measured(prepare, update, args.repeats, EPOCHS * (BUFFER // batch))
            print(json.dumps({"width": width, "batch": batch} | line), flush=True)


def contrib_update(width: int, batch: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """sb3-contrib's RecurrentPPO: fills the rollout buffer, and trains on it."""
    import gymnasium
    import numpy as np
    import torch
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(THREADS)

    class Numbers(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (width,), np.float32)
        action_space = gymnasium.spaces.Box(-1.0, 1.0, (CONTINUOUS,), np.float32)

        def reset(self, seed: int | None = None, options: dict | None = None) -> tuple:
            return self.observation_space.sample(), {}

    sizes = {"n_steps": SEQUENCE, "batch_size": batch, "n_epochs": EPOCHS}
    layers = [UNITS] * LAYERS
    policy = {"lstm_hidden_size": CELLS, "net_arch": {"pi": layers, "vf": layers}}
    model = RecurrentPPO(
        "MlpLstmPolicy",
        DummyVecEnv([Numbers] * AGENTS),
        **sizes,
        policy_kwargs=policy,
        device="cpu",
        seed=0,
    )
    model.set_logger(configure(None, []))
    buffer, rng = model.rollout_buffer, np.random.default_rng(0)
    filled = ("observations", "actions", "rewards", "returns", "values", "advantages")
    remembered = [f"{kind}_states_{of}" for kind in ("hidden", "cell") for of in ("pi", "vf")]

    def prepare() -> None:
        buffer.reset()
        for name in (*filled, *remembered):
            numbers = getattr(buffer, name)
            numbers[:] = rng.standard_normal(numbers.shape)
        buffer.log_probs[:] = -2.0
        buffer.full, buffer.pos = True, SEQUENCE

    return prepare, model.train


def mlagents_update(width: int, batch: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """ML-Agents': fills its buffer, and does what its trainer does in an update."""
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
    from mlagents.trainers.ppo.optimizer_torch import (
        PPOSettings,
        TorchPPOOptimizer,
    )
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
        trainer_type="ppo",
        hyperparameters=PPOSettings(batch_size=batch, buffer_size=BUFFER, num_epoch=EPOCHS),
        network_settings=NetworkSettings(hidden_units=UNITS, num_layers=LAYERS, memory=memory),
        max_steps=10**9,
    )
    seen = ObservationSpec((width,), (DimensionProperty.NONE,), ObservationType.DEFAULT, "numbers")
    policy = TorchPolicy(
        0,
        BehaviorSpec([seen], ActionSpec(CONTINUOUS, ())),
        settings.network_settings,
        SimpleActor,
        {"conditional_sigma": False, "tanh_squash": False},
    )
    optimizer = TorchPPOOptimizer(policy, settings)
    buffer, rng = AgentBuffer(), np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return rng.standard_normal((BUFFER, *shape), np.float32)

    def prepare() -> None:
        buffer.reset_agent()
        columns = {
            (ObservationKeyPrefix.OBSERVATION, 0): drawn(width),
            BufferKey.CONTINUOUS_ACTION: drawn(CONTINUOUS),
            BufferKey.CONTINUOUS_LOG_PROBS: np.full((BUFFER, CONTINUOUS), -1.0, np.float32),
            BufferKey.MEMORY: drawn(2 * CELLS),
            BufferKey.CRITIC_MEMORY: drawn(2 * CELLS),
            BufferKey.MASKS: np.ones(BUFFER, np.float32),
            RewardSignalUtil.value_estimates_key("extrinsic"): drawn(),
            RewardSignalUtil.returns_key("extrinsic"): drawn(),
            BufferKey.ADVANTAGES: drawn(),
        }
        for key, column in columns.items():
            buffer[key].extend(list(column))

    def update() -> None:
        for _ in range(EPOCHS):
            buffer.shuffle(sequence_length=SEQUENCE)
            for start in range(0, BUFFER - batch + 1, batch):
                minibatch = buffer.make_mini_batch(start, start + batch)
                optimizer.update(minibatch, batch // SEQUENCE)

    return prepare, update


if __name__ == "__main__":
    main()
