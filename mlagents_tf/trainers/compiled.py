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


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as one compiled call; shapes and dtypes must not change from call to call."""
    if mode() == "eager":
        return function
    return tf.function(function, jit_compile=mode() == "xla", autograph=False)
