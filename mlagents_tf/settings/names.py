"""Names of behaviors as environments write them: `Tennis?team=1`."""

from __future__ import annotations

from urllib.parse import parse_qs


def base_name(behavior: str) -> str:
    """A behavior's name without its team: `Tennis`."""
    return behavior.split("?", 1)[0]


def team_of(behavior: str) -> int:
    """The number of its team: 1; it is 0 where none is written, or something else."""
    given = parse_qs(behavior.partition("?")[2]).get("team", ["0"])[0]
    return int(given) if given.isdecimal() else 0
