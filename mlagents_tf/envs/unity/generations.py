"""Three generations of Unity's package, and how each of them says what agents see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mlagents_tf.errors import EnvError
from mlagents_tf.protobuf.messages import Capability, Player
from mlagents_tf.protobuf.observations import Form
from mlagents_tf.protobuf.step_writer import StepWriter
from mlagents_tf.specs import WHITE, ObservationSpec, Spec
from mlagents_tf.steps import Step

PLAYER_NAME = "AcademySingleton"
PLAIN_PNG = (1, 3)
"""Channels of an image that is one PNG, which is all that package 1.0 can send."""


class Generation(NamedTuple):
    """What a player of some package says of itself, and where channels of images stand."""

    player: Player
    channels_last: bool

    @property
    def is_old(self) -> bool:
        """Actions are either continuous or discrete, and observations are not described."""
        return Capability.HYBRID_ACTIONS not in self.player.capabilities

    @property
    def form(self) -> Form:
        """How observations are sent."""
        return Form(self.channels_last, described=not self.is_old)


GENERATIONS: Mapping[int, Generation] = {
    1: Generation(Player("1.0.8", "1.0.0", Capability.BASE, PLAYER_NAME), channels_last=True),
    2: Generation(Player("2.3.0-exp.3", name=PLAYER_NAME), channels_last=True),
    3: Generation(Player("3.0.0", name=PLAYER_NAME), channels_last=False),
}
"""By the major version of the package; versions after 3 speak as it does."""


class Speaker:
    """Says what becomes of the agents of one behavior.

    Args:
        name: of the behavior.
        spec: of the environment.
        generation: of the player.
        compresses: images of bytes are sent as PNG, if the generation can; else as floats.

    Raises:
        EnvError: the generation has no words for what the agents see or do.
    """

    def __init__(self, name: str, spec: Spec, generation: Generation, compresses: bool) -> None:
        if generation.is_old:
            _check_old(name, spec)
        self._has_groups = Capability.GROUPS in generation.player.capabilities
        sent = [_sent(obs, generation, compresses) for obs in spec.observations]
        self._turned_to_floats = [
            before.dtype != after.dtype
            for before, after in zip(spec.observations, sent, strict=True)
        ]
        self._any_turned = any(self._turned_to_floats)
        self._writer = StepWriter(Spec(tuple(sent), spec.actions), generation.form)

    def say(self, step: Step) -> bytes:
        """ListAgentInfoProto."""
        if self._any_turned:
            pairs = zip(step.obs, self._turned_to_floats, strict=True)
            step = step._replace(
                obs=tuple(np.divide(obs, WHITE, dtype=np.float32) if t else obs for obs, t in pairs)
            )
        if not self._has_groups:
            step = step._replace(
                group_ids=np.zeros_like(step.group_ids),
                group_rewards=np.zeros_like(step.group_rewards),
            )
        return self._writer.write(step)


def _sent(obs: ObservationSpec, generation: Generation, compresses: bool) -> ObservationSpec:
    """An observation as it is sent: images of bytes stay bytes only as PNG."""
    if obs.dtype != "uint8":
        return obs
    if compresses and (not generation.is_old or obs.shape[0] in PLAIN_PNG):
        return obs
    return replace(obs, dtype="float32")


def _check_old(name: str, spec: Spec) -> None:
    what = None
    if spec.actions.continuous_size and spec.actions.num_branches:
        what = "hybrid actions"
    elif any(obs.is_entities for obs in spec.observations):
        what = "observations of variable length"
    if what:
        raise EnvError(
            f"{name}: package 1.0 of Unity has no {what}, so that it cannot be served with "
            "--generation 1; choose 2 or 3."
        )
