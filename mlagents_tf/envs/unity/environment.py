"""A Unity player, driven by hand: the environment that scripts for ML-Agents open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.envs.env import check_actions
from mlagents_tf.envs.unity.agent_steps import (
    DecisionSteps,
    TerminalSteps,
    decision_steps,
    terminal_steps,
)
from mlagents_tf.envs.unity.base_env import BaseEnv, BehaviorMapping
from mlagents_tf.envs.unity.behavior_spec import ActionTuple, BehaviorSpec, behavior_spec
from mlagents_tf.envs.unity.connection import Heard
from mlagents_tf.envs.unity.exception import (
    UnityActionException,
    UnityEnvironmentException,
    UnityException,
    UnityObservationException,
)
from mlagents_tf.envs.unity.launch import BUILD_PORT, EDITOR_PORT, connect
from mlagents_tf.envs.unity.options import UnityOptions
from mlagents_tf.envs.unity.side_channel.side_channel import SideChannel
from mlagents_tf.envs.unity.side_channel.side_channel_manager import SideChannelManager
from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.messages import API_VERSION, Capability
from mlagents_tf.steps import Actions, Step, no_actions

Steps = tuple[DecisionSteps, TerminalSteps]


class AcademyCapabilities(NamedTuple):
    """What a player knows of, named as the protocol names it."""

    baseRLCapabilities: bool  # noqa: N815
    concatenatedPngObservations: bool  # noqa: N815
    compressedChannelMapping: bool  # noqa: N815
    hybridActions: bool  # noqa: N815
    trainingAnalytics: bool  # noqa: N815
    variableLengthObservation: bool  # noqa: N815
    multiAgentGroups: bool  # noqa: N815


class UnityEnvironment(BaseEnv):
    """A Unity build that is started, or an Editor that is waited for.

    Attributes:
        academy_capabilities: what the player knows of.
    """

    API_VERSION: ClassVar[str] = API_VERSION
    DEFAULT_EDITOR_PORT: ClassVar[int] = EDITOR_PORT
    BASE_ENVIRONMENT_PORT: ClassVar[int] = BUILD_PORT

    def __init__(  # eleven, as scripts give them by place or by name
        self,
        file_name: str | None = None,
        worker_id: int = 0,
        base_port: int | None = None,
        seed: int = 0,
        no_graphics: bool = False,
        no_graphics_monitor: bool = False,
        timeout_wait: int = 60,
        additional_args: Sequence[str] | None = None,
        side_channels: Sequence[SideChannel] | None = None,
        log_folder: str | None = None,
        num_areas: int = 1,
    ) -> None:
        """Starts the build, or waits until Play is pressed, and greets the player.

        Args:
            file_name: of the build, with or without its ending; None = the Editor.
            worker_id: number of this environment, which is added to the port; 0 for the Editor.
            base_port: None = 5004 for the Editor, for builds 5005 or the next free one.
            seed: of the player's random numbers.
            no_graphics: no window and no rendering.
            no_graphics_monitor: the same for all workers but 0.
            timeout_wait: seconds to wait for each message.
            additional_args: of the build's command line.
            side_channels: through which the script and the scene talk; one of each id.
            log_folder: where the build writes `Player-<worker_id>.log`.
            num_areas: copies of the training area that the scene is to make.

        Raises:
            UnityException: the build is missing, the port is taken, or nobody comes.
        """
        self._channels = SideChannelManager(side_channels)
        options = UnityOptions(
            worker_id=worker_id,
            base_port=base_port,
            timeout=timeout_wait,
            args=tuple(additional_args or ()),
            no_graphics=no_graphics or (no_graphics_monitor and worker_id != 0),
            log_folder=None if log_folder is None else Path(log_folder),
        )
        self._connection = connect(file_name, options, seed=seed, num_areas=num_areas)
        knows = self._connection.player.capabilities
        self.academy_capabilities = AcademyCapabilities(*(each in knows for each in Capability))
        self._closed = False
        self._begun = False
        self._specs: dict[str, BehaviorSpec] = {}
        self._heard: dict[str, Step] = {}
        self._steps: dict[str, Steps] = {}
        self._actions: dict[str, Actions] = {}

    def __enter__(self) -> UnityEnvironment:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def behavior_specs(self) -> Mapping[str, BehaviorSpec]:
        """Of each behavior that has had agents; read-only, may grow."""
        return BehaviorMapping(self._specs)

    def reset(self) -> None:
        """Begins anew; every agent starts an episode."""
        self._check_open()
        with _as_unity_exceptions():
            self._hear(self._connection.reset(self._channels.generate_side_channel_messages()))
        self._begun = True

    def step(self) -> None:
        """Goes on until agents end or ask for decisions; the first time it is a reset.

        Agents whose behavior was given no actions do nothing: zeros.
        """
        if not self._begun:
            self.reset()
            return
        self._check_open()
        actions = {
            name: self._actions[name] if name in self._actions else self._no_actions(name)
            for name, step in self._heard.items()
            if step.num_deciding
        }
        with _as_unity_exceptions():
            messages = self._channels.generate_side_channel_messages()
            self._hear(self._connection.step(actions, messages))

    def close(self) -> None:
        """Tells the player to stop and waits for its end; may be called twice."""
        self._closed = True
        self._connection.close()

    def get_steps(self, behavior_name: str) -> Steps:
        """Agents of a behavior that ask for a decision now, and those that have just ended."""
        spec = self.get_behavior_spec(behavior_name)
        if behavior_name not in self._steps:
            step = self._heard.get(behavior_name)
            if step is None:
                self._steps[behavior_name] = DecisionSteps.empty(spec), TerminalSteps.empty(spec)
            else:
                actions = self._connection.specs[behavior_name].actions
                self._steps[behavior_name] = decision_steps(step, actions), terminal_steps(step)
        return self._steps[behavior_name]

    def set_actions(self, behavior_name: str, action: ActionTuple | NDArray[Any]) -> None:
        """Actions of all agents of a behavior that ask for a decision, in their order."""
        rows = len(self.get_steps(behavior_name)[0])
        self._actions[behavior_name] = self._checked(behavior_name, action, rows)

    def set_action_for_agent(
        self, behavior_name: str, agent_id: int, action: ActionTuple | NDArray[Any]
    ) -> None:
        """The action of one agent; those of its behavior that get none do nothing."""
        deciding = self.get_steps(behavior_name)[0]
        if agent_id not in deciding.agent_id_to_index:
            raise IndexError(
                f"{behavior_name}: agent {agent_id} does not ask for a decision; those that do: "
                f"{deciding.agent_id.tolist()}."
            )
        if not isinstance(action, ActionTuple):
            action = np.atleast_2d(action)
        one = self._checked(behavior_name, action, 1)
        if behavior_name not in self._actions:
            self._actions[behavior_name] = self._no_actions(behavior_name)
        index = deciding.agent_id_to_index[agent_id]
        for part, own in zip(self._actions[behavior_name], one, strict=True):
            part[index] = own[0]

    def _hear(self, heard: Heard) -> None:
        """What the player answers becomes what can be looked at; old actions are forgotten."""
        self._actions = {}
        self._steps = {}
        self._heard = heard.steps
        for name, spec in self._connection.specs.items():
            if name not in self._specs:
                self._specs[name] = behavior_spec(spec)
        self._channels.process_side_channel_message(heard.side_channel)

    def _check_open(self) -> None:
        if self._closed:
            raise UnityEnvironmentException("the environment is closed; open another one.")

    def _no_actions(self, name: str) -> Actions:
        return no_actions(self._connection.specs[name].actions, self._heard[name].num_deciding)

    def _checked(self, name: str, action: ActionTuple | NDArray[Any], rows: int) -> Actions:
        """Actions of our own, copied, if they fit the behavior and `rows` agents.

        Raises:
            UnityActionException: they do not.
        """
        spec = self._connection.specs[name].actions
        if not isinstance(action, ActionTuple):
            discrete = self._specs[name].is_action_discrete()
            action = ActionTuple(discrete=action) if discrete else ActionTuple(action)
        if action.continuous is None:
            raise UnityActionException(f"{name}: an ActionTuple without actions; add some.")
        actions = Actions(action.continuous.copy(), action.discrete.copy())
        branches = np.array(spec.discrete_branches, np.uint32)
        try:
            check_actions(name, actions, spec, rows, branches)
        except EnvError as error:
            raise UnityActionException(str(error)) from None
        return actions


@contextmanager
def _as_unity_exceptions() -> Iterator[None]:
    """Scripts catch UnityException: so what cannot be read of observations becomes one."""
    try:
        yield
    except UnityException:
        raise
    except EnvError as error:
        raise UnityObservationException(str(error)) from error
