"""The base class of all settings, and how YAML's scalars become Python's."""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

Model = TypeVar("Model", bound="Settings")

NO_SUCH_KEY = "settings_no_such_key"
EXPECTED = "settings_expected"


class Settings(BaseModel):
    """A frozen section of the configuration: unknown keys and infinite numbers are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )

    @field_validator("*", mode="before")
    @classmethod
    def yaml_scalars_become_the_declared_type(cls, value: Any, info: ValidationInfo) -> Any:
        """`5e6` and `3e-4` are strings in YAML 1.1, and `"false"` must not become True."""
        field = cls.model_fields[info.field_name or ""]
        return as_declared(value, field.annotation)

    @model_validator(mode="wrap")
    @classmethod
    def unknown_keys_name_the_nearest(
        cls, value: Any, handler: ModelWrapValidatorHandler[Any]
    ) -> Any:
        """Replace pydantic's bare "extra inputs" by the key that was probably meant."""
        try:
            return handler(value)
        except ValidationError as error:
            raise ValidationError.from_exception_data(
                cls.__name__, [cls._named(detail) for detail in line_errors(error)]
            ) from None

    @classmethod
    def _named(cls, detail: InitErrorDetails) -> InitErrorDetails:
        loc, value = detail["loc"], detail["input"]
        if detail["type"] != "extra_forbidden" or len(loc) != 1:
            return detail
        message = f"no such key (received {show(value)}).{cls.hint(str(loc[0]), value)}"
        kind = PydanticCustomError(NO_SUCH_KEY, message)
        return InitErrorDetails(type=kind, loc=loc, input=value)

    @classmethod
    def hint(cls, key: str, value: Any) -> str:
        """What to type instead of a key that does not exist."""
        return near(key, cls.model_fields)


def line_errors(error: ValidationError, *prefix: str) -> list[InitErrorDetails]:
    """What is wrong, in a form that another ValidationError can be made of."""
    details = []
    for fault in error.errors(include_url=False):
        kind: Any = fault["type"]
        if kind in (NO_SUCH_KEY, EXPECTED):
            kind = PydanticCustomError(kind, fault["msg"])
        loc = prefix + tuple(fault["loc"])
        details.append(
            InitErrorDetails(type=kind, loc=loc, input=fault["input"], ctx=fault.get("ctx", {}))
        )
    return details


def near(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or what there is to choose from."""
    known = list(known)
    matches = difflib.get_close_matches(word, known, n=1)
    if matches:
        return f" Did you mean '{matches[0]}'?"
    return f" Known: {', '.join(sorted(known))}." if known else ""


def show(value: Any, limit: int = 60) -> str:
    """A received value as a user would have typed it, on one short line."""
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    elif isinstance(value, BaseModel):
        text = type(value).__name__
    else:
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def expected(what: str) -> PydanticCustomError:
    """The error of a value of another type than the declared one."""
    return PydanticCustomError(EXPECTED, f"expected {what}")


def integral(value: Any) -> int:
    """3, 3.0, "3" and "5e6", never 1.5 or true."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    try:
        value = number(value)
    except PydanticCustomError:
        raise expected("an integer") from None
    if not math.isfinite(value) or value != int(value):
        raise expected("an integer")
    return int(value)


def number(value: Any) -> float:
    """3, 3.5, "3e-4", never true."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise expected("a smaller number") from None
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise expected("a number")


def boolean(value: Any) -> bool:
    """Only true and false, also as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise expected("true or false")


def text(value: Any) -> str:
    """Text; numbers are taken as text, because `run_id: 7` is a good name."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value
    raise expected("text")


READERS: dict[Any, Callable[[Any], Any]] = {int: integral, float: number, bool: boolean, str: text}


def as_declared(value: Any, annotation: Any) -> Any:
    """Read a YAML value for a field with this annotation; what cannot be judged here passes."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        choices = [choice for choice in arguments if choice is not type(None)]
        if value is None and len(choices) < len(arguments):
            return None
        return as_declared(value, choices[0]) if len(choices) == 1 else value
    if annotation in READERS:
        return READERS[annotation](value)
    if value is None and (origin is dict or is_settings(annotation)):
        return {}  # a heading with nothing under it
    if origin is dict and isinstance(value, dict) and is_settings(arguments[1]):
        return {key: {} if item is None else item for key, item in value.items()}
    if origin is tuple and isinstance(value, (list, tuple)) and arguments[-1] is Ellipsis:
        return tuple(as_declared(item, arguments[0]) for item in value)
    return value


def is_settings(annotation: Any) -> bool:
    """True for a subclass of Settings."""
    return isinstance(annotation, type) and issubclass(annotation, Settings)


def validated(model: type[Model], value: Any) -> Model:
    """An instance of exactly this model; what is wrong is reported under the caller's path."""
    if type(value) is model:
        return value
    return model.model_validate({} if value is None else value)
