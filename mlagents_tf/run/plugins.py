"""Trainers by their `trainer_type`."""

from __future__ import annotations

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.support import IMPLEMENTED, unsupported_features
from mlagents_tf.specs import Spec
from mlagents_tf.trainers.bc import BCTrainer
from mlagents_tf.trainers.ppo import PPOTrainer
from mlagents_tf.trainers.sac import SACTrainer
from mlagents_tf.trainers.trainer import Trainer

TRAINERS: dict[str, type[Trainer]] = {"ppo": PPOTrainer, "sac": SACTrainer, "bc": BCTrainer}


def make_trainer(behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> Trainer:
    """The trainer that `settings.trainer_type` names.

    Raises:
        SettingsError: the behavior uses something that cannot be trained yet; names all of it.
    """
    missing = [
        f"behaviors.{behavior}.{path}" for path in unsupported_features(settings, IMPLEMENTED)
    ]
    missing += [
        f"observation {k} of shape {list(observation.shape)}"
        for k, observation in enumerate(spec.observations)
        if not (observation.is_vector or observation.is_image or observation.is_entities)
    ]
    if missing:
        raise SettingsError(
            f"behavior {behavior} cannot be trained yet, because of: {'; '.join(missing)}. "
            "Take it out of the configuration, or train another behavior."
        )
    return TRAINERS[settings.trainer_type](behavior, spec, settings, seed)
