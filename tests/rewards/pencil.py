"""Networks of reward signals in NumPy and float64: slow, and without a line of the package."""

from __future__ import annotations

import numpy as np

from mlagents_tf.nn.weights import named_weights

STEP = 1e-5


class Pencil:
    """Weights of a signal by name, and what dense layers make of them."""

    def __init__(self, signal, actions):
        self.actions = actions
        self.w = {
            name.removeprefix("network/"): np.array(array, np.float64)
            for name, array in signal.state().items()
            if name.startswith("network/")
        }

    def see(self, obs, mask):
        """Statistics of the real rows, beside one row at 0 with a variance of 1."""
        rows = np.concatenate([np.array(o)[np.array(mask) == 1] for o in obs], axis=1)
        rows = np.concatenate([np.zeros((1, rows.shape[1])), rows.astype(np.float64)])
        self.w["inputs/normalizer/rows"] = np.array(float(len(rows)))
        self.w["inputs/normalizer/mean"] = rows.mean(axis=0)
        self.w["inputs/normalizer/variance_sum"] = 1 + len(rows) * rows.var(axis=0)

    def inputs(self, obs):
        rows = np.concatenate([np.array(o) for o in obs], axis=1).astype(np.float64)
        if "inputs/normalizer/mean" not in self.w:
            return rows
        variance = self.w["inputs/normalizer/variance_sum"] / self.w["inputs/normalizer/rows"]
        return np.clip((rows - self.w["inputs/normalizer/mean"]) / np.sqrt(variance), -5, 5)

    def action(self, rows):
        """[N, C + sum of branch sizes]."""
        discrete = np.array(rows.discrete)
        parts = [
            np.eye(size)[discrete[:, b]] for b, size in enumerate(self.actions.discrete_branches)
        ]
        return np.concatenate([np.array(rows.continuous, np.float64), *parts], axis=1)

    def dense(self, name, x):
        return x @ self.w[f"{name}/kernel"] + self.w[f"{name}/bias"]

    def body(self, name, x):
        layer = 0
        while f"{name}/dense_{layer}/kernel" in self.w:
            x, layer = swish(self.dense(f"{name}/dense_{layer}", x)), layer + 1
        return x

    def slope(self, name, direction, function):
        """How fast `function()` rises as the weight `name` moves in a direction."""
        start, values = self.w[name], []
        for sign in (1, -1):
            self.w[name] = start + sign * STEP * direction
            values.append(function())
        self.w[name] = start
        return (values[0] - values[1]) / (2 * STEP)


def swish(x):
    return x * sigmoid(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mean(x, mask):
    """Over rows where the mask is 1."""
    return x[np.array(mask) == 1].mean()


def shaken(signal, seed=0):
    """Moves all weights, so that no two are alike and no bias is 0 any more."""
    rng = np.random.default_rng(seed)
    for name, weight in named_weights(signal.network).items():
        if "normalizer" not in name and not name.endswith("beta"):
            weight.assign(weight + 0.3 * rng.standard_normal(weight.shape).astype(np.float32))
    return signal


def gradients(signal):
    """Of the first step, by the names of weights: what Adam remembers of it, times ten."""
    names = {id(weight): name for name, weight in named_weights(signal.network).items()}
    slots = signal.optimizer.variables[2::2]  # after the count and the learning rate
    trained = signal.network.trainable_variables
    return {names[id(v)]: 10.0 * m.numpy() for v, m in zip(trained, slots, strict=True)}


def check_gradients(signal, pencil, loss):
    """Compares them, in a random direction of each weight, with the slope of the pencil's loss."""
    rng, found = np.random.default_rng(1), gradients(signal)
    for name, gradient in found.items():
        direction = rng.standard_normal(gradient.shape)
        expected = pencil.slope(name, direction, loss)
        size = np.linalg.norm(gradient) * np.linalg.norm(direction)
        assert abs((gradient * direction).sum() - expected) < 1e-4 * size + 1e-6, name
    return found
