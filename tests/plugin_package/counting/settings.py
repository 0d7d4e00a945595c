"""What stands under `count` in YAML; read without TensorFlow."""

from pydantic import Field

from mlagents_tf.settings.rewards import RewardSignalSettings


class CountSettings(RewardSignalSettings):
    """Reward for what was seldom seen."""

    num_bins: int = Field(default=8, ge=2, description="bins of the first number that is observed")
