"""How updates are compiled; one private switch for debugging, never seen by an algorithm."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

MODES = ("xla", "graph", "eager")


def mode() -> str:
    """`xla`, unless the environment variable MLAGENTS_TF_MODE says `graph` or `eager`."""
    chosen = os.environ.get("MLAGENTS_TF_MODE", "xla")
    if chosen not in MODES:
        raise ValueError(f"MLAGENTS_TF_MODE is {chosen!r}; it may be one of {', '.join(MODES)}")
    return chosen


class CompiledOnce:
    """A compiled function whose arguments always have the shapes and dtypes of the first call.

    It skips the search for a matching trace, which takes longer than a small network's arithmetic.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = compiled(function)
        self._concrete: Callable[..., Any] | None = None

    def experimental_get_tracing_count(self) -> int:
        """As of a tf.function."""
        counter = getattr(self._function, "experimental_get_tracing_count", lambda: 0)
        return int(counter())

    def __call__(self, *args: Any) -> Any:
        if self._concrete is None:
            concrete = getattr(self._function, "get_concrete_function", None)
            self._concrete = concrete(*args) if concrete else self._function
        return self._concrete(*args)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as one compiled call; shapes and dtypes must not change from call to call."""
    if mode() == "eager":
        return function
    return tf.function(function, jit_compile=mode() == "xla", autograph=False)
