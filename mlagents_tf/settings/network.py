"""Networks: encoders, body and memory."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from mlagents_tf.settings.base import Settings

ENCODER_NAME = re.compile(r"[A-Za-z_]\w*(-\w+)*|[^\W\d]\w*(\.[^\W\d]\w*)+")


class MemorySettings(Settings):
    """`network_settings.memory`: its presence gives the network an LSTM."""

    memory_size: PositiveInt = Field(
        default=128, multiple_of=2, description="numbers remembered, half of them the LSTM's output"
    )
    sequence_length: PositiveInt = Field(default=64, description="steps that gradients flow back")


class NetworkSettings(Settings):
    """`network_settings` of a behavior or of a reward signal."""

    normalize: bool = Field(default=False, description="normalize vector observations")
    hidden_units: PositiveInt = Field(default=128, description="width of dense layers")
    num_layers: PositiveInt = Field(default=2, description="dense layers after the encoders")
    vis_encode_type: Literal["simple", "nature_cnn", "resnet", "match3", "fully_connected"] = Field(
        default="simple", description="encoder of images"
    )
    memory: MemorySettings | None = Field(default=None, description="absent: no memory")
    goal_conditioning_type: Literal["hyper", "none"] = Field(
        default="hyper", description="what goal observations do to the body"
    )
    deterministic: bool = Field(default=False, description="act greedily")
    encoder: str | None = Field(
        default=None,
        description="an image encoder of yours in the place of vis_encode_type: its import path, "
        "or its name if a package brings it",
    )

    @field_validator("encoder")
    @classmethod
    def an_encoder_is_named_as_python_names_it(cls, value: str | None) -> str | None:
        """Only its form: nothing is imported by reading a file."""
        if value is not None and not ENCODER_NAME.fullmatch(value):
            raise ValueError(
                f"'{value}' can be no encoder. Give an import path such as my_package.MyEncoder, "
                "or the name under which an installed package brings one."
            )
        return value
