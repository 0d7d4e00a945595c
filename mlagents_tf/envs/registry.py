"""Names of environments: the embedded ones, `gym:ID`, and paths to Unity builds."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mlagents_tf.envs.embedded.areas import Areas
from mlagents_tf.envs.embedded.ball import Ball3D, Ball3DHard
from mlagents_tf.envs.embedded.basic import Basic
from mlagents_tf.envs.embedded.cooperative_push_block import CooperativePushBlock
from mlagents_tf.envs.embedded.dungeon_escape import DungeonEscape
from mlagents_tf.envs.embedded.food_collector import FoodCollector
from mlagents_tf.envs.embedded.fuzz import FuzzEnv
from mlagents_tf.envs.embedded.grid_camera import GridWorld
from mlagents_tf.envs.embedded.grid_world import GridWorldVector
from mlagents_tf.envs.embedded.hallway import Hallway
from mlagents_tf.envs.embedded.match3 import Match3
from mlagents_tf.envs.embedded.maze import Maze
from mlagents_tf.envs.embedded.push_block import PushBlock
from mlagents_tf.envs.embedded.pyramids import Pyramids
from mlagents_tf.envs.embedded.soccer import SoccerTwos, StrikersVsGoalie
from mlagents_tf.envs.embedded.sorter import Sorter
from mlagents_tf.envs.embedded.tennis import Tennis
from mlagents_tf.envs.embedded.toy import (
    DiscreteLine,
    HybridLine,
    ImageLine,
    LineWorld,
    MaskedLine,
    MemoryLine,
)
from mlagents_tf.envs.embedded.wall_jump import WallJump
from mlagents_tf.envs.env import Env
from mlagents_tf.envs.unity.options import BUILD_ENDINGS, UnityOptions
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec

GYMNASIUM_PREFIX = "gym:"
TOY_PREFIX = "toy-"

WORLDS: tuple[type[Areas] | type[FuzzEnv], ...] = (
    Basic,
    Ball3D,
    Ball3DHard,
    PushBlock,
    Pyramids,
    Hallway,
    GridWorld,
    GridWorldVector,
    Match3,
    FoodCollector,
    Sorter,
    CooperativePushBlock,
    DungeonEscape,
    WallJump,
    Tennis,
    SoccerTwos,
    StrikersVsGoalie,
    LineWorld,
    DiscreteLine,
    MaskedLine,
    HybridLine,
    ImageLine,
    MemoryLine,
    Maze,
    FuzzEnv,
)
EMBEDDED: dict[str, type[Areas] | type[FuzzEnv]] = {world.behavior: world for world in WORLDS}


class EnvRow(NamedTuple):
    """What a list of environments says about one of them."""

    name: str
    behaviors: tuple[str, ...]
    spec: str
    default_areas: int
    summary: str


def list_envs(*, toys: bool = False) -> list[EnvRow]:
    """The embedded environments; those made for tests only with `toys`."""
    return [
        EnvRow(name, tuple(specs), _described(specs), world.default_areas, world.summary)
        for name, world in EMBEDDED.items()
        if toys or not name.startswith(TOY_PREFIX)
        for specs in [world.all_specs()]
    ]


def _described(specs: Mapping[str, Spec]) -> str:
    """The spec of all behaviors, or each with its name where they differ."""
    if len(set(specs.values())) == 1:
        return next(iter(specs.values())).describe()
    return " | ".join(f"{name}: {spec.describe()}" for name, spec in specs.items())


def make_env(
    name: str | None,
    *,
    num_areas: int | None = None,
    seed: int = 0,
    drawable: bool = False,
    unity: UnityOptions | None = None,
) -> Env:
    """The environment called `name`.

    Args:
        name: an embedded environment, `gym:` and the id of a Gymnasium environment, or the path of
            a Unity build; None = the scene that is played in the Unity Editor.
        num_areas: areas stepped together; None = as many as Unity's scene has, or 1.
        seed: of every draw the environment makes.
        drawable: `render()` will be called, for which Gymnasium must be asked beforehand.
        unity: how a player of Unity is started and listened to.

    Raises:
        EnvError: nothing has this name, or it cannot be started.
    """
    if name is None or is_build(name):
        # only who asks for Unity needs gRPC
        from mlagents_tf.envs.unity.env import UnityEnv
        from mlagents_tf.envs.unity.launch import connect

        options = unity or UnityOptions()
        return UnityEnv(connect(name, options, seed=seed, num_areas=num_areas), options.engine)
    if name in EMBEDDED:
        return EMBEDDED[name](num_areas, seed)
    if name.startswith(GYMNASIUM_PREFIX):
        # only who asks for Gymnasium needs it installed
        from mlagents_tf.envs.gymnasium import GymnasiumEnv

        env_id = name.removeprefix(GYMNASIUM_PREFIX)
        return GymnasiumEnv(env_id, 1 if num_areas is None else num_areas, seed, drawable=drawable)
    raise EnvError(_unknown(name))


def check_name(name: str) -> None:
    """Raise EnvError, with what may have been meant, if `make_env` would not know `name`."""
    if is_build(name):
        from mlagents_tf.envs.unity.launch import find_executable

        find_executable(name)
    elif name not in EMBEDDED and not name.startswith(GYMNASIUM_PREFIX):
        raise EnvError(_unknown(name))


def is_build(name: str) -> bool:
    """Whether `name` is the path of a Unity build: it looks like one, or there is such a file."""
    if name in EMBEDDED or name.startswith(GYMNASIUM_PREFIX):
        return False
    looks_like = "/" in name or os.sep in name or name.endswith(BUILD_ENDINGS)
    return looks_like or any(Path(name + end).exists() for end in ("", *BUILD_ENDINGS))


def _unknown(name: str) -> str:
    """Why `name` cannot be made, and what may have been meant."""
    known = ", ".join(row.name for row in list_envs())
    folded = {embedded.casefold(): embedded for embedded in EMBEDDED}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f" Did you mean '{folded[near[0]]}'?" if near else ""
    return (
        f"'{name}' is no embedded environment, and no Unity build is here.{hint} "
        f"Known names: {known}, gym:ID for any Gymnasium environment, and paths of Unity builds."
    )
