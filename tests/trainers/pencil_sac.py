"""SAC from the formulas of the papers, in float64: slow, and without a line of the package."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

FORBIDDEN = -1e8


class Signal:
    """How a stream of rewards is paid: `pay` of the environment's rewards, a discount, an end."""

    def __init__(self, pay, gamma, goes_on_after_the_end=False):
        self.pay, self.gamma, self.goes_on = pay, gamma, goes_on_after_the_end


class PencilSAC:
    """Weights by the names of a trainer's, and gradient steps on them.

    Args:
        weights: of a trainer, by name.
        actions: their spec.
        signals: streams of rewards, in the order of the heads.
        tau: share of the way that targets go.
    """

    def __init__(self, weights, actions, signals, tau):
        self.w = {name: np.array(array, np.float64) for name, array in weights.items()}
        self.actions, self.signals, self.tau = actions, signals, tau
        self.q_target = "target_q1/values/kernel" in self.w
        self.moments = {name: (np.zeros(a.shape), np.zeros(a.shape)) for name, a in self.w.items()}
        self.time = 0

    def see(self, rows):
        """Statistics of all rows [N, I] ever seen, beside one at 0 with a variance of 1."""
        rows = np.concatenate([np.zeros((1, rows.shape[1])), rows.astype(np.float64)])
        self.w["inputs/normalizer/rows"] = np.array(float(len(rows)))
        self.w["inputs/normalizer/mean"] = rows.mean(axis=0)
        self.w["inputs/normalizer/variance_sum"] = 1 + len(rows) * rows.var(axis=0)

    def inputs(self, obs):
        rows = np.concatenate(obs, axis=1).astype(np.float64)
        variance = self.w["inputs/normalizer/variance_sum"] / self.w["inputs/normalizer/rows"]
        return np.clip((rows - self.w["inputs/normalizer/mean"]) / np.sqrt(variance), -5, 5)

    @staticmethod
    def dense(w, name, x):
        return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    def body(self, w, name, x):
        layer = 0
        while f"{name}/dense_{layer}/kernel" in w:
            x = self.dense(w, f"{name}/dense_{layer}", x)
            x, layer = x * tf.sigmoid(x), layer + 1
        return x

    def heads(self, w, name, x):
        """For each signal what a critic puts out: [B, options]."""
        return tf.split(
            self.dense(w, f"{name}/values", self.body(w, name, x)), len(self.signals), 1
        )

    def policy(self, w, x, allowed, noise):
        """Squashed draws [B, C], their log-probabilities [B], and (pi, log pi) of each branch."""
        encoding = self.body(w, "actor", x)
        drawn, log_probs, branches = tf.zeros((len(x), 0), tf.float64), tf.zeros(len(x)), []
        if self.actions.continuous_size:
            means = self.dense(w, "action_heads/means", encoding)
            stds = tf.exp(
                tf.clip_by_value(self.dense(w, "action_heads/log_stds_of", encoding), -20.0, 2.0)
            )
            squashed = tfd.TransformedDistribution(tfd.Normal(means, stds), tfb.Tanh())
            drawn = squashed.bijector.forward(means + stds * noise.astype(np.float64))
            log_probs = tf.reduce_sum(squashed.log_prob(drawn), axis=1)
        if self.actions.num_branches:
            logits = self.dense(w, "action_heads/logits", encoding)
            logits = tf.where(allowed, logits, tf.constant(FORBIDDEN, tf.float64))
            for part in tf.split(logits, self.actions.discrete_branches, axis=1):
                branches.append((tf.nn.softmax(part), tf.nn.log_softmax(part)))
        return drawn, log_probs, branches

    def q_of_policy(self, w, name, x, drawn, branches):
        """For each signal [B]: continuous draws as inputs, a mean over branches of sums over pi."""
        found = []
        for outputs in self.heads(w, name, tf.concat([x, drawn], axis=1)):
            if not branches:
                found.append(outputs[:, 0])
                continue
            parts = tf.split(outputs, self.actions.discrete_branches, axis=1)
            sums = [
                tf.reduce_sum(pi * part, axis=1)
                for (pi, _), part in zip(branches, parts, strict=True)
            ]
            found.append(sum(sums) / len(sums))
        return found

    def q_of_data(self, w, name, x, batch):
        found = []
        rows = np.arange(len(x))
        for outputs in self.heads(w, name, tf.concat([x, batch.continuous], axis=1)):
            if not self.actions.num_branches:
                found.append(outputs[:, 0])
                continue
            parts = tf.split(outputs, self.actions.discrete_branches, axis=1)
            taken = [
                tf.gather_nd(part, np.stack([rows, batch.discrete[:, b]], axis=1))
                for b, part in enumerate(parts)
            ]
            found.append(sum(taken) / len(taken))
        return found

    def entropy_bonus(self, w, log_probs, branches):
        """[B]: - mean over branches of alpha_b sum pi log pi - alpha_c log pi_c."""
        alphas = tf.exp(w["entropy_coefficients/entropy_coefficients/logs"])
        bonus = tf.zeros([], tf.float64)
        if branches:
            sums = [
                alphas[b] * tf.reduce_sum(pi * log_pi, axis=1)
                for b, (pi, log_pi) in enumerate(branches)
            ]
            bonus -= sum(sums) / len(sums)
        if self.actions.continuous_size:
            bonus -= alphas[len(branches)] * log_probs
        return bonus

    def coefficient_loss(self, w, log_probs, branches):
        """[] - mean_b log alpha_b (sum pi log pi + 0.2 ln n_b) - log alpha_c (log pi_c - C)."""
        logs = w["entropy_coefficients/entropy_coefficients/logs"]
        loss = tf.zeros([], tf.float64)
        for b, (pi, log_pi) in enumerate(branches):
            target = 0.2 * np.log(self.actions.discrete_branches[b])
            minus_entropy = tf.reduce_mean(tf.reduce_sum(pi * log_pi, axis=1))
            loss -= logs[b] * tf.stop_gradient(minus_entropy + target) / len(branches)
        if size := self.actions.continuous_size:
            loss -= logs[len(branches)] * tf.stop_gradient(tf.reduce_mean(log_probs) - size)
        return loss

    def backups(self, batch, next_noise):
        """For each signal [B]: r + (1 - terminated) gamma V(s')."""
        x = self.inputs(batch.next_obs)
        if self.q_target:
            drawn, log_probs, branches = self.policy(self.w, x, batch.next_allowed, next_noise)
            bonus = self.entropy_bonus(self.w, log_probs, branches)
            q1, q2 = (
                self.q_of_policy(self.w, name, x, drawn, branches)
                for name in ("target_q1", "target_q2")
            )
            values = [np.minimum(a, b) + bonus for a, b in zip(q1, q2, strict=True)]
        else:
            values = [v[:, 0] for v in self.heads(self.w, "target_value", x)]
        return [
            signal.pay(batch.rewards)
            + np.where(batch.terminated & (not signal.goes_on), 0, signal.gamma) * value
            for signal, value in zip(self.signals, values, strict=True)
        ]

    def losses(self, w, batch, noise, next_noise):
        """Policy, V, Q1, Q2 and coefficient loss on a minibatch [B]."""
        x = self.inputs(batch.obs)

        def error(values, backups):
            errors = [
                tf.reduce_mean((tf.stop_gradient(y) - v) ** 2)
                for v, y in zip(values, backups, strict=True)
            ]
            return 0.5 * sum(errors) / len(errors)

        y = self.backups(batch, next_noise)
        q_losses = [error(self.q_of_data(w, name, x, batch), y) for name in ("q1", "q2")]
        drawn, log_probs, branches = self.policy(w, x, batch.allowed, noise)
        bonus = self.entropy_bonus(w, log_probs, branches)
        q1, q2 = (self.q_of_policy(w, name, x, drawn, branches) for name in ("q1", "q2"))
        lower = [tf.minimum(a, b) for a, b in zip(q1, q2, strict=True)]
        if self.q_target:
            v_loss, judged = tf.zeros([], tf.float64), lower
        else:
            values = [v[:, 0] for v in self.heads(w, "value", x)]
            v_loss, judged = error(values, [q + bonus for q in lower]), q1
        policy_loss = tf.reduce_mean(-sum(judged) / len(judged) - bonus)
        return [
            policy_loss,
            v_loss,
            *q_losses,
            self.coefficient_loss(w, log_probs, branches),
        ]

    def owner(self, name):
        """Which loss trains a weight: 0 the policy's, 1 the critics', 2 the coefficients'."""
        part = name.split("/")[0]
        owners = {"actor": 0, "action_heads": 0, "q1": 1, "q2": 1, "value": 1}
        return owners.get(part, 2 if part == "entropy_coefficients" else None)

    def step(self, batch, noise, next_noise, learning_rate):
        """Losses on a minibatch, gradients by name; then Adam and targets move on."""
        w = {name: tf.constant(array) for name, array in self.w.items()}
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(w)
            policy, value, q1, q2, coefficients = self.losses(w, batch, noise, next_noise)
            totals = [policy, value + q1 + q2, coefficients]
        gradients = {
            name: tape.gradient(totals[owner], w[name]).numpy()
            for name in w
            if (owner := self.owner(name)) is not None
        }
        self.adam(gradients, learning_rate)
        for name in self.w:
            if name.startswith("target_"):
                source = self.w[name.removeprefix("target_")]
                self.w[name] = (1 - self.tau) * self.w[name] + self.tau * source
        return np.array([policy, value, q1, q2]), gradients

    def adam(self, gradients, learning_rate):
        self.time += 1
        for name, gradient in gradients.items():
            m, v = self.moments[name]
            m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
            self.moments[name] = m, v
            step = (m / (1 - 0.9**self.time)) / (np.sqrt(v / (1 - 0.999**self.time)) + 1e-8)
            self.w[name] = self.w[name] - learning_rate * step
