"""What settings and commands say about demonstrations."""

from __future__ import annotations

from typing import Literal, get_args

Alignment = Literal["auto", "next", "same"]
"""The record of a `.demo` file that holds the action of an observation; auto: by who wrote it."""

ALIGNMENTS: tuple[str, ...] = get_args(Alignment)
AUTO, NEXT, SAME = ALIGNMENTS
