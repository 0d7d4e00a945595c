"""Encoders of images: sizes as measured of ML-Agents, and what they compute."""

import itertools
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf

from mlagents_tf import plugins
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.encoders import ImageEncoder, encoder_class
from mlagents_tf.nn.inputs import ObservationInputs
from mlagents_tf.nn.weights import named_weights
from mlagents_tf.settings.network import NetworkSettings
from mlagents_tf.specs import ActionSpec, ObservationSpec, ObservationType, Spec
from tests.nn.networks import make_network

MEASURED = [  # encoder, image, flattened output of the convolutions, parameters with 128 outputs
    ("simple", (3, 84, 84), 2592, 343216),
    ("simple", (3, 64, 84), 1728, 232624),
    ("simple", (1, 36, 36), 288, 46256),
    ("simple", (3, 20, 20), 32, 15536),
    ("nature_cnn", (3, 84, 84), 3136, 477472),
    ("nature_cnn", (3, 64, 84), 1792, 305440),
    ("nature_cnn", (1, 36, 36), 64, 80160),
    ("resnet", (3, 84, 84), 2592, 429504),
    ("resnet", (3, 64, 84), 2016, 355776),
    ("resnet", (3, 20, 20), 32, 101824),
    ("resnet", (3, 15, 15), 32, 101824),
    ("match3", (7, 9, 8), 2880, 416512),
    ("match3", (3, 5, 5), 144, 65044),
    ("match3", (6, 20, 20), 36864, 4766149),
    ("fully_connected", (3, 20, 20), 1200, 153728),
    ("fully_connected", (6, 20, 20), 2400, 307328),
]


def make(name, shape, size=128):
    return plugins.built_in(plugins.ENCODERS, ImageEncoder)[name](shape, size, itertools.count())


@pytest.mark.parametrize(("name", "shape", "flat", "parameters"), MEASURED)
def test_sizes_are_those_of_ml_agents(name, shape, flat, parameters):
    encoder = make(name, shape)
    assert encoder.dense.kernel.shape[0] == flat
    assert encoder.count_params() == parameters
    assert encoder(np.zeros((2, *shape), np.float32)).shape == (2, 128)


def convolved(image, kernel, bias, stride):
    """[C, H, W] -> [F, H', W'] by the definition."""
    size = kernel.shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    return np.einsum("chwij,ijcf->fhw", windows, kernel) + bias[:, None, None]


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def test_a_plain_encoder_computes_what_it_says():
    encoder = make("simple", (2, 24, 20), size=5)
    image = np.random.default_rng(0).standard_normal((2, 24, 20)).astype(np.float32)
    x = image
    for convolution, (_, _, stride) in zip(encoder.convolutions, encoder.layers, strict=True):
        x = leaky(convolved(x, *map(np.asarray, (convolution.kernel, convolution.bias)), stride))
    expected = leaky(x.reshape(-1) @ np.asarray(encoder.dense.kernel))  # channels first
    np.testing.assert_allclose(encoder(image[None])[0], expected, rtol=1e-4, atol=1e-5)


def test_a_residual_block_adds_to_what_it_was_given():
    encoder = make("resnet", (1, 15, 15), size=3)
    for convolution in encoder.blocks:
        convolution.kernel.assign(tf.zeros_like(convolution.kernel))
        convolution.bias.assign(tf.zeros_like(convolution.bias))
    image = np.random.default_rng(0).random((1, 15, 15, 1)).astype(np.float32)
    x = image
    for opening in encoder.openings:
        x = encoder.pool(opening(x))
    np.testing.assert_allclose(encoder.convolve(image), tf.nn.silu(x), rtol=1e-5)


@pytest.mark.parametrize("name", plugins.BUILT_IN[plugins.ENCODERS])
def test_a_gradient_reaches_the_first_layer(name):
    encoder = make(name, (2, 40, 40), size=4)
    first = encoder.trainable_variables[0]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(encoder(tf.random.stateless_normal([3, 2, 40, 40], [1, 2]))))
    assert np.abs(tape.gradient(loss, first.value)).max() > 0


