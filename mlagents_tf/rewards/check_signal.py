"""The contract of every reward signal, executable: for signals of your own, call it from a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.errors import ContractError
from mlagents_tf.rewards.learned import LearnedReward
from mlagents_tf.rewards.signal import SKIPPED, RewardSignal, Transitions
from mlagents_tf.specs import (
    ActionSpec,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
    Spec,
)

MakeSignal = Callable[[Spec, int], RewardSignal]

ACTIONS = {
    "continuous": ActionSpec(2),
    "discrete": ActionSpec(0, (2, 3)),
    "hybrid": ActionSpec(1, (3,)),
}
ENTITIES = (DimensionProperty.VARIABLE_SIZE, DimensionProperty.NONE)
OBSERVATIONS = {
    "one vector": (ObservationSpec((3,)),),
    "several vectors": (ObservationSpec((3,)), ObservationSpec((1,)), ObservationSpec((4,))),
    "image and vector": (ObservationSpec((1, 20, 20), dtype="uint8"), ObservationSpec((3,))),
    "entities and goal": (
        ObservationSpec((4, 3), dimension_properties=ENTITIES),
        ObservationSpec((2,), observation_type=ObservationType.GOAL_SIGNAL),
    ),
}
SPECS: dict[str, Spec] = {
    f"{actions}, {observations}": Spec(OBSERVATIONS[observations], ACTIONS[actions])
    for actions in ACTIONS
    for observations in OBSERVATIONS
}
"""Every kind of behavior that a signal or a trainer must be able to learn."""

NUM_ROWS, NUM_REAL = 32, 24
NUM_STEPS = 300
NEAR = 1e-3
"""How far eager and compiled results may be apart, relatively and absolutely."""


def check_reward_signal(
    make_signal: MakeSignal, specs: Mapping[str, Spec] = SPECS, seed: int = 0
) -> None:
    """Raises unless a reward signal keeps the contract on random transitions of every spec.

    Rewards are finite, [N] float32, and come again for the same rows, compiled or not. What stands
    in rows of `mask` 0 changes no gradient step. Gradient steps on the same rows return what
    `tags_of_step` names, and lower its loss, or the first of them where there is no `loss`. A
    signal that loads the state of another pays the same and learns the same, to the last bit; and a
    state that was handed out does not change.

    Args:
        make_signal: makes one of (spec, seed); give it a small network and a learning rate such
            that 300 steps show.
        specs: what to try, by a name for messages.
        seed: of the transitions and of the signals.

    Raises:
        ContractError: says which promise was broken on which spec.
    """
    for name, spec in specs.items():
        _Check(name, spec, seed).run(make_signal)


class _Check:
    """One spec's."""

    def __init__(self, name: str, spec: Spec, seed: int) -> None:
        self.name = name
        self.spec = spec
        self.seed = seed
        self.rows = random_transitions(spec, seed)

    def run(self, make_signal: MakeSignal) -> None:
        def made(seed: int) -> RewardSignal:
            signal = make_signal(self.spec, seed)
            signal.prepare()
            return signal

        signal = made(self.seed)
        if not isinstance(signal.goes_on_after_the_end, bool):
            self._fail(f"goes_on_after_the_end is {signal.goes_on_after_the_end!r}, not a bool")
        once, again = self._rewards(signal), self._rewards(signal)
        if (once != again).any():
            self._fail("the same rows were paid differently when they were asked for again")
        if signal.tags:
            self._check_masked_rows(made(self.seed), made(self.seed))
            self._check_learning(signal, made(self.seed))
        else:
            self._check_near("rewards", _compiled(signal.rewards)(self.rows), once)
        self._check_same_future(signal, made(self.seed + 1))

    def _rewards(self, signal: RewardSignal) -> NDArray[Any]:
        rewards = np.asarray(signal.rewards(self.rows))
        if rewards.shape != (NUM_ROWS,) or rewards.dtype != np.float32:
            self._fail(
                f"rewards are {rewards.dtype} of shape {list(rewards.shape)}, they must be float32 "
                f"of shape [{NUM_ROWS}], one for each row"
            )
        if not np.isfinite(rewards).all():
            self._fail("not all rewards are finite numbers")
        return rewards

    def _check_masked_rows(self, one: RewardSignal, other: RewardSignal) -> None:
        """Two of the same seed learn from the same real rows, and from others that are not real."""
        statistics = self._step(one, self.rows, 0), self._step(other, self._other_masked_rows(), 0)
        if (statistics[0] != statistics[1]).any():
            self._fail(
                "what stands in rows of mask 0 changed the statistics of a gradient step from "
                f"{statistics[0].tolist()} to {statistics[1].tolist()}"
            )
        if changed := _differences(one.state(), other.state()):
            self._fail(f"what stands in rows of mask 0 changed the state: {changed[0]}")

    def _other_masked_rows(self) -> Transitions:
        """The same real rows among others."""
        others = random_transitions(self.spec, self.seed + 1)
        return tf.nest.map_structure(
            lambda x, y: tf.concat([x[:NUM_REAL], y[NUM_REAL:]], axis=0), self.rows, others
        )

    def _whole_loss(self, signal: LearnedReward[Any]) -> np.floating[Any]:
        """All that its gradient steps lower, a mean over some seeds."""
        seeds = [tf.constant([self.seed, -1 - number], tf.int32) for number in range(10)]
        return np.mean([signal.loss(self.rows, seed)[0] for seed in seeds])

    def _check_learning(self, signal: RewardSignal, eager: RewardSignal) -> None:
        """Compiled gradient steps; `eager` is another of the same seed."""
        compiled = _compiled(lambda rows, seed: (signal.train(rows, seed), signal.rewards(rows)))
        first = []
        for number in range(NUM_STEPS):
            seed = tf.constant([self.seed, number], tf.int32)
            statistics, rewards = compiled(self.rows, seed)
            self._check_statistics(signal, statistics.numpy())
            first.append(float(statistics[0]))
            if number == 0:
                eagerly = self._step(eager, self.rows, 0)
                self._check_near("the statistics of a gradient step", statistics, eagerly)
                self._check_near("rewards", rewards, self._rewards(eager))
                if isinstance(eager, LearnedReward):
                    whole = self._whole_loss(eager)
        if (count := compiled.experimental_get_tracing_count()) > 1:
            self._fail(
                f"a gradient step was compiled {count} times: whatever it keeps must exist before"
            )
        self._check_near("rewards after training", rewards, self._rewards(signal))
        tenth = NUM_STEPS // 10  # some signals draw, and their loss goes up and down
        what, before, after = signal.tags[0], np.mean(first[:tenth]), np.mean(first[-tenth:])
        if isinstance(signal, LearnedReward):  # the first statistic may be a part that gives way
            what, before, after = "its loss", whole, self._whole_loss(signal)
        if not after < before:
            self._fail(
                f"{NUM_STEPS} gradient steps on the same rows moved {what} from "
                f"{before:.6g} to {after:.6g}; it must fall"
            )

    def _step(self, signal: RewardSignal, rows: Transitions, number: int) -> NDArray[Any]:
        """Statistics of an eager gradient step."""
        seed = tf.constant([self.seed, number], tf.int32)
        statistics = np.asarray(signal.train(rows, seed))
        self._check_statistics(signal, statistics)
        return statistics

    def _check_statistics(self, signal: RewardSignal, statistics: NDArray[Any]) -> None:
        tags = signal.tags_of_step
        if statistics.shape != (len(tags),):
            self._fail(
                f"a gradient step returned an array of shape {list(statistics.shape)}, it must "
                f"hold {len(tags)} numbers: {', '.join(tags)}"
            )
        if tags[-1] != SKIPPED:
            self._fail(f"the last of tags_of_step is {tags[-1]}, it must be {SKIPPED}")
        for tag, value in zip(tags, statistics.tolist(), strict=True):
            if not np.isfinite(value):
                self._fail(f"the statistic {tag} is {value}, not a finite number")
        if statistics[-1]:
            self._fail("a gradient step on finite rows was skipped")

    def _check_near(self, what: str, compiled: tf.Tensor, eager: NDArray[Any]) -> None:
        found = np.asarray(compiled)
        if not np.allclose(found, eager, rtol=NEAR, atol=NEAR):
            self._fail(
                f"{what} differ by up to {np.abs(found - eager).max():.3g} between compiled and "
                "eager: a value of Python that changes is frozen when compiled, use a tf.Variable"
            )

    def _check_same_future(self, signal: RewardSignal, other: RewardSignal) -> None:
        state = signal.state()
        stored = {name: np.array(array) for name, array in state.items()}
        other.load_state(stored)
        paid = self._rewards(signal)
        if (paid != self._rewards(other)).any():
            self._fail("a signal that loaded the state of another pays other rewards")
        if not signal.tags:
            return
        statistics = self._step(signal, self.rows, NUM_STEPS)
        if changed := _differences(state, stored):
            self._fail(f"learning on changed a state that was handed out before: {changed[0]}")
        if (statistics != self._step(other, self.rows, NUM_STEPS)).any():
            self._fail("the step after loading a state returned other statistics than without")
        if different := _differences(signal.state(), other.state()):
            self._fail(f"the step after loading a state led to another state: {different[0]}")

    def _fail(self, what: str) -> None:
        raise ContractError(f"{self.name}: {what}")


