"""Which rows of a tape belong to one group at one step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOWHERE = -1


class Moments(NamedTuple):
    """Groups at single steps: index matrices over the F rows of a tape, NOWHERE where none is.

    Attributes:
        members: [G, n] int32 rows of the agents that are there.
        of_row: [F] int32 the moment that says what a row is worth: its own; at the final
            observation of an agent that ended, what is left of its group then.
        places: [F] int32 where a row stands in `members`, counted along its rows; NOWHERE where
            an agent has ended.
    """

    members: NDArray[np.int32]
    of_row: NDArray[np.int32]
    places: NDArray[np.int32]


class Presence(NamedTuple):
    """Who was there when, for N rows.

    Attributes:
        rows: [N] their numbers on the tape.
        groups: [N] which group's episode, positive.
        clocks: [N] step of the environment.
        ended: [N] bool, the final observation of an agent.
        terminated: [N] bool, of those: nothing is to be earned beyond.
        waits_until: [N] the present step for a decision that waits for an answer, else `clocks`.
    """

    rows: NDArray[np.intp]
    groups: NDArray[np.int64]
    clocks: NDArray[np.int64]
    ended: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    waits_until: NDArray[np.int64]


def find_moments(presence: Presence, num_rows: int) -> Moments:
    """Sorts rows by group and step.

    An agent that has ended is in no moment of those who go on. If nobody goes on, those who were
    interrupted together make one, since their value goes on. An end between two decisions of its
    group counts at the group's next one, or at those that wait for an answer.

    Returns:
        As many moments as there are, and as many places in each as the largest needs.
    """
    keys = _keys(presence.groups, presence.clocks)
    there, late = ~presence.terminated, presence.waits_until > presence.clocks
    # odd: behind those who decide at a step stand those who were cut off there, and who wait
    waiting = _keys(presence.groups, presence.waits_until)[late] + 1
    entries = np.concatenate([(keys + presence.ended)[there], waiting])
    rows = np.concatenate([presence.rows[there], presence.rows[late]])
    order = np.argsort(entries, kind="stable")
    entries, rows = entries[order], rows[order]
    moments, first, counts = np.unique(entries, return_index=True, return_counts=True)
    number = np.repeat(np.arange(len(moments)), counts)
    slots = np.arange(len(entries)) - np.repeat(first, counts)
    members = np.full((len(moments), counts.max(initial=1)), NOWHERE, np.int32)
    members[number, slots] = rows
    of_row, places = (np.full(num_rows, NOWHERE, np.int32) for _ in range(2))
    of_row[presence.rows] = _next_of_group(moments, keys)
    deciding = entries % 2 == 0
    places[rows[deciding]] = (number * members.shape[1] + slots)[deciding]
    return Moments(members, of_row, places)


def _keys(groups: NDArray[np.int64], clocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """[N] even numbers that sort by group, then by step."""
    keys: NDArray[np.int64] = (groups << 32) + 2 * clocks
    return keys


def _next_of_group(moments: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """[N] for each key the first moment of its group that is not before it, or NOWHERE."""
    found = np.searchsorted(moments, keys)
    padded = np.append(moments, np.int64(-1))  # of no group
    found[padded[found] >> 32 != keys >> 32] = NOWHERE
    return found


def padded_moments(moments: Moments, num_moments: int, num_places: int) -> Moments:
    """The same with room for `num_moments` moments of `num_places` agents."""
    count, size = moments.members.shape
    members = np.full((num_moments, num_places), NOWHERE, np.int32)
    members[:count, :size] = moments.members
    moment, slot = np.divmod(moments.places, size)
    places = np.where(moments.places == NOWHERE, NOWHERE, moment * num_places + slot)
    return Moments(members, moments.of_row, places.astype(np.int32))
