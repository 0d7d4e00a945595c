"""Weights by names that stay the same from run to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.errors import DataError


class HasParts(Protocol):
    """A network made of layers that are stored under names."""

    def parts(self) -> Mapping[str, keras.layers.Layer]:
        """Layers by the names under which their weights are stored."""
        ...


def named_weights(network: HasParts) -> dict[str, keras.Variable]:
    """Every weight of a network under a name that is unique and the same from run to run.

    Raises:
        ValueError: two weights of a part have the same name, so that one would be lost.
    """
    named: dict[str, keras.Variable] = {}
    for name, part in network.parts().items():
        for weight in part.weights:
            if named.setdefault(f"{name}/{weight.path}", weight) is not weight:
                raise ValueError(f"two weights are called {name}/{weight.path}; name their layers")
    return named


def packed_together(variables: Sequence[keras.Variable]) -> tf.Tensor:
    """All of them side by side as float32."""
    return tf.concat(
        [tf.reshape(tf.cast(variable.value, tf.float32), [-1]) for variable in variables], axis=0
    )


def assign_weights(
    owner: str, weights: Mapping[str, keras.Variable], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Assigns stored arrays to Keras variables of the same names and shapes.

    Args:
        owner: whose weights they are, for the message.
        weights: as `named_weights` has them.
        arrays: as they were stored.

    Raises:
        DataError: lists each tensor that is missing, unknown or of another shape.
    """
    now = {name: tuple(weight.shape) for name, weight in weights.items()}
    then = {name: array.shape for name, array in arrays.items()}
    changes = [
        f"  {name}: was {_shape(then.get(name))}, is now {_shape(now.get(name))}"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    ]
    if changes:
        raise DataError(
            f"{owner}: the network has changed since these weights were saved:\n"
            + "\n".join(changes)
            + "\nUndo the change of network_settings, reward_signals, critic or shared_critic, "
            "or begin a new run."
        )
    for name, weight in weights.items():
        weight.assign(arrays[name])


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else str(list(shape))
