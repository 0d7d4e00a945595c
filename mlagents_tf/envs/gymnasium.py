"""Gymnasium environments as an `Env`, by their own vector version where they have one."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import Parameters, check_actions
from mlagents_tf.errors import EnvError
from mlagents_tf.specs import Spec
from mlagents_tf.steps import (
    Actions,
    BoolArray,
    FloatArray,
    Step,
    make_step,
    no_actions,
    stack_steps,
)

try:
    import gymnasium
    from gymnasium.vector import AutoresetMode
    from gymnasium.vector.utils import concatenate, create_empty_array
except ImportError as missing:
    raise EnvError(
        "gym:ID needs the package gymnasium, which is not installed; pip install gymnasium."
    ) from missing

from mlagents_tf.envs.gymnasium_parameters import DeclaredParameters
from mlagents_tf.envs.gymnasium_spaces import Seen, actions_of, observations_of

Rows = tuple[NDArray[np.generic], ...]
"""One array [n, *shape] for each observation."""


class GymnasiumEnv:
    """Copies of one Gymnasium environment as areas of one behavior, which has the id's last part.

    Most vector environments can begin an ended area at once, so that its last row and its first
    stand in the same step. Those that begin it within their next step (NEXT_STEP) make the area
    wait: its first row comes one step later, at once if every area waits.
    """

    def __init__(
        self, env_id: str, num_areas: int = 1, seed: int = 0, *, drawable: bool = False
    ) -> None:
        if num_areas < 1:
            raise EnvError(f"gym:{env_id}: num_areas is {num_areas}; give 1 or more.")
        self.behavior = env_id.rpartition(":")[2].rpartition("/")[2]
        self.num_areas = num_areas
        self._parameters = DeclaredParameters(env_id)
        self._vector = _make_vector(env_id, num_areas, drawable, self._parameters)
        self._autoreset = self._vector.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._space = self._vector.single_observation_space
        try:
            self._seen: list[Seen] = observations_of(self._space)
            taken = actions_of(self._vector.single_action_space)
        except EnvError as error:
            raise EnvError(f"gym:{env_id}: {error}") from None
        self._write = taken.write
        self._specs = {
            self.behavior: Spec(tuple(seen.spec for seen in self._seen), taken.spec),
        }
        self._branches = np.asarray(taken.spec.discrete_branches, np.uint32)
        self._seed: int | None = seed
        self._ids = np.zeros(num_areas, np.int64)
        self._num_ids = 0
        self._waiting = np.zeros(num_areas, np.bool_)
        self._running = False

    @property
    def specs(self) -> Mapping[str, Spec]:
        """The one behavior's spec, by its name."""
        return self._specs

    @property
    def unknown_parameters(self) -> set[str]:
        """Names that were given and that the environment does not declare."""
        return self._parameters.unknown

    def reset(self, parameters: Parameters | None = None) -> dict[str, Step]:
        """Begin an episode in every area."""
        self._parameters.set(parameters or {})
        batch, _ = self._vector.reset(seed=self._seed)
        self._seed = None  # later episodes go on in the environment's own stream
        self._waiting = np.zeros(self.num_areas, np.bool_)
        self._running = True
        self._give_ids(~self._waiting)
        return {self.behavior: make_step(self._ids, self._read(batch))}

    def set_parameters(self, parameters: Parameters) -> None:
        """New parameters without a reset; they hold for the episodes that begin from now on."""
        self._parameters.set(parameters)

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """Step every area that decides; begin those that ended."""
        batch, rewards, terminated, truncated, infos = self._vector.step(self._batch(actions))
        ended = np.logical_or(terminated, truncated)
        earned = np.array(rewards, np.float32)
        if not ended.any() and not self._waiting.any():
            step = make_step(self._ids, self._read(batch), earned)
        else:
            step = self._eventful(batch, earned, ended, np.array(terminated, np.bool_), infos)
        return {self.behavior: step}

    def close(self) -> None:
        """Close the vector environment."""
        self._vector.close()

    def render(self) -> NDArray[np.uint8]:
        """[H, W, 3] picture of the first area; needs `drawable=True`."""
        try:
            frames = self._vector.render()
        except gymnasium.error.DependencyNotInstalled as error:
            raise EnvError(f"{self.behavior}: cannot be drawn: {error}.") from error
        if not frames:
            raise EnvError(f"{self.behavior}: made without drawable=True, so it draws nothing.")
        return np.asarray(frames[0], np.uint8)

    def _batch(self, actions: Mapping[str, Actions]) -> Any:
        """Values for every area's action space; waiting areas get zeros that nobody reads."""
        if not self._running:
            raise EnvError(f"{self.behavior}: step was called before reset.")
        if len(actions) != 1 or self.behavior not in actions:
            raise EnvError(
                f"{self.behavior}: actions were given for {sorted(actions)}; "
                f"this environment has the behavior '{self.behavior}' alone."
            )
        mine, spec = actions[self.behavior], self._specs[self.behavior].actions
        num_waiting = int(np.count_nonzero(self._waiting))
        check_actions(self.behavior, mine, spec, self.num_areas - num_waiting, self._branches)
        if num_waiting:
            everyone = no_actions(spec, self.num_areas)
            everyone.continuous[~self._waiting] = mine.continuous
            everyone.discrete[~self._waiting] = mine.discrete
            mine = everyone
        return self._write(mine)

    def _eventful(
        self,
        batch: Any,
        rewards: FloatArray,
        ended: BoolArray,
        terminated: BoolArray,
        infos: Mapping[str, Any],
    ) -> Step:
        """Ended rows, then those that decide.

        Args:
            batch: observations [A] of the vector environment.
            rewards, ended, terminated: [A].
            infos: the vector environment's, which may hold the last observations.
        """
        obs = self._read(batch)
        areas = np.flatnonzero(ended)
        same_step = self._autoreset == AutoresetMode.SAME_STEP
        gone = make_step(
            self._ids[areas],
            self._final_obs(infos, ended) if same_step else _rows(obs, areas),
            rewards[areas],
            terminated=terminated[areas],
            interrupted=~terminated[areas],
        )
        if self._autoreset == AutoresetMode.NEXT_STEP:
            return stack_steps(gone, self._those_left(obs, rewards, ended))
        if self._autoreset == AutoresetMode.DISABLED:
            obs = self._read(self._vector.reset(options={"reset_mask": ended})[0])
        rewards[ended] = 0.0
        self._give_ids(ended)
        return stack_steps(gone, make_step(self._ids, obs, rewards))

    def _those_left(self, obs: Rows, rewards: FloatArray, ended: BoolArray) -> Step:
        """Deciding rows where ended areas wait for the next step; if all do, that step is taken."""
        rewards[self._waiting] = 0.0
        self._give_ids(self._waiting)
        self._waiting = ended
        if ended.all():
            nothing = no_actions(self._specs[self.behavior].actions, self.num_areas)
            obs = self._read(self._vector.step(self._write(nothing))[0])
            rewards = np.zeros(self.num_areas, np.float32)
            self._give_ids(ended)
            self._waiting = ~ended
        areas = np.flatnonzero(~self._waiting)
        return make_step(self._ids[areas], _rows(obs, areas), rewards[areas])

    def _read(self, batch: Any) -> Rows:
        """Fresh arrays of all observations from a batch of the observation space."""
        return tuple(seen.read(batch) for seen in self._seen)

    def _final_obs(self, infos: Mapping[str, Any], ended: BoolArray) -> Rows:
        """Last observations of the ended areas, in their order."""
        if "final_obs" not in infos:
            raise EnvError(f"{self.behavior}: episodes ended without infos['final_obs'].")
        finals = infos["final_obs"][ended]
        empty = create_empty_array(self._space, len(finals))
        return self._read(concatenate(self._space, finals, empty))

    def _give_ids(self, begins: BoolArray) -> None:
        """New ids for the areas where an episode begins."""
        ids = self._ids.copy()
        count = int(np.count_nonzero(begins))
        ids[begins] = self._num_ids + np.arange(count)
        self._ids = ids
        self._num_ids += count


