"""What the machine can do at best."""

from __future__ import annotations

import time
from collections.abc import Callable

import tensorflow as tf


def peak_flops(clock: Callable[[], float] = time.perf_counter) -> float:
    """What a 1024 x 1024 matrix product reaches on this machine now, in a second of `clock`."""
    a = tf.random.normal((1024, 1024))
    product: Callable[..., tf.Tensor] = tf.function(tf.matmul)
    best = 0.0
    for _ in range(30):
        began = clock()
        product(a, a).numpy()
        best = max(best, 2.0 * 1024**3 / (clock() - began))
    return best
