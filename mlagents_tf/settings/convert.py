"""Old files, of up to three kinds, to one in the current layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt, TypeAdapter, model_validator

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.base import Settings
from mlagents_tf.settings.document import Document
from mlagents_tf.settings.dump import settings_tree, yaml_text
from mlagents_tf.settings.load import load_settings, load_text
from mlagents_tf.settings.messages import checked
from mlagents_tf.settings.parameters import Parameter
from mlagents_tf.settings.reader import read_document
from mlagents_tf.settings.run import RunSettings

SAMPLERS = {"multirange_uniform": "multirangeuniform"}


class OldCurriculum(Settings):
    """One behavior of a curriculum file."""

    measure: Literal["reward", "progress"] = Field(description="what is measured")
    thresholds: tuple[float, ...] = Field(description="one for each change of lesson")
    min_lesson_length: PositiveInt = Field(default=1, description="episodes of a lesson")
    signal_smoothing: bool = Field(default=False, description="mix in the last measurement")
    parameters: dict[str, tuple[float, ...]] = Field(description="values, one for each lesson")

    @model_validator(mode="after")
    def each_lesson_has_a_value(self) -> OldCurriculum:
        lessons = len(self.thresholds) + 1
        for name, values in self.parameters.items():
            if len(values) != lessons:
                raise ValueError(
                    f"parameters.{name} has {len(values)} values, but {len(self.thresholds)} "
                    f"thresholds make {lessons} lessons. Give {lessons} values."
                )
        return self

    def lessons(self, behavior: str, parameter: str) -> list[dict[str, Any]]:
        """The lessons of one parameter, in the current layout."""
        lessons: list[dict[str, Any]] = []
        for index, value in enumerate(self.parameters[parameter]):
            lesson: dict[str, Any] = {"name": f"Lesson{index}", "value": value}
            if index < len(self.thresholds):
                lesson["completion_criteria"] = {
                    "behavior": behavior,
                    "measure": self.measure,
                    "min_lesson_length": self.min_lesson_length,
                    "signal_smoothing": self.signal_smoothing,
                    "threshold": self.thresholds[index],
                }
            lessons.append(lesson)
        return lessons


def upgrade(
    trainer_yaml: Path, curriculum_yaml: Path | None = None, sampler_yaml: Path | None = None
) -> str:
    """The text of one file in the current layout that has the effect of the old ones.

    A parameter that is both sampled and in a curriculum is sampled.

    Raises:
        SettingsError: one of the files cannot be used.
    """
    settings = load_settings(trainer_yaml).settings
    parameters: dict[str, Any] = dict(settings.environment_parameters)
    if curriculum_yaml is not None:
        parameters.update(read_curriculum(curriculum_yaml))
    if sampler_yaml is not None:
        parameters.update(read_samplers(sampler_yaml))
    if parameters:
        settings = settings.model_copy(update={"environment_parameters": parameters})
    return smallest_text(settings)


def smallest_text(settings: RunSettings) -> str:
    """YAML of what was given, or of everything if inheritance would change the former."""
    for only_given in (True, False):
        text = yaml_text(settings_tree(settings, only_given=only_given))
        try:
            if load_text(text).settings == settings:
                return text
        except SettingsError:
            continue
    raise SettingsError("the upgraded file would not have the effect of the old one.")


OLD_CURRICULA = TypeAdapter(dict[str, OldCurriculum])
PARAMETERS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Parameter])


def read_curriculum(path: Path) -> dict[str, Any]:
    """Parameters of a curriculum file, `<behavior>: {measure, thresholds, parameters, ...}`."""
    document = read_document(path)
    curricula = checked(OLD_CURRICULA.validate_python, document)
    tree = {}
    for behavior, curriculum in curricula.items():
        for parameter in curriculum.parameters:
            if parameter in tree:
                document.fault(
                    (behavior, "parameters", parameter), "is in the lessons of another behavior."
                )
            tree[parameter] = {"curriculum": curriculum.lessons(behavior, parameter)}
    document.data = tree
    return checked(PARAMETERS.validate_python, document)


def read_samplers(path: Path) -> dict[str, Any]:
    """Parameters of a sampler file, `<parameter>: {sampler-type, ...}`."""
    old = read_document(path)
    new = Document({}, {(): old.place(())}, old.faults, old.repeats)
    for name, section in old.data.items():
        if name == "resampling-interval":
            continue  # today a parameter is drawn anew in every episode
        if not isinstance(section, dict) or "sampler-type" not in section:
            old.fault((name,), "expected a section of keys with 'sampler-type'.")
            continue
        place = old.place((name, "sampler-type"))
        kind = section["sampler-type"]
        new.put((name, "sampler_type"), SAMPLERS.get(str(kind), kind), place)
        new.put((name, "sampler_parameters"), {}, old.place((name,)))
        for key in section:
            if key != "sampler-type":
                new.take(old, (name, key), (name, "sampler_parameters", key))
    return checked(PARAMETERS.validate_python, new)
