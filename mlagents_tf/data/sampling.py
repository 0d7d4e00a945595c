"""Drawing actions on the host from a policy's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlagents_tf.steps import BoolArray, FloatArray

LOG_2PI = float(np.log(2.0 * np.pi))
TINY = np.finfo(np.float32).tiny


def sample_gaussian(means: FloatArray, stds: FloatArray, rng: np.random.Generator) -> FloatArray:
    """[N, C] draws with `means` [N, C] and `stds` [C] or [N, C]."""
    noise = rng.standard_normal(means.shape, dtype=np.float32)
    return means + stds * noise


def sample_branches(
    logits: FloatArray,
    allowed: BoolArray | None,
    branches: Sequence[slice],
    rng: np.random.Generator | None,
) -> NDArray[np.int32]:
    """One option of each branch, drawn with softmax probabilities, or the likeliest one.

    Uses that argmax(logits - log(Exponential(1))) is a categorical draw (Gumbel 1954).

    Args:
        logits: [N, sum of branch sizes].
        allowed: the same shape, False = never taken; None = all may be.
        branches: where each of D branches stands in a row.
        rng: None takes the likeliest option.

    Returns:
        [N, D] int32.
    """
    scores = logits
    if rng is not None:
        noise = rng.standard_exponential(logits.shape, dtype=np.float32)
        scores = logits - np.log(np.maximum(noise, TINY))  # one draw in eight million is 0
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    taken = np.empty((len(logits), len(branches)), np.int32)
    for branch, options in enumerate(branches):
        taken[:, branch] = scores[:, options].argmax(axis=1)
    return taken


def log_probs(
    means: FloatArray,
    stds: FloatArray,
    continuous: FloatArray,
    logits: FloatArray,
    allowed: BoolArray | None,
    discrete: NDArray[np.int32],
    branches: Sequence[slice],
) -> FloatArray:
    """[N] log-probability of whole actions, summed over dimensions and branches."""
    total: NDArray[Any] = np.zeros(len(discrete), np.float32)
    if means.shape[1]:
        errors = (continuous - means) / stds
        total = total - (0.5 * (errors * errors + LOG_2PI) + np.log(stds)).sum(axis=1)
    if allowed is not None:
        logits = np.where(allowed, logits, np.float32(-1e8))
    for branch, options in enumerate(branches):
        scores = logits[:, options]
        scores = scores - scores.max(axis=1, keepdims=True)
        chosen = np.take_along_axis(scores, discrete[:, branch : branch + 1].astype(np.intp), 1)
        total = total + chosen[:, 0] - np.log(np.exp(scores).sum(axis=1))
    return total
