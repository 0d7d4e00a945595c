"""ML-Agents in the game of `group_end_to_end.py`, run by the Python that has it.

    TORCH/bin/python benchmarks/group_end_to_end_peers.py poca
    TORCH/bin/python benchmarks/group_end_to_end_peers.py self_play --threads 2

What `mlagents-learn` does is done with its own classes: options, writers, trainer factory, ghost
controller, trainer controller and its loop, but for the last checkpoint. The environment is in the
same process, so that what a player costs (a process, a pipe, messages) is not measured.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

import numpy as np
import torch
from mlagents.plugins.stats_writer import register_stats_writer_plugins
from mlagents.plugins.trainer_type import register_trainer_plugins
from mlagents.trainers.environment_parameter_manager import EnvironmentParameterManager
from mlagents.trainers.ghost.controller import GhostController
from mlagents.trainers.ghost.trainer import GhostTrainer
from mlagents.trainers.poca import trainer as poca
from mlagents.trainers.settings import RunOptions
from mlagents.trainers.simple_env_manager import SimpleEnvManager
from mlagents.trainers.stats import StatsReporter
from mlagents.trainers.trainer import TrainerFactory
from mlagents.trainers.trainer.on_policy_trainer import OnPolicyTrainer
from mlagents.trainers.trainer_controller import TrainerController
from mlagents_envs.base_env import (
    ActionSpec,
    ActionTuple,
    BaseEnv,
    BehaviorMapping,
    BehaviorSpec,
    DecisionSteps,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    TerminalSteps,
)
from mlagents_envs.exception import UnityCommunicatorStoppedException
from mlagents_envs.side_channel.environment_parameters_channel import EnvironmentParametersChannel
from numpy.typing import NDArray
from synthetic import (
    OBSERVATION,
    OPTIONS,
    Clock,
    Game,
    Moment,
    Side,
    after_each,
    arguments,
    settings,
)

SPEC = BehaviorSpec(
    [ObservationSpec((OBSERVATION,), (DimensionProperty.NONE,), ObservationType.DEFAULT, "obs")],
    ActionSpec(0, (OPTIONS,)),
)
SEED = 0


class Controller(TrainerController):
    """One that saves nothing when all is over, which needs more packages than training."""

    def _save_models(self) -> None:
        """Not measured."""


class World(BaseEnv):
    """The game as an environment of ML-Agents, until the clock is over."""

    def __init__(self, game: Game, clock: Clock) -> None:
        self._game, self._clock = game, clock
        self._moments: dict[str, Moment] = {}

    @property
    def behavior_specs(self) -> BehaviorMapping:
        return BehaviorMapping(dict.fromkeys(self._game.sides, SPEC))

    def reset(self) -> None:
        self._moments = self._game.reset()

    def step(self) -> None:
        if self._clock.over:
            raise UnityCommunicatorStoppedException("Everything is measured.")
        self._moments = self._game.step()

    def get_steps(self, behavior_name: str) -> tuple[DecisionSteps, TerminalSteps]:
        return _steps(self._moments[behavior_name], self._game.sides[behavior_name])

    def set_actions(self, behavior_name: str, action: ActionTuple) -> None:
        """The game goes its way whatever they are."""

    def set_action_for_agent(self, behavior_name: str, agent_id: int, action: ActionTuple) -> None:
        """The game goes its way whatever it is."""

    def close(self) -> None:
        """Nothing to free."""


def _steps(seen: Moment, side: Side) -> tuple[DecisionSteps, TerminalSteps]:
    """All agents, and those whose episode has ended."""
    nothing = np.zeros(len(seen.ids), np.float32)
    deciding = DecisionSteps([seen.obs], nothing, seen.ids, None, side.groups, nothing)
    if not len(seen.ended):
        return deciding, TerminalSteps.empty(SPEC)
    won, none = seen.last_rewards, np.zeros(len(seen.ended), np.float32)
    ended = TerminalSteps(
        [seen.last_obs],
        none if side.grouped else won,
        none.astype(np.bool_),
        seen.last_ids,
        side.groups[seen.ended],
        won if side.grouped else none,
    )
    return deciding, ended


def repair_poca() -> None:
    """Passes the value of the next step as a number; NumPy since 2.4 takes no array of one."""
    returns = poca.lambda_return

    def repaired(value_next: NDArray[np.float32], **others: Any) -> NDArray[np.float32]:
        return returns(value_next=value_next.item(), **others)

    poca.lambda_return = repaired


def learn(chosen: dict[str, Any], world: World, folder: str) -> None:
    """What `mlagents-learn` does with these settings."""
    run = {"run_id": "game", "results_dir": folder}
    options = RunOptions.from_dict(chosen | {"checkpoint_settings": run})
    place = options.checkpoint_settings.write_path
    os.makedirs(options.checkpoint_settings.run_logs_dir)
    for writer in register_stats_writer_plugins(options):
        StatsReporter.add_writer(writer)
    parameters = EnvironmentParameterManager(options.environment_parameters, SEED, restore=False)
    factory = TrainerFactory(options.behaviors, place, True, False, SEED, parameters)
    controller = Controller(factory, place, "game", parameters, True, SEED)
    controller.start_learning(SimpleEnvManager(world, EnvironmentParametersChannel()))


def main() -> None:
    args = arguments(__doc__)
    register_trainer_plugins()
    repair_poca()
    if args.threads:
        torch.set_num_threads(args.threads)
    clock = Clock(args.warm_up, args.seconds, args.windows)
    after_each(OnPolicyTrainer, "_update_policy", lambda t: clock.updated(t.brain_name, t.get_step))
    clock.count(
        (
            (GhostTrainer, "_save_snapshot", "snapshots"),
            (GhostTrainer, "_swap_snapshots", "swaps"),
            (GhostController, "change_training_team", "team changes"),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        learn(settings(args.game, args.hidden_units), World(Game(args.game, clock), clock), folder)
    facts = {"library": "mlagents", "game": args.game, "threads": torch.get_num_threads()}
    print(json.dumps(facts | clock.report()))


if __name__ == "__main__":
    main()
