"""The contract of an encoder of images, executable: for those of your own, call it from a test."""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow as tf

from mlagents_tf.errors import ContractError
from mlagents_tf.nn.encoders import ImageEncoder
from mlagents_tf.nn.own_encoders import built_encoder

NUM_IMAGES = 4
TOLERANCE = 1e-4
"""Of encodings of one image that were computed in two ways, relative to the largest."""


def check_encoder(
    own: type[ImageEncoder],
    image_shape: tuple[int, ...] = (3, 84, 84),
    output_size: int = 128,
    seed: int = 0,
) -> None:
    """Raises unless an encoder does what a network needs, on random images.

    It puts out float32 [N, output_size] for any N, in a graph as outside of one; all its weights
    are trained; the same seeds give the same weights; an encoding is finite, depends on the image,
    and does not depend on the other images of the batch.

    Args:
        own: the class.
        image_shape: (C, H, W) of an image that it will see.
        output_size: `hidden_units`.
        seed: of the images and of the weights.

    Raises:
        ContractError: says which promise was broken.
        SettingsError: it cannot be built.
    """
    encoder, twin = (
        built_encoder(own, image_shape, output_size, itertools.count(seed), "image_0")
        for _ in range(2)
    )
    for one, other in zip(encoder.weights, twin.weights, strict=True):
        if not np.array_equal(one, other):
            raise ContractError(
                f"{own.__name__}: with the same seeds {one.path} was drawn differently; give its "
                "initializer next(seeds)"
            )
    images = np.random.default_rng(seed).random((NUM_IMAGES, *image_shape), np.float32)
    together = np.asarray(encoder(tf.constant(images)))
    if not np.isfinite(together).all():
        raise ContractError(f"{own.__name__}: an encoding is not finite")
    if (together == together[0]).all():
        raise ContractError(f"{own.__name__}: {NUM_IMAGES} images have the same encoding")
    alone = np.concatenate([encoder(tf.constant(image[None])) for image in images])
    _check_near(own, together, alone, "an encoding depends on the other images of the batch")
    shape = tf.TensorSpec([None, *image_shape], tf.float32)
    graph = tf.function(encoder.call, input_signature=[shape], autograph=False)
    _check_near(own, together, graph(images), "a graph computes something else")


def _check_near(own: type[ImageEncoder], one: object, other: object, fault: str) -> None:
    one, other = np.asarray(one), np.asarray(other)
    if np.abs(one - other).max() > TOLERANCE * max(1.0, np.abs(one).max()):
        raise ContractError(f"{own.__name__}: {fault}")
