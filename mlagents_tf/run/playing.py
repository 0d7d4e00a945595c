"""An exported model at play in the place of a policy."""

from __future__ import annotations

from pathlib import Path

from mlagents_tf.envs.env import Env
from mlagents_tf.export.models import open_model
from mlagents_tf.export.playing import ModelActor, ModelPlayer
from mlagents_tf.run.evaluate import trainers_for
from mlagents_tf.run.seats import Player
from mlagents_tf.settings.run import RunSettings


def players_with_model(
    model: Path,
    behavior: str,
    env: Env,
    run_dir: Path,
    settings: RunSettings,
    *,
    deterministic: bool,
) -> dict[str, Player]:
    """The model plays `behavior`; the run's policies play the other behaviors of `env`, if any.

    Raises:
        DataError: the model cannot be read or does not fit, or another behavior was not trained.
    """
    actor = ModelActor(open_model(model), env.specs[behavior], deterministic)
    if len(env.specs) == 1:
        return {behavior: ModelPlayer(actor)}
    return {**trainers_for(env, run_dir, settings, deterministic), behavior: ModelPlayer(actor)}
