"""Encoders of images for a network: built in, or a class of yours (`network_settings.encoder`).

A package adds one under a short name by an entry point of the group `mlagents_tf.encoders`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from mlagents_tf import plugins
from mlagents_tf.errors import SettingsError
from mlagents_tf.nn.encoders import ImageEncoder, encoder_class

KEY = "network_settings.encoder"
COLOURS = re.compile(r"\x1b\[\d*m")


def make_encoders(
    vis_encode_type: str,
    encoder: str | None,
    image_shapes: Sequence[tuple[int, ...]],
    output_size: int,
    seeds: Iterator[int],
) -> list[ImageEncoder]:
    """One encoder for each image of a network.

    Args:
        vis_encode_type: name of a built-in encoder.
        encoder: name of one that takes its place, or None.
        image_shapes: (C, H, W) of each image.
        output_size: width of each encoding.
        seeds: of initial weights.

    Raises:
        SettingsError: an image is too small, or the encoder is not what it has to be.
    """
    if encoder is not None:
        if not image_shapes:
            raise SettingsError(
                f"{KEY}: '{encoder}' encodes images, and there is no image among the observations. "
                "Take it out (or set it to null where default_settings has it)."
            )
        own = own_encoder(encoder)
        return [
            built_encoder(own, image, output_size, seeds, f"image_{i}")
            for i, image in enumerate(image_shapes)
        ]
    classes = [encoder_class(vis_encode_type, image) for image in image_shapes]
    if len(classes) == 1:
        return [classes[0](image_shapes[0], output_size, seeds, name="image_0")]
    encoders = []
    for i, (each, image) in enumerate(zip(classes, image_shapes, strict=True)):
        with keras.name_scope(f"image_{i}"):  # else weights of two would have the same names
            encoders.append(each(image, output_size, seeds, name=f"image_{i}"))
    return encoders


def own_encoder(name: str) -> type[ImageEncoder]:
    """The class called `name`: an import path if there is a dot in it, else an entry point.

    Imports what is named: whoever calls has made sure that the user named it, and not only a file
    of a run (`run/encoders.py`).

    Raises:
        SettingsError: it cannot be imported, or is no subclass of ImageEncoder.
    """
    found = _at_path(name) if "." in name else _of_package(name)
    if not (isinstance(found, type) and issubclass(found, ImageEncoder)):
        raise SettingsError(
            f"{KEY}: '{name}' is no subclass of mlagents_tf.nn.encoders.ImageEncoder, but "
            f"{f'the class {found.__name__}' if isinstance(found, type) else type(found).__name__}."
            " Make it one (docs/encoders.md)."
        )
    return found


def _at_path(name: str) -> Any:
    """What stands at `package.module.Class`."""
    module, _, attribute = name.rpartition(".")
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # whatever a module does when it is imported
        top = module.partition(".")[0]
        absent = isinstance(error, ModuleNotFoundError) and error.name in (module, top)
        hint = (
            f" Install its package, or put the directory that has {top} into PYTHONPATH."
            if absent
            else ""
        )
        raise SettingsError(
            f"{KEY}: '{name}': the module {module} cannot be imported: {_described(error)}.{hint}"
        ) from error
    if not hasattr(loaded, attribute):
        where = getattr(loaded, "__file__", None) or "no file"
        raise SettingsError(f"{KEY}: '{name}': {module} ({where}) has no {attribute}.")
    return getattr(loaded, attribute)


def _of_package(name: str) -> Any:
    """What an entry point called `name` leads to."""
    plugin = plugins.find(plugins.ENCODERS, name)
    if plugin is None:
        known = ", ".join(plugins.names(plugins.ENCODERS))
        raise SettingsError(
            f"{KEY}: no installed package has an encoder called '{name}' (there is: {known}). "
            "Install its package, or give an import path such as my_package.MyEncoder."
        )
    return plugin.load(f"{KEY}: '{name}'")


def built_encoder(
    own: type[ImageEncoder],
    image: tuple[int, ...],
    output_size: int,
    seeds: Iterator[int],
    layer: str,
) -> ImageEncoder:
    """An encoder that was called once, so that all its weights are there.

    Args:
        own: its class.
        image: (C, H, W).
        output_size: width of the encoding.
        seeds: of initial weights.
        layer: its name, with which names of its weights begin.

    Raises:
        SettingsError: it fails, puts out what it must not, or has weights without use.
    """
    name = own.__name__
    smallest = min(image[1:])
    if smallest < own.min_resolution:
        raise SettingsError(
            f"{KEY}: '{name}' needs images of at least {own.min_resolution}x{own.min_resolution}, "
            f"and these are {image[2]}x{image[1]}."
        )
    try:
        encoder = own(image, output_size, seeds, name=layer)
        with tf.GradientTape() as tape:
            encoding = tf.convert_to_tensor(encoder(tf.zeros([1, *image])))
    except Exception as error:  # whatever foreign code does
        raise SettingsError(
            f"{KEY}: '{name}' fails on an image {list(image)}: {_described(error)}."
        ) from error
    if encoding.shape != (1, output_size) or encoding.dtype != tf.float32:
        raise SettingsError(
            f"{KEY}: '{name}' makes {encoding.dtype.name} {list(encoding.shape)} of one image "
            f"{list(image)}; it must make float32 [1, {output_size}] (output_size, which is "
            "hidden_units)."
        )
    weights = encoder.trainable_variables
    idle = [
        weight.path
        for weight, gradient in zip(weights, tape.gradient(encoding, weights), strict=True)
        if gradient is None
    ]
    if idle:
        raise SettingsError(
            f"{KEY}: '{name}' never uses {', '.join(idle)}, which could not be trained. "
            "Use it, or make it with trainable=False."
        )
    for k, weight in enumerate(encoder.weights):
        # Keras counts layers without a name, so that they are called differently in every process
        weight._path = f"{layer}/{k}_{weight.name}"
    return encoder


def _described(error: Exception) -> str:
    """Type and message of an error, on one line, without the tensors that Keras adds to it."""
    text = str(error).partition("\n\nArguments received by")[0]
    return f"{type(error).__name__}: {' '.join(COLOURS.sub('', text).split()).rstrip('.')}"
