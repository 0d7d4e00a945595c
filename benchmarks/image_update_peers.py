"""PPO's update of a peer on images, run by the Python that has it; see `image_update.py`.

    TORCH/bin/python benchmarks/image_update_peers.py sb3
    TORCH/bin/python benchmarks/image_update_peers.py mlagents
    JAX/bin/python benchmarks/image_update_peers.py sbx --rows 128 --repeats 1

All have three convolutions, a dense layer of 512 and one of 512 behind it. Where `critic` is
`own`, actor and critic have convolutions of their own, as in ML-Agents; where it is `shared`, one
body serves both. Stable-Baselines3 has, behind shared convolutions, the second dense layer twice.
SBX always computes the convolutions twice, and copies their weights, so it is compared with both.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable

from minibatches import measured

IMAGE, ACTIONS = (3, 84, 84), 5
UNITS, EPOCHS, BUFFER, BATCHES = 512, 3, 1024, (64, 256)
THREADS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=("sb3", "sbx", "mlagents"))
    parser.add_argument("--rows", type=int, default=BUFFER, help="of an update")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    # threads that spin while they wait take many times as long where others use the machine
    os.environ["OMP_WAIT_POLICY"] = "passive"
    make_update = mlagents_update if args.library == "mlagents" else baselines_update
    for critic in ("own", "shared"):
        for batch in (batch for batch in BATCHES if batch <= args.rows):
            prepare, update = make_update(args.library, critic == "shared", batch, args.rows)
            line = measured(prepare, update, args.repeats, EPOCHS * (args.rows // batch))
            print(json.dumps({"critic": critic, "batch": batch} | line), flush=True)


def baselines_update(
    library: str, shared: bool, batch: int, num_rows: int
) -> tuple[Callable[[], object], Callable[[], object]]:
    """Stable-Baselines3's or SBX's: fills the rollout buffer, and trains on it."""
    import gymnasium
    import numpy as np
    import torch
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(THREADS)
    if library == "sb3":
        from stable_baselines3 import PPO

        policy = {"share_features_extractor": shared}
    else:
        from sbx import PPO

        policy = {}

    class Pictures(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, IMAGE, np.uint8)
        action_space = gymnasium.spaces.Discrete(ACTIONS)

        def reset(self, seed: int | None = None, options: dict | None = None) -> tuple:
            return self.observation_space.sample(), {}

    sizes = {"n_steps": num_rows, "batch_size": batch, "n_epochs": EPOCHS}
    policy |= {"net_arch": {"pi": [UNITS], "vf": [UNITS]}}
    policy |= {"features_extractor_kwargs": {"features_dim": UNITS}}
    model = PPO(
        "CnnPolicy", DummyVecEnv([Pictures]), **sizes, policy_kwargs=policy, device="cpu", seed=0
    )
    model.set_logger(configure(None, []))
    buffer, rng = model.rollout_buffer, np.random.default_rng(0)

    def prepare() -> None:
        buffer.reset()
        buffer.observations = rng.integers(0, 256, buffer.observations.shape, np.uint8)
        buffer.actions = rng.integers(0, ACTIONS, buffer.actions.shape).astype(np.float32)
        buffer.log_probs[:] = -np.log(ACTIONS)
        for name in ("rewards", "returns", "values", "advantages"):
            numbers = getattr(buffer, name)
            numbers[:] = rng.standard_normal(numbers.shape)
        buffer.full, buffer.pos = True, num_rows

    return prepare, model.train


def mlagents_update(
    library: str, shared: bool, batch: int, num_rows: int
) -> tuple[Callable[[], object], Callable[[], object]]:
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
    from mlagents.trainers.settings import (
        EncoderType,
        NetworkSettings,
        TrainerSettings,
    )
    from mlagents.trainers.torch_entities.networks import (
        SharedActorCritic,
        SimpleActor,
    )
    from mlagents_envs.base_env import (
        ActionSpec,
        BehaviorSpec,
        DimensionProperty,
        ObservationSpec,
        ObservationType,
    )

    torch.set_num_threads(THREADS)
    plain, moved = DimensionProperty.NONE, DimensionProperty.TRANSLATIONAL_EQUIVARIANCE
    seen = ObservationSpec(IMAGE, (plain, moved, moved), ObservationType.DEFAULT, "camera")
    settings = TrainerSettings(
        trainer_type="ppo",
        hyperparameters=PPOSettings(
            batch_size=batch, buffer_size=num_rows, num_epoch=EPOCHS, shared_critic=shared
        ),
        network_settings=NetworkSettings(
            hidden_units=UNITS, num_layers=1, vis_encode_type=EncoderType.NATURE_CNN
        ),
        max_steps=10**9,
    )
    actor: dict = {"conditional_sigma": False, "tanh_squash": False}
    if shared:
        actor["stream_names"] = [name.value for name in settings.reward_signals]
    policy = TorchPolicy(
        0,
        BehaviorSpec([seen], ActionSpec(0, (ACTIONS,))),
        settings.network_settings,
        SharedActorCritic if shared else SimpleActor,
        actor,
    )
    optimizer = TorchPPOOptimizer(policy, settings)
    buffer, rng = AgentBuffer(), np.random.default_rng(0)

    def prepare() -> None:
        buffer.reset_agent()
        of_signal = (
            RewardSignalUtil.value_estimates_key("extrinsic"),
            RewardSignalUtil.returns_key("extrinsic"),
            BufferKey.ADVANTAGES,
        )
        columns = {
            (ObservationKeyPrefix.OBSERVATION, 0): rng.random((num_rows, *IMAGE), np.float32),
            BufferKey.CONTINUOUS_ACTION: np.zeros((num_rows, 0), np.float32),
            BufferKey.CONTINUOUS_LOG_PROBS: np.zeros((num_rows, 0), np.float32),
            BufferKey.DISCRETE_ACTION: rng.integers(0, ACTIONS, (num_rows, 1)).astype(np.float32),
            BufferKey.DISCRETE_LOG_PROBS: np.full((num_rows, 1), -np.log(ACTIONS), np.float32),
            BufferKey.ACTION_MASK: np.ones((num_rows, ACTIONS), np.float32),
            BufferKey.MASKS: np.ones(num_rows, np.float32),
        } | {key: rng.standard_normal(num_rows).astype(np.float32) for key in of_signal}
        for key, column in columns.items():
            buffer[key].extend(list(column))

    def update() -> None:
        for _ in range(EPOCHS):
            buffer.shuffle(sequence_length=1)
            for start in range(0, num_rows - batch + 1, batch):
                optimizer.update(buffer.make_mini_batch(start, start + batch), batch)

    return prepare, update


if __name__ == "__main__":
    main()
