"""Present and past of a behavior with self-play: snapshots, ratings, and who plays its teams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.nn.weights import assign_weights, named_weights
from mlagents_tf.run.plugins import make_trainer
from mlagents_tf.run.seats import Seat
from mlagents_tf.settings.behavior import SelfPlaySettings
from mlagents_tf.trainers.trainer import Trainer, under

Arrays = dict[str, NDArray[Any]]


class Rated(Protocol):
    """Who wins and loses.

    Attributes:
        elo: rating.
    """

    elo: float


class Snapshot:
    """A policy as it was once.

    Args:
        weights: by name; nobody changes them.
        steps: of its trainer then.
        elo: its rating, which goes on changing while it plays.
    """

    def __init__(self, weights: Arrays, steps: int, elo: float) -> None:
        self.weights, self.steps, self.elo = weights, steps, elo


class Opponent:
    """Plays one team as a snapshot would.

    Args:
        stand_in: a trainer of the same behavior that never trains.

    Attributes:
        snapshot: whose weights it has.
        rated: whose rating its results change.
        seat: where it acts.
    """

    def __init__(self, stand_in: Trainer) -> None:
        self._stand_in = stand_in
        self.seat = Seat(stand_in.actor)
        self.snapshot: Snapshot
        self.rated: Rated

    def play(self, snapshot: Snapshot, rated: Rated) -> None:
        """Takes the weights of a snapshot."""
        owner = f"a snapshot of behavior {self._stand_in.behavior}"
        policy = self._stand_in.network.policy
        assign_weights(owner, named_weights(policy), snapshot.weights)
        self._stand_in.actor.refresh()
        self.snapshot, self.rated = snapshot, rated


class Ladder:
    """Present and past of one behavior.

    Args:
        trainer: of the behavior.

    Attributes:
        elo: of the present policy.
        pool: snapshots, the oldest first.
        teams: by the behaviors' names in the environment.
        opponents: who plays these, once each has not been learning.
        steps: decisions of opponents.
        saved, changed: steps of the trainer at the latest snapshot and change of teams.
        swapped: decisions of opponents when they were exchanged.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.settings: SelfPlaySettings = trainer.settings.self_play or SelfPlaySettings()
        self.elo = self.settings.initial_elo
        self.pool: list[Snapshot] = []
        self.teams: dict[str, int] = {}
        self.opponents: dict[str, Opponent] = {}
        self.steps = 0
        self.saved = self.changed = trainer.steps
        self.swapped = 0

    @property
    def save_due(self) -> bool:
        """Whether the policy has learned enough for a snapshot."""
        return self.trainer.steps - self.saved > self.settings.save_steps

    @property
    def swap_due(self) -> bool:
        """Whether opponents have played long enough."""
        return self.steps - self.swapped > self.settings.swap_steps

    @property
    def change_due(self) -> bool:
        """Whether the team that learns has learned long enough."""
        return self.trainer.steps - self.changed > self.settings.team_change

    def present(self) -> Snapshot:
        """The policy as it is now."""
        weights = {
            name: np.asarray(weight).copy()
            for name, weight in named_weights(self.trainer.network.policy).items()
        }
        return Snapshot(weights, self.trainer.steps, self.elo)

    def save(self) -> None:
        """Takes a snapshot; the oldest beyond `window` is forgotten."""
        self.pool = [*self.pool, self.present()][-self.settings.window :]
        self.saved = self.trainer.steps

    def swap(self, learning: int, rng: np.random.Generator) -> None:
        """Draws a snapshot, or the newest policy, for each team that does not learn."""
        for behavior in self.opposing(learning):
            self.seat(behavior, learning, rng)
        self.swapped = self.steps

    def seat(self, behavior: str, learning: int, rng: np.random.Generator) -> None:
        """Draws who plays a behavior while another team learns.

        A newest policy that does not learn itself then is rated by what it does as an opponent.
        """
        if behavior not in self.opponents:
            self.opponents[behavior] = self.make_opponent()
        if rng.random() < self.settings.play_against_latest_model_ratio:
            latest = self.present()
            self.opponents[behavior].play(latest, latest if self.has(learning) else self)
        else:
            drawn = self.pool[rng.integers(len(self.pool))]
            self.opponents[behavior].play(drawn, drawn)

    def has(self, team: int) -> bool:
        """Whether it plays that team."""
        return team in self.teams.values()

    def opposing(self, learning: int) -> list[str]:
        """Behaviors of the environment that do not learn."""
        return [behavior for behavior, team in self.teams.items() if team != learning]

    def make_opponent(self) -> Opponent:
        """Somebody who can play any team of it."""
        trainer = self.trainer
        return Opponent(make_trainer(trainer.behavior, trainer.spec, trainer.settings, 0))

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Plain values and arrays that `load_state` takes."""
        playing = [opponent.snapshot for opponent in self.opponents.values()]
        kept = list({id(snapshot): snapshot for snapshot in [*self.pool, *playing]}.values())
        numbers = {id(snapshot): number for number, snapshot in enumerate(kept)}
        arrays = {
            f"snapshots/{number}/{name}": weight
            for number, snapshot in enumerate(kept)
            for name, weight in snapshot.weights.items()
        }
        for behavior, opponent in self.opponents.items():
            memories = opponent.seat.memories.state()
            arrays |= {f"memories/{behavior}/{name}": array for name, array in memories.items()}
        facts = {
            "behavior": self.trainer.behavior,
            "elo": self.elo,
            "teams": list(self.teams.items()),  # lists, since their order decides who draws first
            "snapshots": [{"steps": each.steps, "elo": each.elo} for each in kept],
            "pool": len(self.pool),
            "opponents": [
                (behavior, numbers[id(each.snapshot)], each.rated is self)
                for behavior, each in self.opponents.items()
            ],
            "steps": self.steps,
            "saved": self.saved,
            "changed": self.changed,
            "swapped": self.swapped,
        }
        return facts, arrays

    def load_state(self, facts: Mapping[str, Any], arrays: Arrays) -> None:
        """Goes on where `state()` was taken; a smaller window forgets the oldest."""
        kept = [
            Snapshot(under(f"snapshots/{number}/", arrays), each["steps"], each["elo"])
            for number, each in enumerate(facts["snapshots"])
        ]
        self.pool = kept[: facts["pool"]][-self.settings.window :]
        self.elo, self.teams = facts["elo"], dict(facts["teams"])
        self.steps, self.swapped = facts["steps"], facts["swapped"]
        self.saved, self.changed = facts["saved"], facts["changed"]
        for behavior, number, is_present in facts["opponents"]:
            opponent = self.opponents[behavior] = self.make_opponent()
            opponent.play(kept[number], self if is_present else kept[number])
            opponent.seat.memories.load_state(under(f"memories/{behavior}/", arrays))
