"""Errors a user can cause. The command line prints their one sentence and exits with their code."""

from __future__ import annotations


class MlagentsTfError(Exception):
    """Something went wrong that a user can act on; the message says what, where, and what to do."""

    exit_code = 1


class SettingsError(MlagentsTfError):
    """A configuration file, a flag or a run id that cannot be used (exit code 2)."""

    exit_code = 2


class EnvError(MlagentsTfError):
    """An environment that broke its contract, died or could not be made (exit code 3)."""

    exit_code = 3


class EnvEndedError(EnvError):
    """Whoever runs the environment has stopped it; a run then saves and ends in good order."""


class StorageError(MlagentsTfError):
    """A directory or file that cannot be read or written, or a run that is in use (exit code 4)."""

    exit_code = 4


class DataError(MlagentsTfError):
    """A checkpoint or demonstration that is damaged, foreign or does not fit (exit code 5)."""

    exit_code = 5


class TrainingError(MlagentsTfError):
    """Training cannot go on: a loss or gradient stopped being finite (exit code 1)."""


class ContractError(MlagentsTfError):
    """A trainer that does not keep what `check_trainer` asks of every trainer (exit code 1)."""
