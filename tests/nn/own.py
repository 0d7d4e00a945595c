"""Encoders as users would write them, right and wrong."""

import keras
import tensorflow as tf

from mlagents_tf.export.onnx_math import dense
from mlagents_tf.nn.encoders import ImageEncoder, PlainEncoder


class MeanEncoder(ImageEncoder):
    """The mean of each channel, then two dense layers without a name."""

    def __init__(self, image_shape, output_size, seeds, **kwargs):
        super().__init__(image_shape, output_size, seeds, **kwargs)
        self.first, self.second = (self.make_layer(output_size, seeds) for _ in range(2))

    def make_layer(self, size, seeds):
        draw = keras.initializers.HeNormal(seed=next(seeds))
        return keras.layers.Dense(size, activation="relu", kernel_initializer=draw)

    def call(self, image):
        return self.second(self.first(tf.reduce_mean(image, axis=(2, 3))))


class WritableEncoder(MeanEncoder):
    """One that says how it is written as ONNX."""

    def onnx_nodes(self, graph, name, image):
        x = graph.node("ReduceMean", image, axes=[2, 3], keepdims=0)
        for k, layer in enumerate((self.first, self.second)):
            x = graph.node("Relu", dense(graph, f"{name}.dense_{k}", layer, x))
        return x


class WronglyWrittenEncoder(MeanEncoder):
    """One that says something else."""

    def onnx_nodes(self, graph, name, image):
        x = graph.node("ReduceMean", image, axes=[2, 3], keepdims=0)
        return dense(graph, f"{name}.dense", self.first, x)


class TwoLayers(PlainEncoder):
    """Another stack of convolutions."""

    min_resolution = 6
    layers = ((4, 4, 2), (8, 2, 1))


class TooWide(MeanEncoder):
    """Puts out one number too many."""

    def call(self, image):
        x = super().call(image)
        return tf.concat([x, x[:, :1]], axis=-1)


class Idle(MeanEncoder):
    """Has a layer that it does not use."""

    def call(self, image):
        x = tf.reduce_mean(image, axis=(2, 3))
        return self.second(self.first(x)) + 0.0 * tf.stop_gradient(self.unused(x))

    def __init__(self, image_shape, output_size, seeds, **kwargs):
        super().__init__(image_shape, output_size, seeds, **kwargs)
        self.unused = keras.layers.Dense(1, name="unused")


class Fails(ImageEncoder):
    """Cannot be called."""

    def call(self, image):
        raise ValueError("no such thing\nand more")


class Undefined(ImageEncoder):
    """Has no call."""


class Forgetful(MeanEncoder):
    """Draws its weights without the seeds."""

    def make_layer(self, size, seeds):
        return keras.layers.Dense(size)


class Sociable(MeanEncoder):
    """Looks at the whole batch."""

    def call(self, image):
        return super().call(image - tf.reduce_mean(image, axis=0))


class NotAnEncoder:
    """No subclass."""
