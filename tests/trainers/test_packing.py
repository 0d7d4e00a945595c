"""What is packed comes out again, whatever its shape and kind."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf.trainers.packing import Packing

K, B = 3, 4


class Sample(NamedTuple):
    obs: tuple
    counts: np.ndarray
    flags: np.ndarray
    rewards: np.ndarray
    nothing: np.ndarray
    no_draws: np.ndarray


def sample(batches=K, seed=0):
    rng = np.random.default_rng(seed)
    images = (2, 5, 3), (1, 2, 2)
    return Sample(
        obs=(
            rng.integers(0, 256, (batches, B, *images[0])).astype(np.uint8),
            rng.standard_normal((batches, B, 3)).astype(np.float32),
            rng.integers(0, 256, (batches, B, *images[1])).astype(np.uint8),
            rng.standard_normal((batches, B, 2, 3)).astype(np.float32),
        ),
        counts=rng.integers(-1000, 1000, (batches, B, 2)).astype(np.int32),
        flags=rng.random((batches, B, 3)) < 0.5,
        rewards=rng.standard_normal((batches, B)).astype(np.float32),
        nothing=np.zeros((batches, B, 0), np.int32),
        no_draws=np.zeros((batches, B, 0, 2), np.float32),
    )


def unpacked(packing, structure, k):
    packed, images = packing.pack(structure)
    return packing.unpack(tf.constant(packed)[k], [tf.constant(image)[k] for image in images])


@pytest.mark.parametrize("k", range(K))
def test_what_goes_in_comes_out(k):
    structure = sample()
    found = unpacked(Packing(sample(batches=1, seed=1)), structure, k)
    tf.nest.assert_same_structure(found, structure)
    for tensor, array in zip(tf.nest.flatten(found), tf.nest.flatten(structure), strict=True):
        assert tensor.dtype.as_numpy_dtype == array.dtype
        assert tensor.shape == array.shape[1:]
        np.testing.assert_array_equal(tensor, array[k])


def test_numbers_are_one_array_and_images_are_apart_and_not_copied():
    structure = sample()
    packed, images = Packing(structure).pack(structure)
    assert packed.shape == (K, B, 3 + 2 * 3 + 2 + 3 + 1)
    assert packed.dtype == np.float32
    assert [image is obs for image, obs in zip(images, structure.obs[::2], strict=True)] == [
        True
    ] * 2


def test_a_trainer_without_images_or_without_numbers_is_packed():
    numbers = Packing((np.zeros((1, B), np.float32),))
    packed, images = numbers.pack((np.ones((K, B), np.float32),))
    assert images == []
    np.testing.assert_array_equal(numbers.unpack(tf.constant(packed)[0], [])[0], np.ones(B))
    pictures = Packing((np.zeros((1, B, 2), np.uint8),))
    [found] = unpacked(pictures, (np.full((K, B, 2), 255, np.uint8),), 1)
    np.testing.assert_array_equal(found, np.full((B, 2), 255))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_unpacking_inside_a_compiled_loop_is_the_same(jit_compile):
    structure = sample()
    packing = Packing(structure)
    packed, images = packing.pack(structure)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def second(packed, images):
        def step(i, _):
            leaves = tf.nest.flatten(packing.unpack(packed[i], [image[i] for image in images]))
            return i + 1, leaves

        blank = [tf.zeros(a.shape[1:], a.dtype) for a in tf.nest.flatten(structure)]
        return tf.while_loop(lambda i, _: i < 2, step, (0, blank))[1]

    found = second(tf.constant(packed), [tf.constant(image) for image in images])
    for tensor, array in zip(found, tf.nest.flatten(structure), strict=True):
        np.testing.assert_array_equal(tensor, array[1])
