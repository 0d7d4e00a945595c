"""`mlagents_tf.learn`: what the command does, from a script or a notebook."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlagents_tf.envs.env import Env
from mlagents_tf.errors import EnvError
from mlagents_tf.run.encoders import is_of_a_run, refuse_strange_env, refuse_strangers
from mlagents_tf.run.learn import learn as run_learn
from mlagents_tf.run.script import Callback, Result, Script
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.settings.document import Document
from mlagents_tf.settings.dump import settings_tree
from mlagents_tf.settings.load import Loaded, load_settings, resolve
from mlagents_tf.settings.run import RunSettings


def learn(
    settings: RunSettings | BehaviorSettings | Mapping[str, Any] | str | Path | None = None,
    env: Env | str | None = None,
    *,
    run_id: str | None = None,
    results_dir: str | Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    strict_resume: bool = False,
    force: bool = False,
    stop_at: int | None = None,
    callbacks: Sequence[Callback] = (),
    encoder: str | Sequence[str] = (),
) -> Result:
    """Trains every behavior of an environment until its max_steps, as `mlagents-tf learn` does.

    SIGINT and SIGTERM end the run in good order if this is the main thread; a second SIGINT
    raises KeyboardInterrupt.

    Args:
        settings: of the run, of every behavior, as a dict in the layout of the YAML file, or the
            path of one; None = PPO's defaults.
        env: an environment, which the caller closes, or the name of one; None = that of the
            settings. What an environment of the caller's draws is seeded by the caller.
        run_id: name of the run and of its directory.
        results_dir: where runs are written.
        seed: of the weights, the action noise, and an environment that is given by name.
        resume: go on where the run stopped.
        strict_resume: with `resume`, raise DataError rather than go on without the replay, the
            episodes or the demonstrations of the checkpoint.
        force: begin again, discarding the run of this id.
        stop_at: steps of the run at which to save and return; `resume` goes on from there.
        callbacks: each is called with a `Progress` after each summary, in this thread; one that
            returns True ends the run with a commit. An exception of theirs ends it too: what was
            learned is saved, and the exception is raised here.
        encoder: import path of an encoder of yours, or several, where `settings` is the recorded
            configuration of a run; what other settings name is imported anyway.

    Raises:
        MlagentsTfError: in one sentence what was wrong; what was learned before is saved.
    """
    flags = {
        "checkpoint_settings.run_id": run_id,
        "checkpoint_settings.results_dir": None if results_dir is None else str(results_dir),
        "checkpoint_settings.resume": resume or None,
        "checkpoint_settings.strict_resume": strict_resume or None,
        "checkpoint_settings.force": force or None,
        "env_settings.seed": seed,
        "env_settings.env_path": env if isinstance(env, str) else None,
    }
    given: dict[str, Any] = {path: value for path, value in flags.items() if value is not None}
    script = Script(None, callbacks)
    if env is not None and not isinstance(env, str):
        check_env_instance(env)
        given["env_settings.env_path"] = None  # the name of another environment, if any
        script = Script(env, callbacks)
    loaded = read_settings(settings, given)
    if isinstance(settings, (str, Path)) and is_of_a_run(Path(settings)):
        trusted = [encoder] if isinstance(encoder, str) else encoder
        refuse_strangers(loaded.settings, Path(settings), trusted)
        if env is None:
            refuse_strange_env(loaded.settings.env_settings.env_path, Path(settings))
    return run_learn(loaded.settings, loaded.notices, sys.argv, stop_at=stop_at, script=script)


def read_settings(settings: object, flags: Mapping[str, Any]) -> Loaded:
    """Settings in whatever form they were given, checked as a whole.

    Raises:
        SettingsError: one line for each thing that is wrong.
    """
    if isinstance(settings, (str, Path)):
        return load_settings(Path(settings), flags)
    if settings is None:
        tree: dict[str, Any] = {}
    elif isinstance(settings, RunSettings):
        tree = settings_tree(settings)
    elif isinstance(settings, BehaviorSettings):
        tree = {"default_settings": settings.model_dump(mode="json")}
    elif isinstance(settings, Mapping):
        tree = copy.deepcopy(dict(settings))
    else:
        raise TypeError(
            f"settings is a {type(settings).__name__}; give RunSettings, BehaviorSettings, a dict "
            "in the layout of the YAML file, or the path of one"
        )
    return resolve(Document(tree), flags, ())


def check_env_instance(env: object) -> None:
    """Raises EnvError for what is no environment, such as one of Gymnasium, or a class."""
    if isinstance(env, type):
        raise EnvError(f"env is the class {env.__name__}; give an instance of it")
    if not isinstance(env, Env):
        raise EnvError(
            f"env is a {type(env).__name__}, which is no environment of mlagents_tf: it needs "
            "specs, reset, step and close. An environment of Gymnasium is given by its name, "
            "env='gym:CartPole-v1'"
        )
