"""The order in which rows are learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def shuffled_minibatches(
    rng: np.random.Generator, rows: NDArray[np.intp], batch_size: int, num_epoch: int
) -> NDArray[np.int32]:
    """Rows of each minibatch of all epochs, [E * M, B] int32 with M = len(rows) // B.

    Every epoch shuffles the rows anew and leaves out what does not fill a minibatch.
    """
    per_epoch = len(rows) // batch_size
    order = np.empty((num_epoch, per_epoch * batch_size), np.int32)
    for epoch in range(num_epoch):
        order[epoch] = rng.permutation(rows)[: per_epoch * batch_size]
    return order.reshape(num_epoch * per_epoch, batch_size)


def rows_in_sequences(sequences: NDArray[np.integer], length: int) -> NDArray[np.int32]:
    """[..., S] numbers of sequences -> [..., S * length] the rows that stand in them, in order."""
    rows = sequences[..., None] * length + np.arange(length)
    width = sequences.shape[-1] * length
    return rows.reshape(*sequences.shape[:-1], width).astype(np.int32)
