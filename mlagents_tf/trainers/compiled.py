"""How updates are compiled; one private switch for debugging, never seen by an algorithm."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from mlagents_tf.settings.behavior import BehaviorSettings
from mlagents_tf.specs import Spec

MODES = ("xla", "graph", "eager")


def mode() -> str:
    """`xla`, unless the environment variable MLAGENTS_TF_MODE says `graph` or `eager`."""
    chosen = os.environ.get("MLAGENTS_TF_MODE", "xla")
    if chosen not in MODES:
        raise ValueError(f"MLAGENTS_TF_MODE is {chosen!r}; it may be one of {', '.join(MODES)}")
    return chosen


def suits_xla(spec: Spec, settings: BehaviorSettings) -> bool:
    """Whether XLA makes an update faster.

    Not where there are convolutions: on a CPU their gradients take ten to thirty times as long as
    TensorFlow's own, and written as matrix products about 1.6 times (docs/architecture.md). An
    encoder of the user's is taken to have some; it may also use what XLA cannot compile.
    """
    if not any(obs.is_image for obs in spec.observations):
        return True
    return all(
        network.encoder is None and network.vis_encode_type == "fully_connected"
        for network in settings.networks().values()
    )


class CompiledOnce:
    """A compiled function whose arguments always have the shapes and dtypes of the first call.

    It skips the search for a matching trace, which takes longer than a small network's arithmetic.
    """

    def __init__(self, function: Callable[..., Any], xla: bool = True) -> None:
        self._function = compiled(function, xla)
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


def compiled(function: Callable[..., Any], xla: bool = True) -> Callable[..., Any]:
    """`function` as one compiled call; shapes and dtypes must not change from call to call.

    Args:
        function: of tensors.
        xla: False where `suits_xla` says so.
    """
    if mode() == "eager":
        return function
    return tf.function(function, jit_compile=xla and mode() == "xla", autograph=False)


def compiled_apart(function: Callable[..., Any], update_is_xla: bool) -> Callable[..., Any]:
    """Part of an update: by XLA even where the update around it is none.

    Adam makes a dozen passes over all weights, which XLA fuses into a few.
    """
    return function if update_is_xla else compiled(function)
