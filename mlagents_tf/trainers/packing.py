"""One large tensor instead of many small ones between NumPy and TensorFlow.

Each array that crosses costs as much time as ten thousand multiplications, however small it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from mlagents_tf.steps import FloatArray


class Packing:
    """Packs a structure of arrays [K, B, ...] as numbers [K, B, W], images apart.

    Args:
        example: the structure with arrays of the shapes and dtypes that are to come, and any K.
            Whole numbers in it must be below 2^24, so that float32 holds them.
    """

    def __init__(self, example: Any) -> None:
        self._example = example
        self._leaves = tf.nest.flatten(example)
        self._apart = [leaf.dtype == np.uint8 for leaf in self._leaves]
        self._widths = [
            0 if apart else int(np.prod(leaf.shape[2:], dtype=int))
            for leaf, apart in zip(self._leaves, self._apart, strict=True)
        ]

    def pack(self, structure: Any) -> tuple[FloatArray, list[NDArray[np.uint8]]]:
        """Numbers [K, B, W] float32, and images [K, B, ...] as they are."""
        leaves = tf.nest.flatten(structure)
        packed = np.empty((*leaves[0].shape[:2], sum(self._widths)), np.float32)
        at = 0
        for leaf, width in zip(leaves, self._widths, strict=True):
            if width:
                packed[:, :, at : at + width] = leaf.reshape(*leaf.shape[:2], width)
            at += width
        images = [leaf for leaf, apart in zip(leaves, self._apart, strict=True) if apart]
        return packed, images

    def unpack(self, packed: tf.Tensor, images: list[tf.Tensor]) -> Any:
        """What was packed, as tensors [B, ...] of one K: numbers [B, W], images [B, ...]."""
        rest = iter(images)
        parts = iter(tf.split(packed, self._widths, axis=1))
        leaves = []
        for leaf, apart in zip(self._leaves, self._apart, strict=True):
            part = next(parts)
            if apart:
                leaves.append(next(rest))
            else:
                leaves.append(tf.cast(tf.reshape(part, leaf.shape[1:]), leaf.dtype))
        return tf.nest.pack_sequence_as(self._example, leaves)