def _rows(obs: Rows, areas: NDArray[np.int64]) -> Rows:
    return tuple(array[areas] for array in obs)


def _make_vector(
    env_id: str, num_areas: int, drawable: bool, parameters: DeclaredParameters
) -> Any:
    """Gymnasium's own vector version if there is one, else copies stepped in turn.

    A vector version begins episodes by itself, where no options reach it: only copies can have
    parameters.
    """
    module, _, name = env_id.rpartition(":")
    drawing = {"render_mode": "rgb_array"} if drawable else {}
    try:
        if module:
            importlib.import_module(module)
        spec = gymnasium.spec(name)
        if spec.vector_entry_point is not None and not spec.additional_wrappers:
            mode: dict[str, Any] = {"vectorization_mode": "vector_entry_point"}
        else:
            copies = {"autoreset_mode": AutoresetMode.SAME_STEP, "copy": False}
            wrappers = [parameters.wrap]
            mode = {"vectorization_mode": "sync", "vector_kwargs": copies, "wrappers": wrappers}
        return gymnasium.make_vec(name, num_envs=num_areas, **mode, **drawing)
    except (gymnasium.error.UnregisteredEnv, gymnasium.error.DeprecatedEnv) as error:
        near = difflib.get_close_matches(name, gymnasium.registry, n=1)
        own = "" if module else " If a package registers it, name its module: gym:MODULE:ID."
        prefix = f"gym:{module}:" if module else "gym:"
        hint = f" Did you mean '{prefix}{near[0]}'?" if near else own
        raise EnvError(f"gym:{env_id}: Gymnasium has no such environment.{hint}") from error
    except TypeError as error:
        if drawing and "render_mode" in str(error):
            raise EnvError(f"gym:{env_id}: its vector version cannot be drawn.") from error
        raise
    except (gymnasium.error.Error, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise EnvError(f"gym:{env_id} cannot be made: {reason}") from error
