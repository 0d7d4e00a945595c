"""What a worker and its parent say to each other: one byte, and for some what follows it.

The steps themselves stand in shared memory (`shared.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlagents_tf.envs.env import Parameters
from mlagents_tf.samplers import Sampler, from_json, to_json
from mlagents_tf.specs import Spec
from mlagents_tf.stats import Aggregation, EnvStatistic
from mlagents_tf.steps import IntArray

# to a worker
RESET = b"r"  # JSON: parameters
PARAMETERS = b"p"  # JSON: parameters; has no answer
STEP = b"s"  # the actions stand in the block
BLOCK = b"b"  # name of a new block
CLOSE = b"c"

# from a worker
HELLO = b"H"  # its code runs; the environment is being made
READY = b"R"  # the environment is made
NEWS = b"N"  # JSON: `News`
ROOM = b"M"  # number: bytes that the next step needs
ANSWER = b"A"  # parts of the step in the block
ALIKE = b"="  # a step with the parts of the last one
FAILED = b"F"  # JSON: sentence and traceback


class News(NamedTuple):
    """What a worker says beside its steps.

    Attributes:
        specs: of behaviors that were not named before, in the order of their numbers.
        statistics: that the environment reports.
        unknown_parameters: all that its environment does not have.
        lost: ids by behavior of agents that its environment has lost.
        player_pid: a process that the environment has started.
    """

    specs: dict[str, Spec]
    statistics: list[EnvStatistic]
    unknown_parameters: list[str]
    lost: dict[str, list[int]]
    player_pid: int | None

    def encode(self) -> bytes:
        """The whole message."""
        facts = {
            "specs": {name: spec.to_json() for name, spec in self.specs.items()},
            "statistics": [
                (name, float(value), int(kind)) for name, value, kind in self.statistics
            ],
            "unknown_parameters": self.unknown_parameters,
            "lost": self.lost,
            "player_pid": self.player_pid,
        }
        return NEWS + json.dumps(facts).encode()

    @classmethod
    def decode(cls, body: bytes) -> News:
        """What `encode` was called on, from what follows the first byte."""
        facts = json.loads(body)
        return cls(
            {name: Spec.from_json(spec) for name, spec in facts["specs"].items()},
            [
                EnvStatistic(name, value, Aggregation(kind))
                for name, value, kind in facts["statistics"]
            ],
            facts["unknown_parameters"],
            facts["lost"],
            facts["player_pid"],
        )


def encode_failure(sentence: str, traceback: str) -> bytes:
    """The message that a worker's environment has raised."""
    return FAILED + json.dumps((sentence, traceback)).encode()


def encode_parameters(kind: bytes, parameters: Parameters) -> bytes:
    """The message that an environment has new parameters, and, if RESET, is to begin anew."""
    return kind + json.dumps({name: to_json(value) for name, value in parameters.items()}).encode()


def read_parameters(body: bytes) -> dict[str, float | Sampler]:
    """What `encode_parameters` has written behind the kind."""
    return {name: from_json(value) for name, value in json.loads(body).items()}


def as_lists(lost: Mapping[str, IntArray], life_offset: int) -> dict[str, list[int]]:
    """Ids as JSON takes them."""
    return {name: (ids | life_offset).tolist() for name, ids in lost.items() if len(ids)}


def read_json(body: bytes) -> Any:
    """Values that one of the functions above has written."""
    return json.loads(body)
