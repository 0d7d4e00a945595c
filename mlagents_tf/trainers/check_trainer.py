"""The contract of every trainer, executable: for trainers of your own, call it from a test."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.replay_file import load_replay, save_replay
from mlagents_tf.errors import ContractError
from mlagents_tf.rewards.check_signal import SPECS, random_obs
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, Step, make_step
from mlagents_tf.trainers.trainer import Trainer, TrainerState

MakeTrainer = Callable[[str, Spec, int], Trainer]

NUM_AGENTS = 6


def check_trainer(
    make_trainer: MakeTrainer,
    specs: Mapping[str, Spec] = SPECS,
    seed: int = 0,
    max_steps: int = 10_000,
) -> None:
    """Raises unless a trainer keeps the contract on random steps of every spec.

    One update changes weights and returns finite numbers; it is compiled once; a trainer that
    loads the state of another takes the same actions and makes the same update, to the last bit;
    a state that was handed out does not change any more; and while an update is computed, the
    trainer acts and remembers.

    Args:
        make_trainer: makes one of (behavior, spec, seed); give it a small buffer and network.
        specs: what to try, by a name for messages.
        seed: of the steps and of the trainers.
        max_steps: environment steps after which a trainer that never asks for an update fails.

    Raises:
        ContractError: says which promise was broken on which spec.
    """
    for name, spec in specs.items():
        _Check(name, spec, seed, max_steps).run(make_trainer)


class _Check:
    """One spec's."""

    def __init__(self, name: str, spec: Spec, seed: int, max_steps: int) -> None:
        self.name = name
        self.spec = spec
        self.seed = seed
        self.max_steps = max_steps

    def run(self, make_trainer: MakeTrainer) -> None:
        def made(seed: int) -> Trainer:
            trainer = make_trainer(self.name, self.spec, seed)
            trainer.prepare()
            return trainer

        trainer, world = made(self.seed), RandomWorld(self.spec, self.seed)
        trainer.observe(world.step)
        before = _copied(trainer.weights())
        self._play(trainer, world)
        self._check_statistics(trainer.update())
        if not _differences(before, trainer.weights()):
            self._fail("an update left every weight as it was")

        for _ in range(3):  # so that decisions and open stories are part of what is stored
            self._turn(trainer, world)
        state, world_then = trainer.state(), copy.deepcopy(world)
        arrays, replay = _copied(state.arrays), _stored(trainer.replay)
        taken = self._play(trainer, world)
        statistics = trainer.update()
        if changed := _differences(arrays, state.arrays):
            self._fail(f"training on changed a state that was handed out before: {changed[0]}")
        self._check_compiled_once(trainer)

        other = made(self.seed + 1)
        other.load_state(TrainerState(arrays, self._through_json(state.facts)))
        _put_back(other.replay, replay)
        self._check_same_future(trainer, other, world_then, taken, statistics)
        self._check_parts(trainer, world)

    def _check_same_future(
        self,
        trainer: Trainer,
        other: Trainer,
        world: RandomWorld,
        taken: list[Actions],
        statistics: Mapping[str, float],
    ) -> None:
        again = self._play(other, world)
        for turn, (one, two) in enumerate(zip(taken, again, strict=False)):
            if any((a != b).any() for a, b in zip(one, two, strict=True)):
                self._fail(f"{turn + 1} turns after loading a state, other actions were taken")
        if len(taken) != len(again):
            self._fail(
                f"an update was due after {len(taken)} turns, after loading the state it was due "
                f"after {len(again)}"
            )
        other_statistics = other.update()
        if dict(statistics) != other_statistics:
            self._fail(
                f"the update after loading a state returned {other_statistics}, without loading "
                f"it returned {dict(statistics)}"
            )
        if different := _differences(trainer.weights(), other.weights()):
            self._fail(f"the update after loading a state gave other weights: {different}")
        if other.steps != trainer.steps:
            self._fail(f"counted {trainer.steps} steps, and {other.steps} after loading a state")

    def _check_parts(self, trainer: Trainer, world: RandomWorld) -> None:
        self._play(trainer, world)
        update = trainer.begin_update()
        self._turn(trainer, world)
        memory, steps, generator = _copied(trainer.memory.state()), trainer.steps, trainer.rng
        drawn = copy.deepcopy(generator.bit_generator.state)
        outcome = update.compute()
        if changed := _differences(memory, trainer.memory.state()):
            self._fail(f"what an update computes changed the memory: {changed[0]}")
        if steps != trainer.steps or drawn != generator.bit_generator.state:
            self._fail("what an update computes counted steps or drew from the generator")
        self._turn(trainer, world)
        self._check_statistics(update.finish(outcome))

    def _turn(self, trainer: Trainer, world: RandomWorld) -> Actions:
        actions = trainer.act(world.step)
        self._check_actions(actions, world.step)
        trainer.observe(world.advance())
        return actions

    def _play(self, trainer: Trainer, world: RandomWorld) -> list[Actions]:
        """Turns until an update is due."""
        taken: list[Actions] = []
        while not trainer.ready():
            if len(taken) == self.max_steps:
                self._fail(f"no update was due after {self.max_steps} turns")
            taken.append(self._turn(trainer, world))
        return taken

    def _check_actions(self, actions: Actions, step: Step) -> None:
        spec, deciding = self.spec.actions, step.deciding()
        n = len(deciding.agent_ids)
        sizes = ((n, spec.continuous_size), (n, spec.num_branches))
        shapes = (actions.continuous.shape, actions.discrete.shape)
        if shapes != sizes:
            self._fail(f"actions have shapes {shapes}, {sizes} were asked for")
        if not (np.abs(actions.continuous) <= 1.0).all():
            self._fail("continuous actions are outside of [-1, 1]")
        for branch, options in enumerate(spec.branch_slices()):
            chosen = actions.discrete[:, branch]
            if ((chosen < 0) | (chosen >= options.stop - options.start)).any():
                self._fail(f"branch {branch} has no option {chosen.min()} or {chosen.max()}")
            allowed = deciding.allowed_actions
            if allowed is not None and not allowed[:, options][np.arange(n), chosen].all():
                self._fail(f"a forbidden option of branch {branch} was taken")

    def _check_statistics(self, statistics: Mapping[str, float]) -> None:
        if not statistics:
            self._fail("an update returned no statistics")
        for tag, value in statistics.items():
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                self._fail(f"the statistic {tag} is {value!r}, not a finite number")

    def _check_compiled_once(self, trainer: Trainer) -> None:
        for attribute, value in vars(trainer).items():
            for function in value.values() if isinstance(value, dict) else [value]:
                counter = getattr(function, "experimental_get_tracing_count", lambda: 0)
                if counter() > 1:
                    self._fail(f"{attribute} was compiled {counter()} times in two updates")

    def _through_json(self, facts: dict[str, Any]) -> dict[str, Any]:
        try:
            loaded: dict[str, Any] = json.loads(json.dumps(facts))
        except (TypeError, ValueError) as error:
            raise ContractError(
                f"{self.name}: the facts of a state are not JSON: {error}"
            ) from None
        return loaded

    def _fail(self, what: str) -> None:
        raise ContractError(f"{self.name}: {what}")


