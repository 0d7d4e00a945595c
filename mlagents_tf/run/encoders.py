"""What a run may import: encoders of the user's, and modules that register environments.

An import path makes Python run a module. So it is followed where the user named it, in a file of
theirs or on the command line, and never because a file of a run says so: a run may come from
somebody else. What an installed package brings under a name was installed by the user.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mlagents_tf.envs.registry import GYMNASIUM_PREFIX, is_build
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.own_encoders import own_encoder
from mlagents_tf.run.checkpoints import DIRECTORY
from mlagents_tf.run.state import CONFIGURATION
from mlagents_tf.settings.run import RunSettings


def named_encoders(settings: RunSettings) -> dict[str, str]:
    """What `encoder` names, by full YAML path."""
    sections = {f"behaviors.{name}": each for name, each in settings.behaviors.items()}
    if settings.default_settings is not None:
        sections["default_settings"] = settings.default_settings
    return {
        f"{section}.{path}.encoder": network.encoder
        for section, behavior in sections.items()
        for path, network in behavior.networks().items()
        if network.encoder is not None
    }


def import_encoders(settings: RunSettings) -> None:
    """Imports them early; for settings that the user wrote.

    Raises:
        SettingsError: one cannot be imported, or is no encoder; says where it was asked for.
    """
    for path, name in named_encoders(settings).items():
        try:
            own_encoder(name)
        except SettingsError as error:
            raise SettingsError(f"{path.removesuffix('network_settings.encoder')}{error}") from None


def refuse_strangers(settings: RunSettings, source: Path, trusted: Collection[str]) -> None:
    """Nothing is imported for settings that were read in the directory of a run, unless trusted.

    Args:
        settings: as they were read.
        source: the file.
        trusted: import paths that the user named.

    Raises:
        SettingsError: there is another import path; says how to name it.
    """
    for path, name in named_encoders(settings).items():
        if "." in name and name not in trusted:
            raise SettingsError(
                f"{source}: {path} is '{name}', and a module is not imported because a file of a "
                f"run names it. If you trust it, add --encoder {name} "
                f"(from Python: encoder='{name}')."
            )


def refuse_strange_env(env: str | None, source: Path) -> None:
    """No code is run for the sake of an environment that the directory of a run names.

    Args:
        env: its name, as it was read.
        source: the file.

    Raises:
        SettingsError: it is `gym:MODULE:ID` or a Unity build; says how to name it.
    """
    if runs_code(env):
        raise SettingsError(
            f"{source}: env_settings.env_path is '{env}', and nothing is started or imported "
            f"because a file of a run names it. If you trust it, add --env {env} "
            f"(from Python: env='{env}')."
        )


def runs_code(env: str | None) -> bool:
    """Whether an environment is `gym:MODULE:ID`, or a program: a Unity build."""
    if env is None:
        return False
    return (env.startswith(GYMNASIUM_PREFIX) and env.count(":") > 1) or is_build(env)


def is_of_a_run(path: Path) -> bool:
    """Whether a configuration is the record of a run."""
    return path.name == CONFIGURATION and (path.parent / DIRECTORY).is_dir()


def encoder_flags(settings: RunSettings) -> str:
    """What a command about a run needs to import the same; begins with a space unless empty."""
    paths = dict.fromkeys(name for name in named_encoders(settings).values() if "." in name)
    return "".join(f" --encoder {name}" for name in paths)
