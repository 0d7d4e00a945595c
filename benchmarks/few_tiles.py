"""`mlagents-tf` with two more environments: Sorter of few tiles, with entities and without.

    python benchmarks/few_tiles.py learn config/ppo/Sorter.yaml --env SorterFlat

`SorterFew` is Sorter with at most 3 tiles, and as many rows of entities. In `SorterFlat` the policy
sees the same numbers side by side as one vector, so that nothing attends to them; all else is the
same. The rows are in ascending order in both.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import ClassVar

from mlagents_tf.cli.main import main
from mlagents_tf.envs.embedded.sorter import ENTITY, Sorter
from mlagents_tf.envs.embedded.world import Observations
from mlagents_tf.envs.registry import EMBEDDED
from mlagents_tf.specs import ObservationSpec, Spec

TILES = 3
ENTITIES, FRAMES = Sorter.spec.observations


class SorterFew(Sorter):
    """At most `TILES` tiles, and no rows for more."""

    spec = Spec((replace(ENTITIES, shape=(TILES, ENTITY)), FRAMES), Sorter.spec.actions)
    default_parameters: ClassVar[dict[str, float]] = {"num_tiles": TILES}

    def _observe(self) -> Observations:
        entities, frames = super()._observe()
        return entities[:, :TILES], frames


class SorterFlat(SorterFew):
    """The rows as one vector."""

    spec = Spec((ObservationSpec((TILES * ENTITY,), "tiles"), FRAMES), Sorter.spec.actions)

    def _observe(self) -> Observations:
        entities, frames = super()._observe()
        return entities.reshape(self.num_areas, -1), frames


if __name__ == "__main__":
    EMBEDDED.update(SorterFew=SorterFew, SorterFlat=SorterFlat)
    sys.exit(main())
