"""GAIL's loss, penalty, bottleneck and reward are the papers'."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from mlagents_tf.rewards import gail
from mlagents_tf.rewards.check_signal import SPECS, random_transitions
from mlagents_tf.specs import ActionSpec, ObservationSpec, ObservationType, Spec
from tests.rewards.pencil import Pencil, check_gradients, mean, shaken, sigmoid
from tests.rewards.signals import small_signal, write_demo

SEED = tf.constant([1, 2], tf.int32)
HYBRID = SPECS["hybrid, several vectors"]


def prepared(spec, folder, **keys):
    """A GAIL signal whose weights are all different."""
    signal = shaken(small_signal("gail", spec, 0, write_demo(folder, spec), **keys))
    signal.prepare()
    return signal


class PencilGAIL(Pencil):
    """A discriminator by the book; slopes by finite differences."""

    def __init__(self, signal, actions, *, use_actions, use_vail):
        super().__init__(signal, actions)
        self.use_actions, self.use_vail = use_actions, use_vail

    def judged(self, rows):
        x = self.inputs(rows.obs)
        if self.use_actions:
            ended = np.array(rows.terminated, np.float64)[:, None]
            x = np.concatenate([x, self.action(rows), ended], axis=1)
        return x

    def encoding(self, x):
        x = self.body("body", x)
        return self.dense("bottleneck/means", x) if self.use_vail else x

    def estimates(self, encoding):
        return sigmoid(self.dense("estimate/estimate", encoding)[:, 0])

    def penalty(self, x):
        """[N] (|slope of the estimate| - 1)^2, over every column of x."""
        step, squares = 1e-4, 1e-7
        for column in np.eye(x.shape[1]):
            up, down = (self.estimates(self.encoding(x + sign * step * column)) for sign in (1, -1))
            squares = squares + ((up - down) / (2 * step)) ** 2
        return (np.sqrt(squares) - 1) ** 2

    def divergence(self, x):
        """[N] by TensorFlow Probability."""
        stds = np.abs(self.w["bottleneck/bottleneck/stds"])
        codes = tfd.MultivariateNormalDiag(self.encoding(x), stds)
        standard = tfd.MultivariateNormalDiag(np.zeros(128), np.ones(128))
        return tfd.kl_divergence(codes, standard).numpy()

    def parts(self, policy, expert, share, noise):
        """Loss, estimates of both, penalty, divergence, and the total of a minibatch."""
        mask = policy.mask
        one, other = self.judged(policy), self.judged(expert)
        penalty = 10 * mean(self.penalty(share * one + (1 - share) * other), mask)
        codes, divergence, bound = [self.encoding(one), self.encoding(other)], 0.0, 0.0
        if self.use_vail:
            stds = self.w["bottleneck/bottleneck/stds"]
            codes = [c + stds * n for c, n in zip(codes, np.split(noise, 2), strict=True)]
            divergence = mean(self.divergence(one), mask) + mean(self.divergence(other), mask)
            bound = self.w["bottleneck/bottleneck/beta"] * (divergence - 0.5)
        d_policy, d_expert = (self.estimates(c) for c in codes)
        loss = -mean(np.log(1 - d_policy), mask) - mean(np.log(d_expert), mask)
        estimates = mean(d_policy, mask), mean(d_expert, mask)
        return [loss, *estimates, penalty, divergence, loss + penalty + bound]


@pytest.mark.parametrize(
    ("name", "use_actions", "use_vail"),
    [
        ("continuous, one vector", False, False),
        ("continuous, one vector", True, True),
        ("discrete, several vectors", True, False),
        ("hybrid, several vectors", True, True),
    ],
)
def test_a_step_is_that_of_pencil_and_paper(tmp_path, monkeypatch, name, use_actions, use_vail):
    spec, how = SPECS[name], {"use_actions": use_actions, "use_vail": use_vail}
    signal = prepared(spec, tmp_path, network_settings={"normalize": True}, **how)
    if use_vail:
        signal.network.bottleneck.beta.assign(0.3)
    policy, rng = random_transitions(spec, 0), np.random.default_rng(0)
    expert = signal.demonstrations.draw(32, SEED)
    share, noise = rng.random((32, 1)), rng.standard_normal((64, 128))
    monkeypatch.setattr(signal.demonstrations, "draw", lambda *_: expert)
    monkeypatch.setattr(gail, "uniform", lambda *_: tf.constant(share, tf.float32))
    monkeypatch.setattr(gail, "standard_normal", lambda *_: tf.constant(noise, tf.float32))

    pencil = PencilGAIL(signal, spec.actions, **how)
    *expected, divergence, _ = pencil.parts(policy, expert, share, noise)
    statistics = dict(zip(signal.tags_of_step, signal.train(policy, SEED).numpy(), strict=True))
    tags = ("Losses/GAIL Loss", "Policy/GAIL Policy Estimate", "Policy/GAIL Expert Estimate")
    found = [statistics[tag] for tag in (*tags, "Policy/GAIL Grad Mag Loss")]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert ("Losses/GAIL KL Loss" in statistics) == use_vail
    if use_vail:
        assert statistics["Losses/GAIL KL Loss"] == pytest.approx(divergence, rel=1e-4)
        assert statistics["Policy/GAIL Beta"] == pytest.approx(0.3)
        moved = 0.3 + 0.0005 * (divergence - 0.5)
        assert float(signal.network.bottleneck.beta) == pytest.approx(moved, rel=1e-5)
    checked = check_gradients(
        signal, pencil, lambda: pencil.parts(policy, expert, share, noise)[-1]
    )
    assert "body/dense_0/kernel" in checked
    assert ("bottleneck/bottleneck/stds" in checked) == use_vail
    assert "bottleneck/bottleneck/beta" not in checked


@pytest.mark.parametrize("use_vail", [False, True])
def test_the_reward_is_minus_the_logarithm_of_not_being_the_expert(tmp_path, use_vail):
    how = {"use_actions": True, "use_vail": use_vail}
    signal = prepared(HYBRID, tmp_path, strength=0.5, **how)
    rows = random_transitions(HYBRID, 0)
    pencil = PencilGAIL(signal, HYBRID.actions, **how)
    estimates = pencil.estimates(pencil.encoding(pencil.judged(rows)))  # no noise in codes
    np.testing.assert_allclose(signal.rewards(rows), -0.5 * np.log(1 - estimates), rtol=1e-4)
    assert np.ptp(estimates) > 0.1


def test_the_reward_stays_finite_where_an_estimate_rounds_to_1(tmp_path):
    signal = prepared(HYBRID, tmp_path)
    signal.network.estimate.bias.assign([200.0])
    np.testing.assert_allclose(signal.rewards(random_transitions(HYBRID, 0)), 200, atol=10)


def test_beta_follows_the_bound_and_never_falls_below_0(tmp_path):
    bottleneck = prepared(HYBRID, tmp_path, use_vail=True).network.bottleneck
    found = []
    for divergence in (0.0, 2.5, 10.5, 0.5, 0.3, float("nan"), -1000.0):
        bottleneck.tighten(tf.constant(divergence))
        found.append(float(bottleneck.beta))
    np.testing.assert_allclose(found, [0, 0.001, 0.006, 0.006, 0.0059, 0.0059, 0], atol=1e-8)


def test_the_penalty_is_taken_over_goals_as_well(tmp_path):
    goal = ObservationSpec((2,), observation_type=ObservationType.GOAL_SIGNAL)
    spec = Spec((ObservationSpec((3,)), goal), ActionSpec(1))
    signal = prepared(spec, tmp_path, use_actions=True)
    rows = random_transitions(spec, 0)
    judged = signal.network.together(rows)
    parts = tf.nest.flatten(judged)
    assert [x.shape[-1] for x in parts] == [3, 2, 2]  # seen, its goals, action and end

    def estimates(k, step):
        moved = [x + step if i == k else x for i, x in enumerate(parts)]
        moved = tf.nest.pack_sequence_as(judged, moved)
        return tf.sigmoid(signal.network.logits(signal.network.encode(moved)))

    squares = 1e-7
    for k, part in enumerate(parts):
        for column in 0.01 * np.eye(part.shape[-1], dtype=np.float32):
            squares += ((estimates(k, column) - estimates(k, -column)) / 0.02) ** 2
    expected = (np.sqrt(squares) - 1) ** 2
    np.testing.assert_allclose(signal.network.penalty(judged), expected, rtol=1e-2, atol=2e-3)


def test_every_step_draws_other_experts_mixtures_and_codes(tmp_path, monkeypatch):
    signal = prepared(HYBRID, tmp_path, use_vail=True)
    rows, drawn = random_transitions(HYBRID, 0), []
    for module, name in ((gail, "uniform"), (gail, "standard_normal")):
        draw = getattr(module, name)
        kept = lambda *args, draw=draw: drawn.append(draw(*args).numpy()) or drawn[-1]  # noqa: E731
        monkeypatch.setattr(module, name, kept)
    draw_rows = signal.demonstrations.draw
    monkeypatch.setattr(
        signal.demonstrations,
        "draw",
        lambda *args: (expert := draw_rows(*args), drawn.append(expert.obs[0].numpy()))[0],
    )
    for number in (0, 1, 0):
        signal.train(rows, tf.constant([7, number]))
    assert [x.shape for x in drawn[:3]] == [(32, 3), (32,), (64, 128)]
    for first, second, again in zip(drawn[:3], drawn[3:6], drawn[6:], strict=True):
        assert (first != second).any()
        np.testing.assert_array_equal(first, again)


def test_the_normaliser_learns_from_the_expert_once_and_never_from_the_policy(tmp_path):
    signal = prepared(HYBRID, tmp_path, network_settings={"normalize": True})
    pencil, normalizer = Pencil(signal, HYBRID.actions), signal.network.inputs.normalizer
    expert = next(signal.demonstrations.obs_chunks())
    pencil.see(expert, np.ones(signal.demonstrations.num_rows))
    assert int(normalizer.rows) == signal.demonstrations.num_rows + 1
    mean_before = normalizer.mean.numpy()
    np.testing.assert_allclose(mean_before, pencil.w["inputs/normalizer/mean"], rtol=1e-5)
    signal.train(random_transitions(HYBRID, 0), SEED)
    np.testing.assert_array_equal(normalizer.mean, mean_before)


def test_without_actions_they_and_the_end_are_not_judged(tmp_path):
    signal = prepared(HYBRID, tmp_path)
    rows = random_transitions(HYBRID, 0)
    other = rows._replace(
        continuous=-rows.continuous, discrete=1 - rows.discrete, terminated=1 - rows.terminated
    )
    np.testing.assert_array_equal(signal.rewards(rows), signal.rewards(other))


def test_its_remarks_name_the_signal_the_file_and_the_alignment(tmp_path):
    signal = small_signal("gail", HYBRID, 0, write_demo(tmp_path, HYBRID))
    (remark,) = signal.prepare()
    assert remark.startswith(f"reward signal gail: {tmp_path}/expert.demo: 60 pairs")
    assert "action alignment 'next'" in remark
