"""Trainers small enough to compile in a second or two."""

from __future__ import annotations

from typing import Any

from mlagents_tf.run.plugins import trainer_class
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import Spec
from mlagents_tf.trainers.check_trainer import RandomWorld
from mlagents_tf.trainers.trainer import Trainer

SMALL = {
    "ppo": {"batch_size": 16, "buffer_size": 64, "num_epoch": 2},
    "poca": {"batch_size": 16, "buffer_size": 64, "num_epoch": 2},
    "sac": {"batch_size": 16, "buffer_size": 200, "train_interval": 40, "steps_per_update": 5},
}


def small_settings(trainer_type: str = "ppo", **keys: Any) -> BehaviorSettings:
    """Settings of a small trainer; `keys` are those of the behavior and win."""
    network = {"hidden_units": 8, "num_layers": 1} | keys.pop("network_settings", {})
    hyperparameters = SMALL.get(trainer_type, {}) | keys.pop("hyperparameters", {})
    return BehaviorSettings(
        trainer_type=trainer_type,
        hyperparameters=hyperparameters,
        network_settings=network,
        **{"time_horizon": 16, **keys},
    )


def small_trainer(spec: Spec, seed: int = 0, **keys: Any) -> Trainer:
    """A small trainer of a behavior called `walker`."""
    settings = small_settings(**keys)
    return trainer_class(settings.trainer_type)("walker", spec, settings, seed)


def fill(trainer: Trainer, world: RandomWorld) -> None:
    """Turns until an update is due."""
    while not trainer.ready():
        trainer.act(world.step)
        trainer.observe(world.advance())


def fill_and_update(trainer: Trainer, world: RandomWorld) -> dict[str, float]:
    """Statistics of one update."""
    fill(trainer, world)
    return trainer.update()