class RandomWorld:
    """Random observations, rewards, masks and ends of agents that begin anew at once.

    Agents are in groups of three; who begins anew joins the group of the one who ended.
    """

    def __init__(self, spec: Spec, seed: int, num_agents: int = NUM_AGENTS) -> None:
        self.spec = spec
        self.rng = np.random.default_rng(seed)
        self.ids = np.arange(num_agents)
        self.groups = 1 + np.arange(num_agents) // 3
        self.next_id = num_agents
        self.step = self._step(self.ids, np.zeros(num_agents, np.bool_))

    def advance(self) -> Step:
        """The next step: who ended stands in it twice, under the old id and a new one."""
        ended = self.rng.random(len(self.ids)) < 0.1
        count = np.count_nonzero(ended)
        ids = np.concatenate([self.ids, np.arange(self.next_id, self.next_id + count)])
        self.groups = np.concatenate([self.groups, self.groups[ended]])
        self.step = self._step(ids, np.concatenate([ended, np.zeros(count, np.bool_)]))
        self.next_id += count
        deciding = self.step.deciding()
        self.ids, self.groups = deciding.agent_ids, deciding.group_ids
        return self.step

    def _step(self, ids: NDArray[np.int64], ended: NDArray[np.bool_]) -> Step:
        rng, n = self.rng, len(ids)
        terminated = ended & (rng.random(n) < 0.5)
        allowed = rng.random((n, self.spec.actions.num_discrete)) < 0.7
        for options in self.spec.actions.branch_slices():
            allowed[np.arange(n), rng.integers(options.start, options.stop, n)] = True
        return make_step(
            ids,
            random_obs(self.spec, n, rng),
            rng.standard_normal(n, np.float32),
            allowed_actions=allowed if self.spec.actions.num_branches else None,
            group_ids=self.groups,
            terminated=terminated,
            interrupted=ended & ~terminated,
        )


def _stored(replay: Replay | None) -> bytes:
    """What a commit would hold of a replay."""
    if replay is None:
        return b""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "replay.hdf5"
        save_replay(path, replay)
        return path.read_bytes()


def _put_back(replay: Replay | None, stored: bytes) -> None:
    if replay is None:
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "replay.hdf5"
        path.write_bytes(stored)
        load_replay(path, replay)


def _copied(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: np.array(array) for name, array in arrays.items()}


def _differences(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> list[str]:
    """Names of arrays that are not the same to the last bit."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one or name not in other or not np.array_equal(one[name], other[name])
    ]
