"""The errors, where scripts for ML-Agents look for them."""

from mlagents_tf.envs.unity.errors import (
    UnityActionException,
    UnityCommunicationException,
    UnityCommunicatorStoppedException,
    UnityEnvironmentException,
    UnityException,
    UnityObservationException,
    UnityPolicyException,
    UnitySideChannelException,
    UnityTimeOutException,
    UnityWorkerInUseException,
)

__all__ = [
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
]
