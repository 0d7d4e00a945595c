"""How a hyperparameter moves over a run; plain numbers, evaluated on the host."""

from __future__ import annotations

LEARNING_RATE_FLOOR = 1e-10
EPSILON_FLOOR = 0.1
BETA_FLOOR = 1e-5


def scheduled(kind: str, start: float, floor: float, step: int, max_steps: int) -> float:
    """Value of a hyperparameter at `step`.

    Args:
        kind: "linear" (from `start` at step 0 to `floor` at `max_steps`) or "constant".
        start: value at step 0.
        floor: value at and after `max_steps`.
        step: steps so far.
        max_steps: length of the schedule.

    Returns:
        The value.
    """
    if kind == "constant":
        return start
    progress = min(step, max_steps) / max_steps
    return (start - floor) * (1.0 - progress) + floor
