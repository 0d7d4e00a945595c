"""From settings to networks."""

from __future__ import annotations

from mlagents_tf.nn.policies import NetworkShape
from mlagents_tf.settings.network import NetworkSettings


def network_shape(settings: NetworkSettings) -> NetworkShape:
    """What `nn` needs to know of `network_settings`."""
    return NetworkShape(
        hidden_units=settings.hidden_units,
        num_layers=settings.num_layers,
        normalize=settings.normalize,
        separate_goals=settings.goal_conditioning_type == "hyper",
    )
