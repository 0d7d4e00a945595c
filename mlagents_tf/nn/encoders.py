"""From images to encodings (`network_settings.vis_encode_type`, or a subclass of yours)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import keras
import tensorflow as tf

from mlagents_tf import plugins
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.conditioning import scaled_normal

LEAK = 0.01
DENSE_GAIN = 1.41


class ImageEncoder(keras.layers.Layer):
    """What encodes images of one shape; an encoder of yours is a subclass (docs/encoders.md).

    A subclass makes its layers in `__init__`, with this signature, and defines `call`. It is called
    in graphs, for any N, and without `training`. It keeps nothing from call to call.

    Args:
        image_shape: (C, H, W).
        output_size: width of the encoding, `hidden_units`.
        seeds: of initial weights; `next(seeds)` as often as there is something to draw.
    """

    min_resolution: ClassVar[int] = 1
    """Of height and width."""

    def __init__(
        self,
        image_shape: tuple[int, ...],
        output_size: int,
        seeds: Iterator[int],
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.output_size = output_size

    def call(self, image: tf.Tensor) -> tf.Tensor:
        """[N, C, H, W] float32, bytes being from 0 to 1 -> [N, output_size] float32."""
        raise NotImplementedError(f"{type(self).__name__} must define call()")

    def onnx_nodes(self, graph: Any, name: str, image: str) -> str | None:
        """Adds nodes that do what `call` does; None: cannot be written as ONNX.

        Args:
            graph: takes nodes and weights (`mlagents_tf.export.onnx_graph.Graph`).
            name: with which names of weights begin.
            image: tensor [batch, C, H, W].

        Returns:
            The tensor [batch, output_size].
        """
        return None


class ConvolutionalEncoder(ImageEncoder):
    """Convolutions, then one dense layer.

    Images come channels first, as Unity sends them, and are turned for the convolutions, which are
    faster with channels last; the dense layer sees them channels first again, as in ML-Agents.
    """

    def __init__(
        self,
        image_shape: tuple[int, ...],
        output_size: int,
        seeds: Iterator[int],
        **kwargs: object,
    ) -> None:
        super().__init__(image_shape, output_size, seeds, **kwargs)
        channels, *resolution = image_shape
        flat = self.make_convolutions(channels, tuple(resolution), seeds)
        self.dense = keras.layers.Dense(
            output_size,
            kernel_initializer=scaled_normal(DENSE_GAIN, next(seeds)),
            name="dense",
        )
        self.dense.build((None, flat))
        self.built = True

    def make_convolutions(
        self, channels: int, resolution: tuple[int, ...], seeds: Iterator[int]
    ) -> int:
        """Makes what `convolve` uses; returns how many numbers it puts out."""
        raise NotImplementedError(f"{type(self).__name__} must define make_convolutions()")

    def convolve(self, image: tf.Tensor) -> tf.Tensor:
        """[N, H, W, C] -> [N, H', W', C']."""
        raise NotImplementedError(f"{type(self).__name__} must define convolve()")

    def activate(self, encoding: tf.Tensor) -> tf.Tensor:
        """What follows the dense layer."""
        return tf.nn.leaky_relu(encoding, LEAK)

    def call(self, image: tf.Tensor) -> tf.Tensor:
        x = self.convolve(tf.transpose(image, (0, 2, 3, 1)))
        flat = tf.reshape(tf.transpose(x, (0, 3, 1, 2)), (-1, self.dense.kernel.shape[0]))
        return self.activate(self.dense(flat))


class PlainEncoder(ConvolutionalEncoder):
    """Leaky convolutions in a row, without padding."""

    layers: ClassVar[Sequence[tuple[int, int, int]]]
    """(filters, kernel size, stride) of each."""

    def make_convolutions(
        self, channels: int, resolution: tuple[int, ...], seeds: Iterator[int]
    ) -> int:
        self.convolutions = []
        for i, (filters, size, stride) in enumerate(self.layers):
            convolution = _convolution(channels, filters, size, seeds, f"conv_{i}", strides=stride)
            self.convolutions.append(convolution)
            channels = filters
            resolution = tuple((length - size) // stride + 1 for length in resolution)
        return channels * resolution[0] * resolution[1]

    def convolve(self, image: tf.Tensor) -> tf.Tensor:
        for convolution in self.convolutions:
            image = tf.nn.leaky_relu(convolution(image), LEAK)
        return image


class SimpleEncoder(PlainEncoder):
    """Two layers, ML-Agents' default."""

    min_resolution = 20
    layers = ((16, 8, 4), (32, 4, 2))


class NatureEncoder(PlainEncoder):
    """Three layers (Mnih et al. 2015)."""

    min_resolution = 36
    layers = ((32, 8, 4), (64, 4, 2), (64, 3, 1))


class Match3Encoder(PlainEncoder):
    """Two layers of small kernels, for boards."""

    min_resolution = 5
    layers = ((35, 3, 1), (144, 3, 1))


class FullyConnectedEncoder(PlainEncoder):
    """No convolution at all."""

    min_resolution = 1
    layers = ()


class ResNetEncoder(ConvolutionalEncoder):
    """Three stages of two residual blocks (IMPALA, Espeholt et al. 2018)."""

    min_resolution = 15
    stages = (16, 32, 32)
    num_blocks = 2

    def make_convolutions(
        self, channels: int, resolution: tuple[int, ...], seeds: Iterator[int]
    ) -> int:
        self.openings = []
        self.blocks = []
        self.pool = keras.layers.MaxPooling2D(3, 2)
        for stage, filters in enumerate(self.stages):
            name = f"stage_{stage}"
            same = {"padding": "same"}
            self.openings.append(_convolution(channels, filters, 3, seeds, f"{name}_open", **same))
            for block in range(self.num_blocks):
                self.blocks += [
                    _convolution(filters, filters, 3, seeds, f"{name}_{block}_{half}", **same)
                    for half in range(2)
                ]
            channels = filters
            resolution = tuple((length - 3) // 2 + 1 for length in resolution)
        return channels * resolution[0] * resolution[1]

    def convolve(self, image: tf.Tensor) -> tf.Tensor:
        blocks = iter(self.blocks)
        for opening in self.openings:
            image = self.pool(opening(image))
            for _ in range(self.num_blocks):
                inner = next(blocks)(tf.nn.silu(image))
                image += next(blocks)(tf.nn.silu(inner))
        return tf.nn.silu(image)

    def activate(self, encoding: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(encoding)


def encoder_class(vis_encode_type: str, image_shape: tuple[int, ...]) -> type[ImageEncoder]:
    """The encoder of that name.

    Raises:
        SettingsError: the image is too small for it; names one that would do.
    """
    encoders = plugins.built_in(plugins.ENCODERS, ImageEncoder)
    encoder = encoders[vis_encode_type]
    smallest = min(image_shape[1:])
    if smallest < encoder.min_resolution:
        fitting = max(
            (name for name, other in encoders.items() if other.min_resolution <= smallest),
            key=lambda name: encoders[name].min_resolution,
        )
        _, height, width = image_shape
        raise SettingsError(
            f"network_settings.vis_encode_type: '{vis_encode_type}' needs images of at least "
            f"{encoder.min_resolution}x{encoder.min_resolution}, and these are {width}x{height}. "
            f"Choose '{fitting}'."
        )
    return encoder


def _convolution(
    channels: int, filters: int, size: int, seeds: Iterator[int], name: str, **keys: object
) -> keras.layers.Conv2D:
    """Weights and biases as PyTorch draws them: uniform up to 1 / sqrt(fan in)."""
    fan_in = channels * size * size
    bound = fan_in**-0.5
    kernel, bias = (
        keras.initializers.RandomUniform(-bound, bound, seed=next(seeds)) for _ in range(2)
    )
    convolution = keras.layers.Conv2D(
        filters, size, kernel_initializer=kernel, bias_initializer=bias, name=name, **keys
    )
    convolution.build((None, None, None, channels))
    return convolution