@pytest.mark.parametrize("name", plugins.BUILT_IN[plugins.ENCODERS])
def test_first_weights_are_drawn_as_pytorch_draws_them(name):
    encoder = make(name, (3, 40, 40))
    for convolution in getattr(encoder, "convolutions", []):
        kernel = np.asarray(convolution.kernel)
        bound = np.prod(kernel.shape[:3]) ** -0.5
        assert 0.9 * bound < np.abs(kernel).max() <= bound
        assert 0 < np.abs(np.asarray(convolution.bias)).max() <= bound
    dense = np.asarray(encoder.dense.kernel)
    np.testing.assert_allclose(dense.std(), 1.41 / np.sqrt(len(dense)), rtol=0.1)


@pytest.mark.parametrize(
    ("name", "shape", "fitting"),
    [("simple", (3, 19, 84), "resnet"), ("nature_cnn", (3, 84, 30), "simple"),
     ("resnet", (3, 9, 8), "match3"), ("match3", (1, 4, 4), "fully_connected")],
)  # fmt: skip
def test_an_image_too_small_names_an_encoder_that_fits(name, shape, fitting):
    with pytest.raises(SettingsError, match=f"'{name}' needs images of at least .*'{fitting}'"):
        encoder_class(name, shape)
    encoder_class(fitting, shape)


IMAGE = ObservationSpec((3, 20, 24), dtype="uint8")
GOAL = ObservationSpec((2,), observation_type=ObservationType.GOAL_SIGNAL)


def test_bytes_are_floats_from_0_to_1():
    inputs = ObservationInputs(Spec((IMAGE,), ActionSpec(1)), False, True)
    image = np.full((2, 3, 20, 24), 51, np.uint8)
    seen = inputs((tf.constant(image),))
    np.testing.assert_allclose(seen.images[0], 0.2 * np.ones((2, 3, 20, 24)), rtol=1e-6)
    assert seen.vector.shape == (2, 0)


def test_floats_stay_as_they_are():
    spec = Spec((ObservationSpec((3, 20, 24)),), ActionSpec(1))
    image = tf.random.stateless_normal([2, 3, 20, 24], [1, 2])
    np.testing.assert_array_equal(ObservationInputs(spec, False, True)((image,)).images[0], image)


def test_a_goal_beside_an_image_makes_the_last_layer():
    spec = Spec((IMAGE, GOAL), ActionSpec(0, (3,)))
    network = make_network(spec, hidden_units=8)
    names = named_weights(network)
    assert "actor/hyper/kernels" in names
    assert "actor/conv_0/kernel" in names
    assert "critic/conv_0/kernel" in names


def test_several_images_and_vectors_meet_in_the_first_dense_layer():
    spec = Spec((IMAGE, ObservationSpec((5,)), IMAGE), ActionSpec(1))
    network = make_network(spec, hidden_units=8, num_layers=1)
    assert network.policy.body.dense[0].kernel.shape == (5 + 2 * 8, 8)


def test_encoders_do_not_change_how_the_layers_behind_them_are_drawn():
    vector = ObservationSpec((5,))
    plain, with_image = (
        named_weights(make_network(Spec(seen, ActionSpec(1)), hidden_units=8))
        for seen in ((vector,), (vector, IMAGE))
    )
    for name in ("actor/dense_1/kernel", "critic/dense_1/kernel", "action_heads/means/kernel"):
        np.testing.assert_array_equal(plain[name], with_image[name], err_msg=name)


def test_every_encoder_that_settings_allow_exists():
    allowed = get_args(NetworkSettings.model_fields["vis_encode_type"].annotation)
    assert set(allowed) == plugins.BUILT_IN[plugins.ENCODERS].keys()
