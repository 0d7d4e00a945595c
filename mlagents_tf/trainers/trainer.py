"""What the run asks of every trainer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from mlagents_tf.data.replay import Replay
from mlagents_tf.data.rows import Episodes
from mlagents_tf.errors import DataError
from mlagents_tf.nn.policies import Policy
from mlagents_tf.nn.weights import HasParts, assign_weights, named_weights
from mlagents_tf.rewards.demonstrations import Demonstrations
from mlagents_tf.rewards.signal import RewardSignal
from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import Spec
from mlagents_tf.steps import Actions, IntArray, Step
from mlagents_tf.trainers.actor import Actor
from mlagents_tf.trainers.checks import check_step
from mlagents_tf.trainers.cloning import BehavioralCloning


class TrainerState(NamedTuple):
    """A trainer at rest: arrays by name, and plain values that JSON can hold."""

    arrays: dict[str, NDArray[Any]]
    facts: dict[str, Any]


class Update(NamedTuple):
    """An update that has been begun: all it needs is taken out of memory.

    Attributes:
        compute: does nothing but what is compiled, so that any thread may call it while the
            trainer acts and remembers. Nothing else may train meanwhile.
        finish: takes what `compute` returned, once, on the thread of the trainer; returns
            statistics by tag, and raises what `Trainer.update` does.
    """

    compute: Callable[[], Any]
    finish: Callable[[Any], dict[str, float]]


class Stateful(Protocol):
    """Something whose arrays decide the future."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays by name that stay as they are."""
        ...

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Continues where `state()` was taken."""
        ...


class Network(HasParts, Protocol):
    """All that a trainer trains."""

    policy: Policy


class Trainer(ABC):
    """Acts, remembers and updates, for one behavior.

    The run calls `act` on the current step, the environment, then `observe` on what came of it,
    and `update` whenever `ready`.

    Args:
        behavior: its name.
        spec: observations and actions.
        settings: of the behavior.
        seed: of the trainer's one generator.

    Attributes:
        steps: decisions that were answered.
        sequence_length: rows that stand together where the network has memory, else 1.
        network: what is trained.
        optimizer: of the network; its slots are part of the state.
        actor: decides with the present weights and remembers nothing.
        memory: what updates draw from.
        replay: the memory of an off-policy trainer. Its rows are no part of `state()`; whoever
            loads a state puts them back, or gives them up, before the trainer goes on.
        signals: streams of rewards, in the order of the value heads.
        cloning: what `behavioral_cloning` asks for.
        expertise: demonstrations that are learned from, each once, by the name of who learns from
            them first. `prepare` fills it.
    """

    network: Network
    optimizer: keras.optimizers.Optimizer
    actor: Actor
    memory: Stateful
    replay: Replay | None = None
    signals: Sequence[RewardSignal] = ()
    cloning: BehavioralCloning | None = None

    def __init__(self, behavior: str, spec: Spec, settings: BehaviorSettings, seed: int) -> None:
        self.behavior = behavior
        self.spec = spec
        self.settings = settings
        self.rng = np.random.default_rng(seed)
        self.steps = 0
        memory = settings.network_settings.memory
        self.sequence_length = memory.sequence_length if memory else 1
        self.expertise: dict[str, Demonstrations] = {}

    def prepare(self) -> list[str]:
        """Reads what is learned from besides the environment: once, before the first update.

        Who only acts does without it.

        Returns:
            Remarks for the log.

        Raises:
            DataError: demonstrations that are missing, damaged or of another spec.
        """
        self.expertise = self._shared_demonstrations()
        remarks = [remark for signal in self.signals for remark in signal.prepare()]
        return remarks + (self.cloning.prepare() if self.cloning else [])

    def _shared_demonstrations(self) -> dict[str, Demonstrations]:
        """Lets all who learn from the same files look at one copy of them."""
        learners: dict[str, RewardSignal | BehavioralCloning] = {s.name: s for s in self.signals}
        if self.cloning is not None:
            learners["behavioral_cloning"] = self.cloning
        first: dict[tuple[Path, str], str] = {}
        shared: dict[str, Demonstrations] = {}
        for name, learner in learners.items():
            if learner.demonstrations is not None:
                learner.demonstrations.sequence_length = self.sequence_length
                owner = first.setdefault(learner.demonstrations.source, name)
                learner.demonstrations = shared.setdefault(owner, learner.demonstrations)
        return shared

    @property
    def finished(self) -> bool:
        """Whether `max_steps` is reached."""
        return self.steps >= self.settings.max_steps

    def observe(self, step: Step) -> Episodes:
        """Learns what came of earlier decisions; returns the episodes that ended.

        Raises:
            EnvError: a wrong shape, a value that is not finite, or a mask that forbids all.
        """
        check_step(self.behavior, self.spec, step)
        return self._remember(step)

    @abstractmethod
    def act(self, step: Step) -> Actions:
        """Decides for the rows of an observed step that have not ended, in their order."""

    @abstractmethod
    def _remember(self, step: Step) -> Episodes:
        """Takes rewards and ends into memory and counts `steps`."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether an update is due."""

    def update(self) -> dict[str, float]:
        """Trains on what is remembered; returns statistics by tag.

        Raises:
            TrainingError: a gradient was not finite; the weights are the last good ones.
        """
        update = self.begin_update()
        return update.finish(update.compute())

    @abstractmethod
    def begin_update(self) -> Update:
        """Takes what an update needs out of memory, which may be filled again at once."""

    @abstractmethod
    def forget(self) -> None:
        """Drops what is remembered without training on it."""

    @abstractmethod
    def abandon(self, agent_ids: IntArray | None = None) -> None:
        """Cuts the stories of agents [N] that have vanished, or of all if it is None.

        All are gone where the environment begins anew, under other ids.
        """

    def weights(self) -> dict[str, NDArray[Any]]:
        """What acting and valuing need, by name."""
        return {name: np.asarray(weight) for name, weight in named_weights(self.network).items()}

    def load_weights(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Puts `weights()` back.

        Raises:
            DataError: names or shapes differ; lists every one that does.
        """
        assign_weights(f"behavior {self.behavior}", named_weights(self.network), arrays)
        self.actor.refresh()

    def state(self) -> TrainerState:
        """Everything that decides the future; the arrays of `weights` stand under `network/`."""
        slots = {f"{i}": np.asarray(slot) for i, slot in enumerate(self.optimizer.variables)}
        parts = {"network": self.weights(), "optimizer": slots}
        parts |= {name: part.state() for name, part in self._parts().items()}
        return TrainerState(
            {
                f"{part}/{name}": array
                for part, arrays in parts.items()
                for name, array in arrays.items()
            },
            {"steps": self.steps, "generator": self.rng.bit_generator.state},
        )

    def load_state(self, state: TrainerState) -> None:
        """Continues exactly where `state()` was taken.

        Raises:
            DataError: an earlier version wrote it, or the network has changed since.
        """
        if self.memory.state() and not under("memory/", state.arrays):
            raise DataError(
                f"behavior {self.behavior}: this checkpoint is of an earlier version, which stored "
                "optimizer and memory in another way. Its weights are good: begin a new run with "
                "--initialize-from."
            )
        self.load_weights(under("network/", state.arrays))
        for name, array in under("optimizer/", state.arrays).items():
            self.optimizer.variables[int(name)].assign(array)
        for name, part in self._parts().items():
            part.load_state(under(f"{name}/", state.arrays))
        self.steps = int(state.facts["steps"])
        self.rng.bit_generator.state = state.facts["generator"]

    def _parts(self) -> dict[str, Stateful]:
        """What decides the future beside weights, their optimizer and counters, by name."""
        parts: dict[str, Stateful] = {"memory": self.memory}
        parts |= {f"signals/{signal.name}": signal for signal in self.signals}
        parts |= {f"demonstrations/{name}": demos for name, demos in self.expertise.items()}
        return parts | ({"cloning": self.cloning} if self.cloning else {})


def under(prefix: str, arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}
