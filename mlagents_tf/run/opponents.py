"""Self-play: one team learns, the others are played by earlier selves (Bansal et al. 2018).

For each behavior with `self_play` a ladder keeps snapshots of its policy and ratings. Whoever does
not learn now acts with the frozen weights of a snapshot, or of the newest policy, all of its agents
in one pass; what it experiences is not learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.run.ladder import Ladder, Opponent
from mlagents_tf.run.matches import Matches
from mlagents_tf.run.ratings import expected_score
from mlagents_tf.run.storage import load_arrays, load_json, save_arrays, save_json
from mlagents_tf.settings.names import team_of
from mlagents_tf.settings.run import RunSettings
from mlagents_tf.steps import Actions, IntArray, Step
from mlagents_tf.trainers.checks import check_step
from mlagents_tf.trainers.trainer import Trainer, under

FILE = "self_play"
"""In a commit, as .json and .npz."""
STREAM = 7
"""Of the generator, so that it draws otherwise than those of trainers and environments."""


class SelfPlay:
    """Decides which team learns and who plays the others, for all behaviors with `self_play`.

    Teams learn in turn, in the order in which they were met.

    Args:
        settings: of the run, with a seed.
        notify: called with each one-line remark for the user.
        warn: called with each one-line remark that the user should act on.

    Attributes:
        ladders: by trainer.
    """

    def __init__(
        self, settings: RunSettings, notify: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        self.ladders: dict[str, Ladder] = {}
        self._rng = np.random.default_rng((settings.env_settings.seed, STREAM))
        self._teams: list[int] = []  # the one that learns first
        self._matches: dict[str, Matches] = {}  # of teams, by the environment's behavior
        self._notify = notify
        self._warn = warn
        self._warned = False

    def opponent(self, behavior: str) -> Opponent | None:
        """Who plays a behavior of the environment, unless it learns."""
        for ladder in self.ladders.values():
            if ladder.teams.get(behavior, self._teams[0]) != self._teams[0]:
                return ladder.opponents[behavior]
        return None

    def act(self, opponent: Opponent, step: Step) -> Actions:
        """What an opponent does."""
        return opponent.seat.act(step, self._rng)

    def observe(self, behavior: str, trainer: Trainer, step: Step) -> bool:
        """Takes in what came of a behavior's actions; returns whether it is to be learned from.

        Raises:
            EnvError: what `Trainer.observe` raises, of an opponent's step.
        """
        if trainer.settings.self_play is None:
            return True
        ladder = self.ladders.get(trainer.behavior) or self._begin(trainer)
        if behavior not in ladder.teams:
            self._meet(behavior, ladder)
        if ladder.teams[behavior] == self._teams[0]:
            self._rate(behavior, ladder, step)
            return True
        check_step(behavior, trainer.spec, step)
        ladder.steps += step.num_deciding
        return False

    def _begin(self, trainer: Trainer) -> Ladder:
        ladder = self.ladders[trainer.behavior] = Ladder(trainer)
        ladder.save()
        return ladder

    def _meet(self, behavior: str, ladder: Ladder) -> None:
        team = team_of(behavior)
        ladder.teams[behavior] = team
        if team not in self._teams:
            self._teams.append(team)
        if team != self._teams[0]:
            ladder.seat(behavior, self._teams[0], self._rng)

    def _rate(self, behavior: str, ladder: Ladder, step: Step) -> None:
        """Lets the results of the learning team count; those of one step count together."""
        _, ended = self._matches.setdefault(behavior, Matches()).observe(step)
        scores = ended.scores[~ended.interrupted]
        opponents = list(self._opponents())
        if not len(scores) or not opponents:
            return
        theirs = float(np.mean([opponent.rated.elo for opponent in opponents]))
        change = float(scores.sum()) - len(scores) * expected_score(ladder.elo, theirs)
        ladder.elo += change
        for opponent in opponents:
            opponent.rated.elo -= change

    def _opponents(self) -> Iterator[Opponent]:
        """Who plays now."""
        for ladder in self.ladders.values():
            for behavior in ladder.opposing(self._teams[0]):
                yield ladder.opponents[behavior]

    @property
    def due(self) -> bool:
        """Whether `advance` would do something."""
        return self._change_due() or any(
            ladder.save_due or ladder.swap_due for ladder in self.ladders.values()
        )

    def advance(self) -> bool:
        """Takes snapshots, exchanges opponents and lets another team learn, where that is due.

        Returns:
            Whether another team learns now, for which every episode has to begin anew.
        """
        for ladder in self.ladders.values():
            if ladder.save_due:
                ladder.save()
        changed = self._change_due()
        if changed:
            self._change()
        for ladder in self.ladders.values():
            if changed or ladder.swap_due:
                ladder.swap(self._teams[0], self._rng)
        return changed

    def _learning(self, team: int) -> list[Ladder]:
        """Who learns while it is the turn of a team."""
        return [ladder for ladder in self.ladders.values() if ladder.has(team)]

    def _change_due(self) -> bool:
        waiting = [team for team in self._teams[1:] if self._unfinished(team)]
        if not waiting:
            return False
        learning = self._learning(self._teams[0])
        return not self._unfinished(self._teams[0]) or any(each.change_due for each in learning)

    def _unfinished(self, team: int) -> bool:
        return any(not ladder.trainer.finished for ladder in self._learning(team))

    def _change(self) -> None:
        for ladder in self._learning(self._teams[0]):
            ladder.changed = ladder.trainer.steps
        self._teams.append(self._teams.pop(0))
        while not self._unfinished(self._teams[0]):
            self._teams.append(self._teams.pop(0))
        names = [ladder.trainer.behavior for ladder in self._learning(self._teams[0])]
        self._notify(f"Self-play: team {self._teams[0]} learns now ({', '.join(names)}).")

    def elo(self, name: str) -> float | None:
        """The rating of a trainer's policy, or None without self-play; warns of a lonely team."""
        if name not in self.ladders:
            return None
        if len(self._teams) == 1 and not self._warned:
            self._warned = True
            self._warn(
                f"behavior {name}: self_play is set, but only team {self._teams[0]} has agents, so "
                "there is nobody to play against. Set other Team Ids in Unity, or take self_play "
                "out."
            )
        return self.ladders[name].elo

    def abandon(self, behavior: str | None = None, agent_ids: IntArray | None = None) -> None:
        """Cuts what agents [N] of a behavior were doing, or all agents."""
        chosen = list(self._matches) if behavior is None else [behavior]
        for name in chosen:
            if name in self._matches:
                self._matches[name].forget(agent_ids)
        for ladder in self.ladders.values():
            for name, opponent in ladder.opponents.items():
                if behavior in (None, name):
                    opponent.seat.memories.forget(agent_ids)

    def write(self, directory: Path) -> None:
        """Puts everything that decides the future into a commit."""
        if not self.ladders:
            return
        ladders: list[dict[str, Any]] = []  # in their order, which decides who draws first
        arrays: dict[str, NDArray[Any]] = {}
        for name, ladder in self.ladders.items():
            stored, parts = ladder.state()
            ladders.append(stored)
            arrays |= {f"ladders/{name}/{key}": array for key, array in parts.items()}
        for name, matches in self._matches.items():
            arrays |= {f"matches/{name}/{key}": array for key, array in matches.state().items()}
        facts = {
            "generator": self._rng.bit_generator.state,
            "teams": self._teams,
            "matches": list(self._matches),
            "ladders": ladders,
        }
        save_json(directory / f"{FILE}.json", facts)
        save_arrays(directory / f"{FILE}.npz", arrays)

    def load(self, directory: Path, trainers: Mapping[str, Trainer]) -> None:
        """Goes on where a commit was taken; what it does not hold begins anew."""
        if not (directory / f"{FILE}.json").exists():
            return
        facts = load_json(directory / f"{FILE}.json")
        arrays = load_arrays(directory / f"{FILE}.npz")
        self._rng.bit_generator.state = facts["generator"]
        self._teams = list(facts["teams"])
        for name in facts["matches"]:
            self._matches[name] = Matches()
            self._matches[name].load_state(under(f"matches/{name}/", arrays))
        for stored in facts["ladders"]:
            name = stored["behavior"]
            if trainers[name].settings.self_play is not None:
                ladder = self.ladders[name] = Ladder(trainers[name])
                ladder.load_state(stored, under(f"ladders/{name}/", arrays))
