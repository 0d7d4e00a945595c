"""Learning from demonstrations: what names them, and cloning beside a trainer's own updates."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from mlagents_tf.settings.base import Settings
from mlagents_tf.settings.demonstrations import Alignment


class DemonstrationSettings(Settings):
    """Which demonstrations to learn from, and how to read them."""

    demo_path: str = Field(
        description="a .demo file or a directory of them, relative to the working directory"
    )
    demo_action_alignment: Alignment = Field(
        default="auto",
        description="where the action of an observation stands; auto: by who wrote the file",
    )


class BehavioralCloningSettings(DemonstrationSettings):
    """`behavioral_cloning`: imitate a demonstration beside the trainer's own updates."""

    strength: float = Field(default=1.0, ge=0, description="factor of the trainer's learning rate")
    steps: NonNegativeInt = Field(
        default=0, description="steps until its strength is 0; 0: never falls"
    )
    batch_size: PositiveInt | None = Field(default=None, description="absent: the trainer's")
    num_epoch: PositiveInt | None = Field(
        default=None,
        description="passes per update, absent: the trainer's; sac: minibatches per gradient step, "
        "absent: 1",
    )
    samples_per_update: NonNegativeInt = Field(
        default=0, description="rows per pass; 0: all of them; without effect in sac"
    )
