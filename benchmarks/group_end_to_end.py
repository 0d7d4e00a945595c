"""POCA and self-play from observation to update, in a game that costs next to nothing.

    python benchmarks/group_end_to_end.py poca
    python benchmarks/group_end_to_end.py self_play

The whole of `mlagents_tf.learn` is timed: acting, memory, updates, opponents, statistics.
`group_end_to_end_peers.py` does the same with ML-Agents, `group_peers.py` lets both take turns.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Mapping

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

import mlagents_tf
from mlagents_tf.errors import EnvEndedError
from mlagents_tf.run.ladder import Ladder
from mlagents_tf.run.opponents import SelfPlay
from mlagents_tf.specs import ActionSpec, ObservationSpec, Spec
from mlagents_tf.steps import Actions, Step, make_step, stack_steps
from mlagents_tf.trainers.trainer import Trainer

SPEC = Spec((ObservationSpec((OBSERVATION,)),), ActionSpec(0, (OPTIONS,)))


class World:
    """The game as one of our environments, until the clock is over."""

    def __init__(self, game: Game, clock: Clock) -> None:
        self._game, self._clock = game, clock
        self.specs = dict.fromkeys(game.sides, SPEC)

    def reset(self, parameters: Mapping[str, object] | None = None) -> dict[str, Step]:
        """Every area begins."""
        return self._steps(self._game.reset())

    def step(self, actions: Mapping[str, Actions]) -> dict[str, Step]:
        """One step of every area."""
        if self._clock.over:
            raise EnvEndedError("Everything is measured.")
        return self._steps(self._game.step())

    def close(self) -> None:
        """Nothing to free."""

    def _steps(self, moments: Mapping[str, Moment]) -> dict[str, Step]:
        return {name: _step(seen, self._game.sides[name]) for name, seen in moments.items()}


def _step(seen: Moment, side: Side) -> Step:
    """Agents whose episode has ended, then all agents."""
    everyone = make_step(seen.ids, (seen.obs,), group_ids=side.groups)
    if not len(seen.ended):
        return everyone
    last = make_step(
        seen.last_ids,
        (seen.last_obs,),
        None if side.grouped else seen.last_rewards,
        terminated=seen.ended >= 0,
        group_ids=side.groups[seen.ended],
        group_rewards=seen.last_rewards if side.grouped else None,
    )
    return stack_steps(last, everyone)


def main() -> None:
    args = arguments(__doc__)
    clock = Clock(args.warm_up, args.seconds, args.windows)
    after_each(Trainer, "update", lambda t: clock.updated(t.behavior, t.steps))
    clock.count(
        (
            (Ladder, "save", "snapshots"),
            (Ladder, "swap", "swaps"),
            (SelfPlay, "_change", "team changes"),
        )
    )
    world = World(Game(args.game, clock), clock)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        chosen = settings(args.game, args.hidden_units)
        mlagents_tf.learn(chosen, world, run_id="game", results_dir=folder, seed=0)
    print(json.dumps({"library": "mlagents_tf", "game": args.game} | clock.report()))


if __name__ == "__main__":
    main()
