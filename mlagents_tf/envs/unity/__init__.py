"""Scenes in Unity, which connect over gRPC.

What a script for ML-Agents imports is here under its name, imported when it is first used, and in
modules of the same names: in such a script, `mlagents_tf.envs.unity` takes the place of
`mlagents_envs`.
"""

from __future__ import annotations

import importlib
from typing import Any

NAMES_BY_MODULE = {
    "environment": ("UnityEnvironment",),
    "base_env": (
        "ActionSpec",
        "ActionTuple",
        "ActionType",
        "BaseEnv",
        "BehaviorSpec",
        "DecisionStep",
        "DecisionSteps",
        "DimensionProperty",
        "ObservationSpec",
        "ObservationType",
        "TerminalStep",
        "TerminalSteps",
    ),
    "exception": (
        "UnityActionException",
        "UnityCommunicationException",
        "UnityCommunicatorStoppedException",
        "UnityEnvironmentException",
        "UnityException",
        "UnityObservationException",
        "UnityPolicyException",
        "UnitySideChannelException",
        "UnityTimeOutException",
        "UnityWorkerInUseException",
    ),
    "side_channel": ("IncomingMessage", "OutgoingMessage", "SideChannel"),
    "side_channel.engine_configuration_channel": ("EngineConfig", "EngineConfigurationChannel"),
    "side_channel.environment_parameters_channel": ("EnvironmentParametersChannel",),
    "side_channel.float_properties_channel": ("FloatPropertiesChannel",),
    "side_channel.raw_bytes_channel": ("RawBytesChannel",),
    "side_channel.stats_side_channel": ("StatsAggregationMethod", "StatsSideChannel"),
}


def __getattr__(name: str) -> Any:
    for module, names in NAMES_BY_MODULE.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(name for names in NAMES_BY_MODULE.values() for name in names)
