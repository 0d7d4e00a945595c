"""Environment parameters: numbers, samplers and curricula."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mlagents_tf.settings.base import Settings, expected, near, number, validated


class SamplerParameters(Settings):
    """What every sampler has, `sampler_parameters` in YAML."""

    seed: int = Field(default=-1, ge=-1, description="-1: from the seed of the run")


class ConstantSettings(SamplerParameters):
    """`sampler_type: constant`."""

    value: float = Field(default=0.0, description="the value")


class UniformSettings(SamplerParameters):
    """`sampler_type: uniform`."""

    min_value: float = Field(default=0.0, description="smallest value")
    max_value: float = Field(default=1.0, description="largest value")

    @model_validator(mode="after")
    def the_interval_is_not_reversed(self) -> UniformSettings:
        check_interval(self.min_value, self.max_value)
        return self


class GaussianSettings(SamplerParameters):
    """`sampler_type: gaussian`."""

    mean: float = Field(default=1.0, description="mean")
    st_dev: float = Field(default=1.0, ge=0, description="standard deviation")


class MultiRangeUniformSettings(SamplerParameters):
    """`sampler_type: multirangeuniform`."""

    intervals: tuple[tuple[float, float], ...] = Field(
        default=((0.0, 1.0),), min_length=1, description="pairs of smallest and largest value"
    )

    @field_validator("intervals", mode="before")
    @classmethod
    def intervals_are_pairs(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise expected("a list of [smallest, largest] pairs")
        for pair in value:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise expected("a list of [smallest, largest] pairs")
        return tuple((number(low), number(high)) for low, high in value)

    @model_validator(mode="after")
    def no_interval_is_reversed(self) -> MultiRangeUniformSettings:
        for low, high in self.intervals:
            check_interval(low, high)
        return self


def check_interval(low: float, high: float) -> None:
    """Raise if there is nothing between the ends."""
    if low > high:
        raise ValueError(f"the smallest value ({low}) is above the largest ({high}). Swap them.")


SAMPLER_SETTINGS: dict[str, type[SamplerParameters]] = {
    "constant": ConstantSettings,
    "uniform": UniformSettings,
    "gaussian": GaussianSettings,
    "multirangeuniform": MultiRangeUniformSettings,
}


class SamplerSettings(Settings):
    """A value drawn anew in every episode."""

    sampler_type: str = Field(description="constant, uniform, gaussian or multirangeuniform")
    sampler_parameters: SerializeAsAny[SamplerParameters] = Field(
        description="keys of the sampler_type"
    )

    @field_validator("sampler_type")
    @classmethod
    def the_sampler_is_known(cls, value: str) -> str:
        if value not in SAMPLER_SETTINGS:
            raise ValueError(
                f"no such sampler (received '{value}').{near(value, SAMPLER_SETTINGS)}"
            )
        return value

    @field_validator("sampler_parameters", mode="before")
    @classmethod
    def parameters_are_those_of_the_sampler(cls, value: Any, info: ValidationInfo) -> Any:
        if "sampler_type" not in info.data:  # already reported
            return SamplerParameters()
        return validated(SAMPLER_SETTINGS[info.data["sampler_type"]], value)


def read_value(value: Any) -> Any:
    """A number or a sampler."""
    if isinstance(value, (SamplerSettings, CurriculumSettings)):
        return value
    if isinstance(value, dict):
        return SamplerSettings.model_validate(value)
    return number(value)


def read_parameter(value: Any) -> Any:
    """A number, a sampler or a curriculum."""
    if isinstance(value, dict) and "curriculum" in value:
        return CurriculumSettings.model_validate(value)
    return read_value(value)


class CompletionSettings(Settings):
    """`completion_criteria`: when a lesson has been learned."""

    behavior: str = Field(description="the behavior that is measured")
    measure: Literal["reward", "progress"] = Field(
        default="reward", description="mean return, or steps / max_steps"
    )
    min_lesson_length: NonNegativeInt = Field(
        default=0, description="episodes before the first change"
    )
    signal_smoothing: bool = Field(
        default=True, description="mix in a quarter of the last measurement"
    )
    threshold: float = Field(default=0.0, description="the measure must be above it")
    require_reset: bool = Field(
        default=False, description="reset the environment when the lesson changes"
    )

    @model_validator(mode="after")
    def progress_is_a_share(self) -> CompletionSettings:
        if self.measure == "progress" and not 0 <= self.threshold <= 1:
            raise ValueError(
                f"threshold ({self.threshold}) of measure 'progress' is a share of max_steps. "
                "Choose it between 0 and 1."
            )
        return self


class LessonSettings(Settings):
    """One lesson of a curriculum."""

    name: str = Field(description="shown when the lesson begins")
    value: Annotated[float | SamplerSettings, BeforeValidator(read_value)] = Field(
        description="a number or a sampler"
    )
    completion_criteria: CompletionSettings | None = Field(
        default=None, description="required, except of the last lesson"
    )


class CurriculumSettings(Settings):
    """Lessons, in order."""

    curriculum: tuple[LessonSettings, ...] = Field(description="the lessons")

    @model_validator(mode="after")
    def lessons_can_end(self) -> CurriculumSettings:
        if not self.curriculum:
            raise ValueError("a curriculum needs at least one lesson.")
        for index, lesson in enumerate(self.curriculum[:-1]):
            if lesson.completion_criteria is None:
                raise ValueError(
                    f"lesson {index} ('{lesson.name}') has no completion_criteria and is not "
                    "the last: it would never end. Add completion_criteria."
                )
        return self


Parameter = Annotated[float | SamplerSettings | CurriculumSettings, BeforeValidator(read_parameter)]
