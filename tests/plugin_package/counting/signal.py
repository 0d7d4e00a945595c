"""Pays 1 / sqrt(n) where n rows were seen before (Strehl & Littman 2008)."""

import tensorflow as tf

from mlagents_tf.ops.masks import masked_mean
from mlagents_tf.rewards.signal import RewardSignal


class CountReward(RewardSignal):
    """Counts in bins of the first number of what is seen next."""

    goes_on_after_the_end = True
    tags = ("Policy/Count Bonus",)

    def __init__(self, name, settings, spec, rng):
        super().__init__(name, settings, spec, rng)
        self.num_bins = settings.num_bins
        self.counts = tf.Variable(tf.ones([settings.num_bins]), trainable=False)

    def rewards(self, transitions):
        return self.strength * self.bonus(self.bins(transitions))

    def train(self, transitions, seed):
        bins = self.bins(transitions)
        bonus = masked_mean(self.bonus(bins), transitions.mask)
        seen = tf.one_hot(bins, self.num_bins) * transitions.mask[:, None]
        self.counts.assign_add(tf.reduce_sum(seen, axis=0))
        return tf.stack([bonus, 0.0])

    def bins(self, transitions):
        share = tf.sigmoid(transitions.next_obs[0][:, 0])
        return tf.minimum(tf.cast(share * self.num_bins, tf.int32), self.num_bins - 1)

    def bonus(self, bins):
        return tf.math.rsqrt(tf.gather(self.counts, bins))

    def state(self):
        return {"counts": self.counts.numpy().copy()}

    def load_state(self, state):
        self.counts.assign(state["counts"])
