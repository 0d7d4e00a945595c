"""The embedded environments by id; importing this module registers them with Gymnasium.

Gymnasium has had no plugins by entry point since 1.0: whoever registers must be imported. So
`gymnasium.make("mlagents_tf.envs.gymnasium_ids:mlagents_tf/3DBall-v0")`, or an import before.
"""

from __future__ import annotations

from typing import Any

import gymnasium

from mlagents_tf.envs.embedded.world import World
from mlagents_tf.envs.gymnasium_out import EnvAsVectorEnv
from mlagents_tf.envs.gymnasium_single import EnvAsGymEnv
from mlagents_tf.envs.registry import EMBEDDED, make_env
from mlagents_tf.errors import EnvError

NAMESPACE = "mlagents_tf"


def make_single(name: str, **options: Any) -> EnvAsGymEnv:
    """The embedded environment `name` with one area; `options` are those of `EnvAsGymEnv`."""
    return EnvAsGymEnv(lambda seed: make_env(name, num_areas=1, seed=seed), **options)


def make_vector(
    name: str, num_envs: int = 1, render_mode: str | None = None, **options: Any
) -> EnvAsVectorEnv:
    """The embedded environment `name` with `num_envs` agents, stepped together.

    Args:
        name: of the environment.
        num_envs: agents, a multiple of those that share an area.
        render_mode: taken because Gymnasium may pass it; pictures can always be asked for.
        options: those of `EnvAsVectorEnv`.
    """
    areas, rest = divmod(num_envs, WORLDS[name].agents_per_area)
    if rest or not areas:
        raise EnvError(
            f"{name}: num_envs is {num_envs}; {WORLDS[name].agents_per_area} agents share an area, "
            "give a multiple of it."
        )
    return EnvAsVectorEnv(lambda seed: make_env(name, num_areas=areas, seed=seed), **options)


WORLDS = {name: world for name, world in EMBEDDED.items() if issubclass(world, World)}

for _name in WORLDS:  # those with a fixed population
    gymnasium.register(
        f"{NAMESPACE}/{_name}-v0",
        entry_point=f"{__name__}:{make_single.__name__}",
        vector_entry_point=f"{__name__}:{make_vector.__name__}",
        kwargs={"name": _name},
    )
