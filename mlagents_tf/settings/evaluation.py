"""Settings of evaluations during training."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from mlagents_tf.settings.base import Settings


class EvaluationSettings(Settings):
    """`evaluation`: playing the present policies now and then, apart from training."""

    interval: PositiveInt = Field(description="steps of the run between two evaluations")
    episodes: PositiveInt = Field(default=20, description="of each behavior")
    num_areas: PositiveInt = Field(default=10, description="areas of the environment they play in")
    threshold: float | None = Field(
        default=None, description="mean return at which the run is done; absent: never"
    )
    max_episode_steps: NonNegativeInt = Field(
        default=10_000, description="decisions after which an episode counts as it stands; 0: none"
    )
