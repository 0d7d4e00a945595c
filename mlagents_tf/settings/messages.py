"""pydantic's errors as sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.base import EXPECTED, NO_SUCH_KEY, near, show
from mlagents_tf.settings.document import Document, Fault

BOUNDS = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "multiple_of": ("multiple_of", "must be a multiple of {}"),
    "string_too_short": ("min_length", "must have {} characters or more"),
    "too_short": ("min_length", "must have {} items or more"),
}
KINDS = {
    "model_type": "expected a section of keys",
    "model_attributes_type": "expected a section of keys",
    "dict_type": "expected a section of keys",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "finite_number": "must be finite",
}


Valid = TypeVar("Valid")


def checked(validate: Callable[[Any], Valid], document: Document) -> Valid:
    """What pydantic's `validate` makes of a document, or everything that is wrong with it.

    Raises:
        SettingsError: a sentence for each fault, keys that stand twice included.
    """
    document.faults += document.repeats
    try:
        value = validate(document.data)
        faults = in_order(document.faults)
    except ValidationError as error:
        faults = faults_of(error, document)
    if faults:
        raise SettingsError("\n".join(str(fault) for fault in faults))
    return value


def faults_of(error: ValidationError, document: Document) -> list[Fault]:
    """What is wrong with a document, each with its place, in the order of the file."""
    reported = {fault.place for fault in document.faults}
    faults = [
        Fault(document.place(tuple(fault["loc"])), sentence(fault))
        for fault in error.errors(include_url=False)
    ]
    new = [fault for fault in faults if fault.place not in reported]
    return in_order([*document.faults, *new])


def in_order(faults: list[Fault]) -> list[Fault]:
    """Without repetitions (a section may be inherited many times), by line."""
    unique = {str(fault): fault for fault in faults}
    return sorted(unique.values(), key=lambda fault: fault.place.line or 0)


def sentence(fault: ErrorDetails) -> str:
    """What is wrong with one value, what was received and what is allowed."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == NO_SUCH_KEY:
        return fault["msg"]
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "is required."
    return f"{_rule(kind, fault['msg'], context)} (received {show(fault['input'])}){_hint(fault)}"


def _rule(kind: str, message: str, context: dict[str, Any]) -> str:
    if kind in BOUNDS:
        name, text = BOUNDS[kind]
        bound = context[name]
        return text.format(int(bound) if bound == int(bound) else bound)
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind in KINDS:
        return KINDS[kind]
    return message if kind == EXPECTED else message[:1].lower() + message[1:]


def _hint(fault: ErrorDetails) -> str:
    if fault["type"] != "literal_error" or not isinstance(fault["input"], str):
        return "."
    words = [word.strip(" '") for word in fault["ctx"]["expected"].replace(" or ", ",").split(",")]
    hint = near(fault["input"], words)
    return f".{hint}" if "Did you mean" in hint else "."