def random_obs(spec: Spec, count: int, rng: np.random.Generator) -> tuple[NDArray[Any], ...]:
    """Tuple of [count, *obs_k], normal or any bytes."""
    return tuple(
        rng.integers(0, 256, (count, *obs.shape), np.uint8)
        if obs.dtype == "uint8"
        else rng.standard_normal((count, *obs.shape), np.float32)
        for obs in spec.observations
    )


def random_transitions(spec: Spec, seed: int, count: int = NUM_ROWS) -> Transitions:
    """Rows of normal observations and uniform actions, of which the last quarter is not real."""
    rng = np.random.default_rng(seed)

    def observed() -> tuple[tf.Tensor, ...]:
        return tuple(map(tf.constant, random_obs(spec, count, rng)))

    branches = np.array(spec.actions.discrete_branches, np.int32)
    return Transitions(
        obs=observed(),
        continuous=tf.constant(
            rng.uniform(-1, 1, (count, spec.actions.continuous_size)), "float32"
        ),
        discrete=tf.constant(rng.integers(0, branches, (count, len(branches))), tf.int32),
        rewards=tf.constant(rng.standard_normal(count), tf.float32),
        terminated=tf.constant(rng.random(count) < 0.2, tf.float32),
        next_obs=observed(),
        mask=tf.constant(np.arange(count) < count * NUM_REAL // NUM_ROWS, tf.float32),
    )


def _compiled(function: Callable[..., Any]) -> Any:
    return tf.function(function, jit_compile=True, autograph=False)


def _differences(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> list[str]:
    """Names of arrays that are not the same to the last bit."""
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one or name not in other or not np.array_equal(one[name], other[name])
    ]
