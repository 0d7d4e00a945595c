"""What can go wrong between a Unity player and a trainer, under the names of ML-Agents."""

# ruff: noqa: N818 - the names are those that scripts catch

from mlagents_tf.errors import EnvEndedError, EnvError


class UnityException(EnvError):
    """Any of the below."""


class UnityEnvironmentException(UnityException):
    """The player cannot be started, has died, or does not keep the protocol."""


class UnityCommunicationException(UnityException):
    """The connection failed."""


class UnityCommunicatorStoppedException(UnityException, EnvEndedError):
    """The player has ended the conversation, as when Play is stopped in the Editor."""


class UnityTimeOutException(UnityException):
    """Nothing was heard of the player in time."""


class UnityWorkerInUseException(UnityException):
    """The port is taken."""


class UnityObservationException(UnityException):
    """Observations that are not what was announced."""


class UnityActionException(UnityException):
    """Actions of a wrong shape, or of a behavior or agent that is not there."""


class UnitySideChannelException(UnityException):
    """A message of a side channel that cannot be read, or not be sent."""


class UnityPolicyException(UnityException):
    """Never raised here; scripts that catch it keep running."""
