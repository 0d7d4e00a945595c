"""Small reward signals, and the demonstrations that one of them learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.registry import reward_signal_settings
from mlagents_tf.specs import Spec
from mlagents_tf.trainers.signals import make_signals
from tests.data.demo_files import random_rows, write_rows

SMALL_NETWORK = {"hidden_units": 8, "num_layers": 2}


def write_demo(folder: Path, spec: Spec, count: int = 60, seed: int = 0) -> Path:
    """A file of random decisions, at observations around 2."""
    rows = random_rows(spec, count, seed)
    for obs in rows.obs:
        obs += 2
    return write_rows(folder / "expert.demo", spec, rows)


def small_signal(
    name: str, spec: Spec, seed: int = 0, demo: Path | None = None, **keys: object
) -> RewardSignal:
    """A signal by its key with these settings; GAIL learns from the file `demo`."""
    network = SMALL_NETWORK | keys.pop("network_settings", {})
    own = {} if name == "extrinsic" else {"network_settings": network, "learning_rate": 0.01}
    path = {"demo_path": str(demo)} if name == "gail" else {}
    settings = reward_signal_settings(name)(**(own | path | keys))
    (signal,) = make_signals({name: settings}, spec, np.random.default_rng(seed))
    return signal
