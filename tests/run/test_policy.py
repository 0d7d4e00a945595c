import numpy as np
import pytest

import mlagents_tf
from mlagents_tf.envs.embedded.toy import HybridLine, LineWorld, MaskedLine
from mlagents_tf.errors import DataError, EnvError
from mlagents_tf.run.evaluate import load_run, load_trainers
from tests.run.runs import CONFIG, TwoWorlds


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two behaviors, one continuous and one with masks."""
    folder = tmp_path_factory.mktemp("trained")
    config = folder / "config.yaml"
    config.write_text(CONFIG.replace("max_steps: 1000", "max_steps: 300"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLAGENTS_TF_MODE", "graph")
        env = TwoWorlds(LineWorld(4, 1), MaskedLine(4, 1))
        return mlagents_tf.learn(config, env, results_dir=folder, seed=1).run_dir


@pytest.fixture
def line(run):
    return mlagents_tf.load_policy(run, "toy-continuous")


@pytest.fixture
def masked(run):
    return mlagents_tf.load_policy(run, "toy-masked")


def test_a_policy_says_what_it_is(line):
    assert line.behavior == "toy-continuous"
    assert line.spec == LineWorld.spec
    assert line.steps == 300
    assert repr(line) == "<Policy toy-continuous: obs [1]; continuous 1; trained 300 steps>"


def test_it_acts_as_the_trainer_does(run, line):
    obs = np.array([[-1.0], [1.0]])
    actor = load_trainers(run, load_run(run))["toy-continuous"].actor
    actor.deterministic = True
    expected = actor.decide((obs.astype(np.float32),), None, np.random.default_rng())
    acted = line.act(obs)
    np.testing.assert_array_equal(acted.continuous, expected.actions.continuous)
    assert acted.continuous.dtype == np.float32
    assert acted.discrete.shape == (2, 0)


def test_draws_differ_and_follow_the_seed(run):
    obs = np.ones((50, 1))
    policies = [
        mlagents_tf.load_policy(run, "toy-continuous", deterministic=False, seed=seed)
        for seed in (1, 1, 2)
    ]
    one, same, other = (policy.act(obs).continuous for policy in policies)
    assert len(np.unique(one)) > 40
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_it_takes_only_what_is_allowed(masked):
    obs = np.zeros((3, 2))
    acted = masked.act((obs,), [[True, False, False], [False, True, False], [False, False, True]])
    np.testing.assert_array_equal(acted.discrete, [[0], [1], [2]])


def test_nobody_asks_and_nobody_acts(line):
    assert line.act(np.zeros((0, 1))).continuous.shape == (0, 1)


@pytest.mark.parametrize(
    ("obs", "allowed", "words"),
    [
        (np.zeros(2), None, r"observation 0 has shape \[2\], but must have \[N, 2\], one row"),
        (np.zeros((1, 3)), None, r"observation 0 has shape \[1, 3\], but must have \[N, 2\]"),
        (np.float32(1), None, r"observation 0 has shape \[\]"),
        ((np.zeros((1, 2)), np.zeros((1, 2))), None, "2 observations were given, it sees 1"),
        (np.full((1, 2), np.nan), None, r"observation 0\[0\] of agent 0 is nan"),
        (np.zeros((1, 2)), np.ones((1, 2)), r"allowed_actions arrived with shape \[1, 2\]"),
        (np.zeros((1, 2)), np.zeros((1, 3)), "forbids all 3 options"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(masked, obs, allowed, words):
    with pytest.raises(EnvError, match=words):
        masked.act(obs, allowed)


def test_a_behavior_must_be_named_where_there_are_several(run):
    with pytest.raises(DataError, match="name the behavior to load; it has: toy-continuous, toy-m"):
        mlagents_tf.load_policy(run)
    with pytest.raises(DataError, match="has no behavior 'toy', only: toy-continuous, toy-masked"):
        mlagents_tf.load_policy(run, "toy")


def test_the_only_behavior_needs_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("MLAGENTS_TF_MODE", "graph")
    behavior = mlagents_tf.BehaviorSettings(max_steps=8)
    result = mlagents_tf.learn(behavior, HybridLine(4), results_dir=tmp_path)
    policy = mlagents_tf.load_policy(str(result.run_dir))
    acted = policy.act(np.ones((5, *policy.spec.observations[0].shape)))
    assert acted.continuous.shape == (5, policy.spec.actions.continuous_size)
    assert acted.discrete.shape == (5, policy.spec.actions.num_branches)


def test_what_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(DataError, match="is not a run"):
        mlagents_tf.load_policy(tmp_path)
