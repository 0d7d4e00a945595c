"""Environment parameters of a run: numbers, samplers, and curricula whose lessons advance.

The rules are ML-Agents': the measure must be above the threshold, a lesson never goes back, and
when any of them changes, the returns of all behaviors are counted anew. The measure is taken after
each step in which an episode of its behavior has ended; smoothing mixes in a quarter of the one
before.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast

from numpy.typing import NDArray

from mlagents_tf.envs.env import Parameters
from mlagents_tf.errors import SettingsError
from mlagents_tf.samplers import Gaussian, MultiRangeUniform, Sampler, Uniform
from mlagents_tf.settings.names import base_name
from mlagents_tf.settings.parameters import (
    CompletionSettings,
    ConstantSettings,
    CurriculumSettings,
    GaussianSettings,
    MultiRangeUniformSettings,
    SamplerSettings,
    UniformSettings,
)
from mlagents_tf.settings.run import RunSettings

SMOOTHING = 0.25
Value: TypeAlias = "float | Sampler"


class Change(NamedTuple):
    """What came of looking at the lessons.

    Attributes:
        parameters: those that have a new value.
        require_reset: whether the environment is to begin anew.
        remarks: a line for each.
    """

    parameters: Parameters
    require_reset: bool
    remarks: list[str]


class Lesson(NamedTuple):
    """A value, and what ends it; None for the last."""

    name: str
    value: Value
    criteria: CompletionSettings | None


@dataclass
class Curriculum:
    """Lessons of one parameter, and where it stands.

    Attributes:
        number: of the lesson, from 0.
        smoothed: the measure that the next one is mixed with.
        measure: the last one; nan before the first.
    """

    lessons: tuple[Lesson, ...]
    number: int = 0
    smoothed: float = 0.0
    measure: float = field(default=math.nan)

    @property
    def lesson(self) -> Lesson:
        """Which is being learned."""
        return self.lessons[self.number]

    @property
    def criteria(self) -> CompletionSettings | None:
        """What ends it; None if nothing does."""
        return self.lesson.criteria if self.number + 1 < len(self.lessons) else None

    def passed(self, measure: float) -> bool:
        """Takes a measure; whether it ends the lesson."""
        criteria = cast(CompletionSettings, self.criteria)
        if criteria.signal_smoothing:
            measure = SMOOTHING * self.smoothed + (1 - SMOOTHING) * measure
            self.smoothed = measure
        self.measure = measure
        return measure > criteria.threshold


class Lessons:
    """All environment parameters of a run.

    Args:
        settings: of the run, with a seed, which samplers without one go on from.
    """

    def __init__(self, settings: RunSettings) -> None:
        self._seed = settings.env_settings.seed
        self._offset = 0
        self._max_steps = {
            name: behavior.max_steps for name, behavior in settings.behaviors.items()
        }
        self._values: dict[str, Value] = {}
        self.curricula: dict[str, Curriculum] = {}
        for name, given in settings.environment_parameters.items():
            if isinstance(given, CurriculumSettings):
                self.curricula[name] = Curriculum(
                    tuple(
                        Lesson(lesson.name, self._value(lesson.value), lesson.completion_criteria)
                        for lesson in given.curriculum
                    )
                )
            else:
                self._values[name] = self._value(given)
        lengths: dict[str, int] = {}
        for criteria in self._all_criteria():
            longest = max(lengths.get(criteria.behavior, 1), criteria.min_lesson_length)
            lengths[criteria.behavior] = longest
            if criteria.behavior not in self._max_steps and settings.default_settings is None:
                raise SettingsError(
                    f"environment_parameters: a lesson is measured by behavior "
                    f"'{criteria.behavior}', but the configuration has only: "
                    f"{', '.join(self._max_steps) or 'none'}"
                )
        self._returns = {name: deque[float](maxlen=length) for name, length in lengths.items()}
        self._news: set[str] = set()

    @property
    def parameters(self) -> dict[str, Value]:
        """What the environment has now, or is to have."""
        taught = {name: each.lesson.value for name, each in self.curricula.items()}
        return self._values | taught

    def observe(self, behavior: str, returns: NDArray[Any]) -> None:
        """Takes the returns [E] of episodes that have ended."""
        name = base_name(behavior)
        if name in self._returns and len(returns):
            self._returns[name].extend(returns.tolist())
            self._news.add(name)

    def advance(self, progress: Mapping[str, float]) -> Change | None:
        """Looks whether lessons have been learned; what is new then, or None.

        Args:
            progress: steps / max_steps by behavior.
        """
        news, self._news = self._news, set()
        if not news:
            return None
        shares = {base_name(name): share for name, share in progress.items()}
        changed, remarks, require_reset = {}, [], False
        for name, curriculum in self.curricula.items():
            criteria = curriculum.criteria
            if criteria is None or criteria.behavior not in news:
                continue
            measure = self._measure(criteria, shares.get(criteria.behavior, 0.0))
            if measure is None or not curriculum.passed(measure):
                continue
            reached = f"{criteria.measure} {curriculum.measure:.3f} > {criteria.threshold:g}"
            curriculum.number += 1
            curriculum.smoothed, curriculum.measure = 0.0, math.nan
            changed[name] = curriculum.lesson.value
            require_reset |= criteria.require_reset
            remarks.append(
                f"parameter '{name}': lesson '{curriculum.lesson.name}' begins, the value is "
                f"{shown(curriculum.lesson.value)} ({reached})"
            )
        if not changed:
            return None
        for window in self._returns.values():
            window.clear()
        return Change(changed, require_reset, remarks)

    def statistics(self) -> dict[str, float]:
        """Lesson numbers, and measures beside the thresholds, by TensorBoard's tags."""
        found: dict[str, float] = {}
        for name, curriculum in self.curricula.items():
            found[f"Environment/Lesson Number/{name}"] = float(curriculum.number)
            if curriculum.criteria is not None and not math.isnan(curriculum.measure):
                found[f"Environment/Lesson Measure/{name}"] = curriculum.measure
                found[f"Environment/Lesson Threshold/{name}"] = curriculum.criteria.threshold
        return found

    def state(self) -> dict[str, Any]:
        """Where all lessons stand, as plain values."""
        return {
            "curricula": {
                name: {"number": c.number, "smoothed": c.smoothed}
                for name, c in self.curricula.items()
            },
            "returns": {name: list(window) for name, window in self._returns.items()},
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state()` was taken; a curriculum that is shorter now is at its end."""
        for name, stored in state["curricula"].items():
            if name in self.curricula:
                curriculum = self.curricula[name]
                curriculum.number = min(stored["number"], len(curriculum.lessons) - 1)
                curriculum.smoothed = stored["smoothed"]
        for name, values in state["returns"].items():
            if name in self._returns:
                self._returns[name].extend(values)

    def _measure(self, criteria: CompletionSettings, progress: float) -> float | None:
        """What is compared with the threshold; None where it is too early."""
        window = self._returns[criteria.behavior]
        if len(window) < max(criteria.min_lesson_length, 1):
            return None
        if criteria.measure == "progress":
            return progress
        measure = sum(window) / len(window)
        return None if math.isnan(measure) else measure

    def _all_criteria(self) -> list[CompletionSettings]:
        lessons = [lesson for each in self.curricula.values() for lesson in each.lessons[:-1]]
        return [lesson.criteria for lesson in lessons if lesson.criteria is not None]

    def _value(self, given: object) -> Value:
        """A number, or a sampler with a seed."""
        if not isinstance(given, SamplerSettings):
            return float(cast(float, given))
        chosen = given.sampler_parameters
        if isinstance(chosen, ConstantSettings):
            return chosen.value
        seed = chosen.seed
        if seed < 0:
            seed = self._seed + self._offset
            self._offset += 1
        if isinstance(chosen, UniformSettings):
            return Uniform(chosen.min_value, chosen.max_value, seed)
        if isinstance(chosen, GaussianSettings):
            return Gaussian(chosen.mean, chosen.st_dev, seed)
        return MultiRangeUniform(cast(MultiRangeUniformSettings, chosen).intervals, seed)


def shown(value: Value) -> str:
    """A parameter as people read it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
