"""A TensorFlow/Keras trainer for Unity ML-Agents behaviors.

What a script needs is here under short names, each imported when it is first used, so that
`import mlagents_tf` alone is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlagents_tf.quiet import import_tensorflow
from mlagents_tf.version import __version__

if TYPE_CHECKING:
    from mlagents_tf.envs.check import check_env
    from mlagents_tf.envs.env import Env
    from mlagents_tf.envs.gymnasium_out import EnvAsVectorEnv
    from mlagents_tf.envs.gymnasium_single import EnvAsGymEnv
    from mlagents_tf.envs.registry import make_env
    from mlagents_tf.errors import MlagentsTfError
    from mlagents_tf.run.entry import learn
    from mlagents_tf.run.policy import Policy, load_policy
    from mlagents_tf.run.script import Progress, Result
    from mlagents_tf.settings.behavior import BehaviorSettings
    from mlagents_tf.settings.run import RunSettings
    from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
    from mlagents_tf.steps import Actions, Step, make_step

__all__ = [
    "ActionSpec",
    "Actions",
    "BehaviorSettings",
    "Env",
    "EnvAsGymEnv",
    "EnvAsVectorEnv",
    "MlagentsTfError",
    "ObservationSpec",
    "Policy",
    "Progress",
    "Result",
    "RunSettings",
    "Spec",
    "Step",
    "__version__",
    "check_env",
    "learn",
    "load_policy",
    "make_env",
    "make_step",
]

NAMES_BY_MODULE = {
    "envs.check": ("check_env",),
    "envs.env": ("Env",),
    "envs.gymnasium_out": ("EnvAsVectorEnv",),
    "envs.gymnasium_single": ("EnvAsGymEnv",),
    "envs.registry": ("make_env",),
    "errors": ("MlagentsTfError",),
    "run.entry": ("learn",),
    "run.policy": ("Policy", "load_policy"),
    "run.script": ("Progress", "Result"),
    "settings.behavior": ("BehaviorSettings",),
    "settings.run": ("RunSettings",),
    "specs": ("ActionSpec", "ObservationSpec", "Spec"),
    "steps": ("Actions", "Step", "make_step"),
}


def __getattr__(name: str) -> Any:
    for module, names in NAMES_BY_MODULE.items():
        if name in names:
            if module.startswith("run."):
                import_tensorflow()
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
